# SPDX-License-Identifier: MIT
"""The fused step compiled for any processor against the same program compiled for this machine's."""

import contest

ROWS = ["quadratic+momentum/512k", "quadratic+momentum/64M", "quadratic+adam/512k", "quadratic+adam/64M"]


def names():
    return [f"portable/{row} vs native" for row in ROWS]


def measure(build, wanted, seconds):
    rows = []
    for row, name in zip(ROWS, names()):
        if not wanted(name):
            continue
        served = f"step/{row} vs plain"
        with contest.Served(build / "step_benchmark_portable", served) as portable, \
                contest.Served(build / "step_benchmark", served) as native:
            rows.append(contest.pair(name, *contest.best_in_turn([portable, native], seconds)))
    return rows
