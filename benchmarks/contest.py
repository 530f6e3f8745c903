# SPDX-License-Identifier: MIT
"""Takes turns between programs: rows of the benchmarks' C++ programs, other processes and Python functions."""

import json
import math
import subprocess
import time


class Served:
    """A row's body in a program started with --serve; a call is a turn, its seconds per call of the body."""

    def __init__(self, program, row, **options):
        self.process = subprocess.Popen(
            [program, f"--serve={row}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        self.row = row

    def __call__(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            raise RuntimeError(f"{self.process.args[0]} does not serve {self.row}")
        return dict(zip(("processor", "wall"), map(float, answer)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()


def timed(function, turn_seconds=5e-3):
    """`function` as a contestant, in this process; the first call warms up and says how many make a turn."""
    calls = 1

    def turn():
        begin = time.process_time(), time.perf_counter()
        for _ in range(calls):
            function()
        return {"processor": (time.process_time() - begin[0]) / calls, "wall": (time.perf_counter() - begin[1]) / calls}

    calls = int(turn_seconds / turn()["wall"]) + 1
    return turn


def best_in_turn(contestants, seconds, clock="processor", rounds=3):
    """Least seconds of each contestant; they take turns for `seconds`, `rounds` times at the least."""
    best = [math.inf] * len(contestants)
    begin = time.monotonic()
    while rounds > 0 or time.monotonic() - begin < seconds:
        best = [min(least, contestant()[clock]) for least, contestant in zip(best, contestants)]
        rounds -= 1
    return best


def pair(name, body, against, **more):
    """A row of two times in seconds, as Google Benchmark writes those of C++ programs."""
    return {"name": name, "real_time": body * 1e3, "time_unit": "ms", "ratio": body / against, **more}


def write(path, rows, **context):
    path.write_text(json.dumps({"context": context, "benchmarks": rows}, indent=2) + "\n")
