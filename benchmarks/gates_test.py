# SPDX-License-Identifier: MIT
"""Every row that a gate or a peer names exists, a row can be served, and verdicts are just: gates_test.py BUILD"""

import fnmatch
import pathlib
import subprocess
import sys
import unittest

import contest
import gates
import run
from run import peers

BUILD = pathlib.Path(sys.argv.pop())
ROW = {"name": "a/b", "real_time": 1.0, "ratio": 0.25, "share": 0.9}


class Names(unittest.TestCase):
    programs = {name: run.row_names(BUILD / f"{name}_benchmark") for name in run.programs(BUILD)}

    def test_every_gate_has_rows(self):
        names = sum(self.programs.values(), []) + [peer.name for peer in peers.ROWS]
        names += sum((script.names() for script in run.SCRIPTS.values()), [])
        for gate in gates.GATES:
            for part in gate["parts"]:
                self.assertTrue(fnmatch.filter(names, part["row"]), part["row"])

    def test_every_peer_has_a_row(self):
        for peer in peers.ROWS:
            self.assertIn(peer.row, self.programs[peer.program])

    def test_a_filter_finds_its_rows_alone(self):
        self.assertEqual(run.exactly(["a+b/c"]), "^(a[+]b/c)/iterations")

    def test_a_busy_machine_measures_less(self):
        row = "training/epoch/ewc+adam/threads 2 vs 1"
        self.assertTrue(gates.needed(row, busy=False))
        self.assertFalse(gates.needed(row, busy=True))


class Serving(unittest.TestCase):
    def test_a_turn_takes_time(self):
        with contest.Served(BUILD / "step_benchmark", "step/quadratic+momentum/10k vs plain") as row:
            self.assertGreater(row()["processor"], 0)

    def test_unknown_rows_are_refused(self):
        with self.assertRaises((RuntimeError, BrokenPipeError)), \
                contest.Served(BUILD / "step_benchmark", "none", stderr=subprocess.DEVNULL) as row:
            row()


class Verdicts(unittest.TestCase):
    def judge(self, skipped=None, busy=False, **part):
        return gates.judge({"row": "a/*", **part}, {"a/b": ROW}, skipped, busy)

    def test_bounds(self):
        self.assertEqual(self.judge(of="speedup", at_least=4), ("4", "reached"))
        self.assertEqual(self.judge(of="speedup", at_least=4.1), ("4", "falls short"))
        self.assertEqual(self.judge(of="ratio", at_most=0.25), ("0.25", "reached"))
        self.assertEqual(self.judge(of="ratio", at_most=0.2), ("0.25", "falls short"))

    def test_a_busy_machine_excuses_what_needs_an_idle_one(self):
        self.assertEqual(self.judge(row="c", of="ratio", at_most=1, idle=True, busy=True)[1], "machine busy")
        self.assertEqual(self.judge(row="c", of="ratio", at_most=1, busy=True)[1], "not measured")
        self.assertEqual(self.judge(row="c", of="ratio", at_most=1, idle=True)[1], "not measured")

    def test_what_is_missing_does_not_pass(self):
        self.assertEqual(self.judge(row="c", of="ratio", at_most=1)[1], "not measured")
        self.assertEqual(self.judge(row="peers/c", of="ratio", at_most=1, skipped="no PyTorch")[1], "skipped: no PyTorch")

    def test_the_worst_row_counts(self):
        rows = {"a/b": ROW, "a/c": {**ROW, "ratio": 0.5}}
        self.assertEqual(gates.judge({"row": "a/*", "of": "ratio", "at_most": 0.3}, rows, None, False),
                         ("0.5", "falls short"))

    def test_all_gates_must_be_reached(self):
        self.assertFalse(gates.table({}, None, False)[1])


unittest.main()
