"""One epoch of rotated MNIST, 784-1024-512-256-10, Adam, batch 128, in PyTorch.

Prints the least wall and processor seconds of an epoch.

The fast form of what its users write: all images rotated and converted beforehand, one index_select per batch, no
data loader, no synchronisation per step; the penalty of EWC is part of the loss, autograd does the rest.
"""

import argparse
import os
import pathlib
import time

import torch
from torch import nn

BATCH_SIZE = 128


def read_images(folder):
    """60,000 images as floats in [0, 1], with labels: synthetic, or MNIST's training set from IDX files."""
    if folder is None:
        generator = torch.Generator().manual_seed(1)
        images = torch.randint(0, 256, (60000, 784), dtype=torch.uint8, generator=generator)
        return images.float() / 255, torch.randint(0, 10, (60000,), generator=generator)
    images = bytearray(pathlib.Path(folder, "train-images-idx3-ubyte").read_bytes())
    labels = bytearray(pathlib.Path(folder, "train-labels-idx1-ubyte").read_bytes())
    images = torch.frombuffer(images, dtype=torch.uint8, offset=16).reshape(-1, 784)
    return images.float() / 255, torch.frombuffer(labels, dtype=torch.uint8, offset=8).long()


def rotate(images, degrees):
    angle = torch.deg2rad(torch.tensor(degrees))
    turn = torch.tensor([[torch.cos(angle), torch.sin(angle), 0.0], [-torch.sin(angle), torch.cos(angle), 0.0]])
    grid = nn.functional.affine_grid(turn[None], (1, 1, 28, 28), align_corners=False)
    channels = images.reshape(1, -1, 28, 28)
    return nn.functional.grid_sample(channels, grid, align_corners=False).reshape(-1, 784)


def epoch(network, optimizer, images, labels, penalty):
    order = torch.randperm(len(images))
    for batch in order.split(BATCH_SIZE):
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(network(images.index_select(0, batch)), labels.index_select(0, batch))
        if penalty is not None:
            loss = loss + penalty()
        loss.backward()
        optimizer.step()


def ewc(network, strength=1.0):
    """The penalty λ/2 Σ Ω (θ - θ*)² as a function of nothing."""
    parameters = list(network.parameters())
    importances = [torch.full_like(p, 1e-3) for p in parameters]
    anchors = [p.detach().clone() for p in parameters]

    def penalty():
        terms = (omega * (p - anchor).pow(2) for omega, p, anchor in zip(importances, parameters, anchors))
        return strength / 2 * sum(term.sum() for term in terms)

    return penalty


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--method", choices=["adam", "ewc+adam"], required=True)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    images, labels = read_images(os.environ.get("LIFELONG_BENCHMARK_DATA"))
    images = rotate(images, 20.0)
    widths = [784, 1024, 512, 256, 10]
    layers = [layer for i, o in zip(widths, widths[1:]) for layer in (nn.Linear(i, o), nn.ReLU())][:-1]
    network = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    penalty = ewc(network) if arguments.method == "ewc+adam" else None

    best = [float("inf"), float("inf")]
    for _ in range(arguments.epochs):
        begin = time.perf_counter(), time.process_time()
        epoch(network, optimizer, images, labels, penalty)
        end = time.perf_counter(), time.process_time()
        best = [min(least, after - before) for least, before, after in zip(best, begin, end)]
    print(*best)


if __name__ == "__main__":
    main()
