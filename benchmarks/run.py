# SPDX-License-Identifier: MIT
"""Runs the benchmarks, writes their JSON and one Markdown table: run.py BUILD OUT [--gates] [--seconds S] [NAME...]

Names are those of the C++ programs without _benchmark, and: portable, build_cost, peers. Default: all.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

import build_cost
import contest
import gates
import portable

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE / "peers"))
import rows as peers  # noqa: E402

BUSY = 1.2  # load average before the start, above which two threads prove nothing
SCRIPTS = {"portable": portable, "build_cost": build_cost}


def programs(build):
    """Those that this machine could build."""
    names = (source.stem.removesuffix("_benchmark") for source in sorted(HERE.glob("*_benchmark.cpp")))
    return [name for name in names if (build / f"{name}_benchmark").exists()]


def load():
    return os.getloadavg()[0]


def row_names(program):
    listed = subprocess.run([program, "--benchmark_list_tests"], capture_output=True, text=True, check=True)
    return [row_name(line) for line in listed.stdout.splitlines()]


def row_name(name):
    """Without what Google Benchmark appends."""
    return re.sub(r"/iterations:.*", "", name)


def exactly(names):
    """A filter of Google Benchmark for these rows alone."""
    return "^(" + "|".join(re.sub(r"([+.*])", r"[\1]", name) for name in names) + ")/iterations"


def run_program(program, out, wanted, seconds):
    names = list(filter(wanted, row_names(program)))
    if not names:
        return
    subprocess.run([program, f"--seconds={seconds}", f"--benchmark_filter={exactly(names)}", f"--benchmark_out={out}"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def interpreter_with_torch():
    for python in filter(None, [os.environ.get("PYTHON"), "python3", "/usr/bin/python3"]):
        try:
            if subprocess.run([python, "-c", "import torch"], stderr=subprocess.DEVNULL).returncode == 0:
                return python
        except OSError:
            pass
    return None


def lscpu(field):
    """What lscpu says of `field`, where there is lscpu."""
    try:
        text = subprocess.run(["lscpu"], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    except OSError:
        return "unknown"
    found = re.search(rf"^{re.escape(field)}:\s*(.*)$", text, re.M)
    return found[1] if found else "unknown"


def blas_core(python):
    """What PyTorch multiplies with, left to itself."""
    if python is None:
        return "no PyTorch here"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    said = subprocess.run([python, "-c", "import torch; torch.ones(2, 2) @ torch.ones(2, 2)"], capture_output=True,
                          text=True, env={**environment, "OPENBLAS_VERBOSE": "2"}).stderr
    core = re.search(r"Core: (.*)", said)
    return f"PyTorch's OpenBLAS core: {core[1]}" if core else "PyTorch uses no OpenBLAS"


def flags(out):
    """How the programs were compiled, by their own word."""
    contexts = (json.loads(file.read_text())["context"] for file in out.glob("*.json"))
    return ", ".join(sorted({context["flags"] for context in contexts if "flags" in context})) or "no C++ program ran"


def head(out, load_before, python):
    compiler = subprocess.run([*build_cost.COMPILER, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    caches = ", ".join(f"{cache} {lscpu(cache + ' cache')}" for cache in ("L1d", "L2", "L3"))
    return [f"- processor: {lscpu('Model name')}, family {lscpu('CPU family')}, {os.cpu_count()} cores, "
            f"{platform.machine()}",
            f"- caches: {caches}",
            f"- compiler: {compiler}; flags: {flags(out)}",
            "- threads: 1, unless a row says otherwise",
            f"- products: the library's own kernels; {blas_core(python)} (environment presets cleared)",
            f"- load average: {load_before:.2f} before, {load():.2f} after"]


def collect(out):
    rows = {}
    for file in sorted(out.glob("*.json")):
        content = json.loads(file.read_text())
        rows.update({row_name(row["name"]): row for row in content["benchmarks"] if not row.get("error_occurred")})
    return rows


def results(rows):
    lines = ["| row | time | body / against | floor | share of the floor reached |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        number = lambda key, pattern: pattern.format(row[key]) if key in row else ""
        time = f"{row['value']:.3g} {row['unit']}" if "value" in row else number("real_time", "{:.4g} ms")
        floor = number("floor_ms", "{:.4g} ms") + (f" by {row['label']}" if row.get("label") else "")
        lines.append(f"| {name} | {time} | {number('ratio', '{:.3g}')} | {floor} | {number('share', '{:.2f}')} |")
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--gates", action="store_true", help="measure what the gates ask for, and judge it")
    parser.add_argument("--seconds", type=float, default=2, help="how long a row is repeated")
    parser.add_argument("--load", type=float, default=load(), help="load average before it all began")
    arguments = parser.parse_intermixed_args()

    busy = arguments.load > BUSY
    wanted = (lambda name: gates.needed(name, busy)) if arguments.gates else lambda name: True
    names = arguments.names or [*programs(arguments.build), *SCRIPTS, "peers"]
    arguments.out.mkdir(parents=True, exist_ok=True)
    python = interpreter_with_torch()
    skipped = None if python else "no PyTorch"
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr)
        file = arguments.out / f"{name}.json"
        if name in SCRIPTS:
            contest.write(file, SCRIPTS[name].measure(arguments.build, wanted, arguments.seconds))
        elif name == "peers":
            if python is None:
                continue
            subprocess.run([HERE / "peers/run.sh", arguments.build, arguments.out, "--seconds", str(arguments.seconds),
                            "--rows", *(peer.name for peer in peers.ROWS if wanted(peer.name))],
                           env={**os.environ, "PYTHON": python}, check=True)
        else:
            run_program(arguments.build / f"{name}_benchmark", file, wanted, arguments.seconds)

    rows = collect(arguments.out)
    lines, fine = gates.table(rows, skipped, busy) if arguments.gates else (results(rows), True)
    title = "# Gates" if arguments.gates else "# Benchmarks"
    text = "\n".join([title, "", *head(arguments.out, arguments.load, python), "", *lines]) + "\n"
    (arguments.out / ("gates.md" if arguments.gates else "results.md")).write_text(text)
    print(text, end="")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
