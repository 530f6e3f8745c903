# SPDX-License-Identifier: MIT
"""What the library promises (gates.json), judged by measured rows."""

import fnmatch
import json
import pathlib

GATES = json.loads(pathlib.Path(__file__).with_name("gates.json").read_text())

# How a part reads its number off a row of two times.
MEASURES = {
    "ratio": lambda row: row["ratio"],
    "speedup": lambda row: 1 / row["ratio"],
    "share": lambda row: row["share"],
    "rest": lambda row: 100 * (1 - 1 / row["ratio"]),
    "value": lambda row: row["value"],
}

SEVERITY = ["reached", "skipped", "machine busy", "not measured", "falls short"]


def needed(row, busy):
    """Whether a gate asks for the row of this name; on a busy machine none does that needs an idle one."""
    return any(fnmatch.fnmatchcase(row, part["row"]) for gate in GATES for part in gate["parts"]
               if not (busy and part.get("idle")))


def unit(part):
    return " " + part.get("unit", "×") if "unit" in part or part["of"] == "speedup" else ""


def asked(part):
    return f"≥ {part['at_least']:g}{unit(part)}" if "at_least" in part else f"≤ {part['at_most']:g}{unit(part)}"


def judge(part, rows, skipped, busy):
    """What was measured, the worst of the rows a part names, and the verdict."""
    values = [MEASURES[part["of"]](row) for name, row in rows.items() if fnmatch.fnmatchcase(name, part["row"])]
    if values:
        worst = min(values) if "at_least" in part else max(values)
        reached = worst >= part["at_least"] if "at_least" in part else worst <= part["at_most"]
        return f"{worst:.3g}", "reached" if reached else "falls short"
    if skipped and part["row"].startswith("peers/"):
        return "-", f"skipped: {skipped}"
    return "-", "machine busy" if busy and part.get("idle") else "not measured"


def table(rows, skipped, busy):
    """The lines of the table, and whether nothing falls short. `skipped` says why peers were, if they were."""
    lines, fine = ["| id | claim | asked | measured | verdict |", "|---|---|---|---|---|"], True
    for gate in GATES:
        measured, verdicts = zip(*(judge(part, rows, skipped, busy) for part in gate["parts"]))
        worst = max(verdicts, key=lambda verdict: SEVERITY.index(verdict.split(":")[0]))
        lines.append(f"| {gate['id']} | {gate['claim']} | {' / '.join(dict.fromkeys(map(asked, gate['parts'])))} | "
                     f"{' / '.join(measured)} | {worst} |")
        fine = fine and worst not in ("not measured", "falls short")
    return lines, fine
