# SPDX-License-Identifier: MIT
"""The homework on lifelong learning in PyTorch, as its notebook does it, in turn with `lifelong-lab`:

    homework.py LIFELONG_LAB DATA_FOLDER OUT.json [--threads N] [--epochs N] [--methods A,B,...]

Five rotations of MNIST, 784-1024-512-256-10, Adam renewed for every task, batch 128, six methods: training one after the
other with tests of all tasks seen after each epoch. PyTorch gets the fast form: images are rotated before anything is
timed, a batch is one index_select, nothing is copied to Python numbers in a step. Wall times of whole runs, with all that
a method adds: penalties, importances, tests.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
from torch import nn

from pytorch import perceptron, rotate

WIDTHS = [784, 1024, 512, 256, 10]
TASKS, DEGREES, BATCH = 5, 20.0, 128


def read_part(folder, part):
    """Images as floats in [0, 1] and labels, from IDX files, compressed or not."""
    import gzip

    def read(name):
        path = pathlib.Path(folder, f"{part}-{name}-ubyte")
        return path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()

    images = torch.frombuffer(bytearray(read("images-idx3")), dtype=torch.uint8, offset=16).reshape(-1, 784)
    labels = torch.frombuffer(bytearray(read("labels-idx1")), dtype=torch.uint8, offset=8)
    return images.float() / 255, labels.long()


class Plain:
    """No penalty; also what the others have in common: anchors, and a penalty of importances."""

    strength = 0.0

    def __init__(self, network):
        self.network = network
        self.parameters = list(network.parameters())
        self.anchors = None
        self.importances = [torch.zeros_like(p) for p in self.parameters]

    def penalty(self):
        if self.anchors is None:
            return 0.0
        terms = (omega * (p - a).pow(2) for omega, p, a in zip(self.importances, self.parameters, self.anchors))
        return self.strength * sum(term.sum() for term in terms)

    def stepped(self):
        """Called after every backward pass and step."""

    def end_task(self, batches):
        self.anchors = [p.detach().clone() for p in self.parameters]


class Ewc(Plain):
    """Squares of the gradients of batches, in evaluation mode."""

    strength = 100.0

    def value(self, inputs, labels):
        return nn.functional.nll_loss(self.network(inputs).log_softmax(1), labels)

    def statistic(self, gradient):
        return gradient.pow(2)

    def end_task(self, batches):
        super().end_task(batches)
        totals = [torch.zeros_like(p) for p in self.parameters]
        self.network.eval()
        for inputs, labels in batches():
            self.network.zero_grad(set_to_none=True)
            self.value(inputs, labels).backward()
            for total, p in zip(totals, self.parameters):
                total += self.statistic(p.grad.detach()) / batches.count
        self.network.train()
        self.importances = [omega + total for omega, total in zip(self.importances, totals)]


class Mas(Ewc):
    strength = 0.1

    def value(self, inputs, labels):
        return self.network(inputs).pow(2).sum(1).mean()

    def statistic(self, gradient):
        return gradient.abs()


class Scp(Ewc):
    slices = 100

    def value(self, inputs, labels):
        mean = self.network(inputs).mean(0)
        directions = torch.randn(self.slices, mean.numel())
        return (directions / directions.norm(dim=1, keepdim=True) @ mean).mean()


class Si(Plain):
    """The path integral, updated after every step."""

    strength, epsilon = 1.0, 0.1

    def __init__(self, network):
        super().__init__(network)
        self.path = [torch.zeros_like(p) for p in self.parameters]
        self.before = [p.detach().clone() for p in self.parameters]
        self.start = [p.detach().clone() for p in self.parameters]

    def stepped(self):
        with torch.no_grad():
            for path, p, before in zip(self.path, self.parameters, self.before):
                path.sub_(p.grad * (p - before))
                before.copy_(p)

    def score(self):
        with torch.no_grad():
            return [path / ((p - start).pow(2) + self.epsilon)
                    for path, p, start in zip(self.path, self.parameters, self.start)]

    def end_task(self, batches):
        self.importances = [omega + score for omega, score in zip(self.importances, self.score())]
        for path in self.path:
            path.zero_()
        Plain.end_task(self, batches)
        self.start = [p.detach().clone() for p in self.parameters]


class RWalk(Si):
    """The mean of Fisher information and path score."""

    strength = 100.0

    def __init__(self, network):
        super().__init__(network)
        self.fisher = Ewc(network)

    def end_task(self, batches):
        scores = self.score()
        self.fisher.end_task(batches)
        self.importances = [(fisher + score) / 2 for fisher, score in zip(self.fisher.importances, scores)]
        Plain.end_task(self, batches)
        self.start = [p.detach().clone() for p in self.parameters]


METHODS = {  # PyTorch's, and what does the same work here
    "finetune": Plain, "hw14-ewc": Ewc, "hw14-mas": Mas, "hw14-si": Si, "hw14-rwalk": RWalk, "hw14-scp": Scp}


class Batches:
    def __init__(self, images, labels):
        self.images, self.labels = images, labels
        self.count = (len(images) + BATCH - 1) // BATCH

    def __call__(self):
        for batch in torch.randperm(len(self.images)).split(BATCH):
            yield self.images.index_select(0, batch), self.labels.index_select(0, batch)


def accuracy(network, images, labels):
    with torch.no_grad():
        right = sum((network(x).argmax(1) == y).sum() for x, y in zip(images.split(512), labels.split(512)))
    return float(right) / len(images)


def in_pytorch(method, tasks, epochs):
    """Seconds, and the mean accuracy at the end."""
    torch.manual_seed(1)
    network = perceptron(WIDTHS)
    learner = METHODS[method](network)
    start = time.perf_counter()
    for t, (train, _) in enumerate(tasks):
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
        for _ in range(epochs):
            for inputs, labels in train():
                optimizer.zero_grad(set_to_none=True)
                (nn.functional.cross_entropy(network(inputs), labels) + learner.penalty()).backward()
                optimizer.step()
                learner.stepped()
            accuracies = [accuracy(network, *test) for _, test in tasks[:t + 1]]
        if t + 1 < len(tasks):
            learner.end_task(train)
    return time.perf_counter() - start, sum(accuracies) / len(accuracies)


def share_of_products(tasks, repeats=20, steps=50):
    """The time of the matrix products of a plain step by themselves over that of the whole step, both in PyTorch: the
    best of repeats in turn. The first layer needs no gradient of its inputs."""
    network, inputs = perceptron(WIDTHS), list(tasks[0][0]())[:steps]
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    values = [torch.rand(BATCH, width) for width in WIDTHS]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def whole():
        for images, labels in inputs:
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(network(images), labels).backward()
            optimizer.step()

    def products():
        with torch.no_grad():
            for _ in inputs:
                for k, layer in enumerate(layers):
                    torch.mm(values[k], layer.weight.t())
                    torch.mm(values[k + 1].t(), values[k])
                    if k > 0:
                        torch.mm(values[k + 1], layer.weight)

    def seconds(work):
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    rounds = [(seconds(products), seconds(whole)) for _ in range(repeats)]
    return min(p for p, _ in rounds) / min(w for _, w in rounds)


def in_lab(lab, data, method, epochs, threads):
    """The same of one run of the program, by its own clocks: learning and importances, and wall time with all else."""
    with tempfile.TemporaryDirectory() as folder:
        command = [lab, "run", "--dataset", data, "--stream", "rotated", "--degrees", DEGREES, "--tasks", TASKS,
                   "--hidden", "1024,512,256", "--epochs", epochs, "--batch-size", BATCH, "--learning-rate", "1e-4",
                   "--optimizer-state", "reset", "--methods", method, "--threads", threads, "--output", folder]
        start = time.perf_counter()
        subprocess.run([str(word) for word in command], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        run = json.loads(pathlib.Path(folder, "results.json").read_text())["runs"][0]
    return seconds, run["average_accuracy"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lab")
    parser.add_argument("data")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--methods", default=",".join(METHODS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train, test = read_part(arguments.data, "train"), read_part(arguments.data, "t10k")
    tasks = [(Batches(rotate(train[0], DEGREES * t), train[1]), (rotate(test[0], DEGREES * t), test[1]))
             for t in range(TASKS)]
    share = share_of_products(tasks)
    print(f"matrix products alone take {100 * share:.0f} % of PyTorch's plain step: with products of the same speed, "
          f"training is at most {1 / share:.2f} times as fast", flush=True)
    rows = []
    for method in arguments.methods.split(","):
        ours = in_lab(arguments.lab, arguments.data, method, arguments.epochs, arguments.threads)
        theirs = in_pytorch(method, tasks, arguments.epochs)
        rows.append({"method": method, "ours_seconds": ours[0], "pytorch_seconds": theirs[0],
                     "ratio": theirs[0] / ours[0], "ours_accuracy": ours[1], "pytorch_accuracy": theirs[1]})
        print(f"{method:12} PyTorch {theirs[0]:7.1f} s {100 * theirs[1]:5.1f} %   here {ours[0]:7.1f} s "
              f"{100 * ours[1]:5.1f} %   {theirs[0] / ours[0]:.2f} times as fast", flush=True)
    total = sum(row["pytorch_seconds"] for row in rows) / sum(row["ours_seconds"] for row in rows)
    print(f"all together: {total:.2f} times as fast, {arguments.threads} threads, PyTorch {torch.__version__}")
    results = {"torch": torch.__version__, "threads": arguments.threads, "epochs": arguments.epochs,
               "share_of_products": share, "rows": rows, "all": total}
    arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
