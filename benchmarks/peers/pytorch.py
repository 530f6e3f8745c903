# SPDX-License-Identifier: MIT
"""The same work in PyTorch as its users write it, in turn with this library's: pytorch.py BUILD OUT --threads N

What is compared is a row's body in a C++ program of BUILD, served on request, and a function here.
"""

import argparse
import os
import pathlib
import sys

import torch
from torch import nn

import rows as peers

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import contest  # noqa: E402


def quadratic(parameters, strength=1.0):
    """λ/2 Σ Ω (θ - θ*)² of some tensors, as a function of nothing."""
    importances = [torch.full_like(p, 1e-3) for p in parameters]
    anchors = [p.detach().clone() for p in parameters]

    def penalty():
        terms = (omega * (p - anchor).pow(2) for omega, p, anchor in zip(importances, parameters, anchors))
        return strength / 2 * sum(term.sum() for term in terms)

    return penalty


def penalised_step(count, tasks):
    """SGD with momentum on `tasks` penalties that autograd differentiates; the gradient of the task is there already."""
    parameters = [torch.rand(count // 8, requires_grad=True) for _ in range(8)]
    for p in parameters:
        p.grad = torch.rand_like(p)
    penalties = [quadratic(parameters) for _ in range(tasks)]
    optimizer = torch.optim.SGD(parameters, lr=1e-5, momentum=0.9)

    def step():
        sum(penalty() for penalty in penalties).backward()
        optimizer.step()

    return step


def perceptron(widths):
    layers = [layer for i, o in zip(widths, widths[1:]) for layer in (nn.Linear(i, o), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


class FisherSubject:
    """784-400-400-10 and labelled samples."""

    def __init__(self, samples):
        self.network = perceptron([784, 400, 400, 10])
        self.parameters = list(self.network.parameters())
        self.inputs = torch.rand(samples, 784)
        self.labels = torch.randint(0, 10, (samples,))
        self.fisher = [torch.zeros_like(p) for p in self.parameters]

    def add_squares(self, weight=1.0):
        for total, p in zip(self.fisher, self.parameters):
            total += weight * p.grad.detach() ** 2

    def true_labels(self):
        """One backward pass per sample."""
        for x, y in zip(self.inputs.split(1), self.labels.split(1)):
            self.network.zero_grad()
            nn.functional.cross_entropy(self.network(x), y).backward()
            self.add_squares()

    def all_labels(self):
        """One backward pass per sample and class."""
        for x in self.inputs.split(1):
            outputs = self.network(x)
            probabilities = outputs.detach().softmax(1)[0]
            for label in range(10):
                self.network.zero_grad()
                loss = nn.functional.cross_entropy(outputs, torch.tensor([label]))
                loss.backward(retain_graph=label < 9)
                self.add_squares(probabilities[label])

    def hooks(self):
        """One backward pass per batch; hooks keep what the squared products of the layers need."""
        kept, handles = [], []
        for layer in self.network:
            if isinstance(layer, nn.Linear):
                handles.append(layer.register_full_backward_hook(lambda _, __, out: kept.append(out[0])))
                handles.append(layer.register_forward_pre_hook(lambda _, x: kept.append(x[0])))
        nn.functional.cross_entropy(self.network(self.inputs), self.labels, reduction="sum").backward()
        for handle in handles:
            handle.remove()
        inputs, deltas = kept[:3], kept[:2:-1]
        for k, (x, d) in enumerate(zip(inputs, deltas)):
            self.fisher[2 * k] += d.detach().square().T @ x.detach().square()
            self.fisher[2 * k + 1] += d.detach().square().sum(0)

    def vmapped(self):
        """Per-sample gradients by vmap, 100 samples at a time."""
        names = [name for name, _ in self.network.named_parameters()]
        theta = dict(zip(names, (p.detach() for p in self.parameters)))

        def loss(theta, x, y):
            outputs = torch.func.functional_call(self.network, theta, (x[None],))
            return nn.functional.cross_entropy(outputs, y[None])

        gradients = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))
        for x, y in zip(self.inputs.split(100), self.labels.split(100)):
            for total, gradient in zip(self.fisher, gradients(theta, x, y).values()):
                total += gradient.square().sum(0)


def read_images(folder):
    """60,000 images as floats in [0, 1], with labels: synthetic, or MNIST's training set from IDX files."""
    if folder is None:
        images = torch.randint(0, 256, (60000, 784), dtype=torch.uint8)
        return images.float() / 255, torch.randint(0, 10, (60000,))
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


def epoch(penalised):
    """Rotated MNIST, 784-1024-512-256-10, Adam, batch 128: images rotated beforehand, one index_select per batch."""
    images, labels = read_images(os.environ.get("LIFELONG_BENCHMARK_DATA"))
    images = rotate(images, 20.0)
    network = perceptron([784, 1024, 512, 256, 10])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    penalty = quadratic(list(network.parameters())) if penalised else None

    def run():
        for batch in torch.randperm(len(images)).split(128):
            optimizer.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(network(images.index_select(0, batch)), labels.index_select(0, batch))
            if penalty is not None:
                loss = loss + penalty()
            loss.backward()
            optimizer.step()

    return run


def true_labels(samples):
    return FisherSubject(samples).true_labels


def all_labels(samples):
    return FisherSubject(samples).all_labels


def hooks(samples):
    return FisherSubject(samples).hooks


def vmapped(samples):
    return FisherSubject(samples).vmapped if hasattr(torch, "func") else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rows", nargs="*", default=[peer.name for peer in peers.ROWS])
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    clock = "processor" if arguments.threads == 1 else "wall"
    rows = []
    for peer in peers.ROWS:
        if peer.threads != arguments.threads or peer.name not in arguments.rows:
            continue
        function = globals()[peer.function](*peer.arguments)
        if function is None:  # this PyTorch cannot
            continue
        with contest.Served(arguments.build / f"{peer.program}_benchmark", peer.row) as ours:
            best = contest.best_in_turn([ours, contest.timed(function)], arguments.seconds, clock)
        rows.append(contest.pair(peer.name, best[0], best[1] / peer.share, label=f"torch {torch.__version__}"))
    contest.write(arguments.out, rows)


if __name__ == "__main__":
    main()
