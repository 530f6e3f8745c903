# SPDX-License-Identifier: MIT
"""What is compared with PyTorch: a row of a C++ program, and a function of pytorch.py that does the same work."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    program: str
    row: str
    function: str
    arguments: tuple = ()
    share: float = 1  # of the work that the function does
    threads: int = 1


def fisher(name, labels, function, samples=1000, share=1.0):
    row = f"importance/{labels} fisher/mlp/batch 1000 vs gradient"
    return Peer(f"peers/{labels} fisher vs PyTorch{name}", "importance", row, function, (samples,), share)


SIZES = {"512k": 1 << 19, "8M": 1 << 23, "64M": 1 << 26}

ROWS = [
    *(Peer(f"peers/ewc+momentum/{size} vs PyTorch", "step", f"learner/quadratic+momentum/{size} vs kernel",
           "penalised_step", (SIZES[size], 1)) for size in SIZES),
    *(Peer(f"peers/ten tasks/{size} vs PyTorch", "consolidation", f"tasks/quadratic+momentum/{size}/10 vs 1",
           "penalised_step", (SIZES[size], 10)) for size in ("512k", "8M")),
    fisher("", "empirical", "true_labels"),
    fisher(" hooks", "empirical", "hooks"),
    fisher(" vmap", "empirical", "vmapped"),
    fisher("", "exact", "all_labels", samples=100, share=0.1),
    *(Peer(f"peers/epoch/{name}/threads {threads} vs PyTorch", "training",
           f"training/epoch/{name}/threads {threads} vs {against}", "epoch", (name == "ewc+adam",), threads=threads)
      for name, threads, against in [("adam", 1, "products"), ("ewc+adam", 1, "adam"), ("adam", 2, "1"),
                                     ("ewc+adam", 2, "1")]),
]
