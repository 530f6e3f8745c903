# SPDX-License-Identifier: MIT
"""State_dicts as real models have them, asked of `lifelong-lab importance`: the importances against PyTorch's autograd,
one sample at a time, to 1e-9 relative in double.

    python3 state_dicts.py PATH/TO/lifelong-lab
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy
import torch
from safetensors.torch import load_file, save_file
from torch import nn

lab = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp())
torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.out = nn.Linear(6, 9), nn.Linear(9, 7), nn.Linear(7, 4)

    def forward(self, x):
        return self.out(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


# [cnn]
class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5, eps=1e-3)
        self.layer1 = nn.Sequential(nn.Conv2d(5, 4, (3, 2), stride=(2, 1), bias=False), nn.BatchNorm2d(4))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        return self.classifier(torch.relu(self.layer1(x)).mean((2, 3)))
# [cnn]


# [architecture]
architecture = {"input": [2, 12, 10], "layers": [
    {"conv2d": "conv1", "kernel": 3, "padding": 1}, {"batch_norm": "bn1", "epsilon": 1e-3}, "relu", {"max_pool": 2},
    {"conv2d": "layer1.0", "stride": [2, 1]}, {"batch_norm": "layer1.1"}, "relu", "global_avg_pool", "dropout",
    {"linear": "classifier.1"}, "relu", {"linear": "classifier.3"}]}
# [architecture]


class LayerNormMlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm1 = nn.Linear(6, 8), nn.LayerNorm(8)
        self.hidden, self.norm2, self.head = nn.Linear(8, 8, bias=False), nn.LayerNorm(8, eps=1e-6), nn.Linear(8, 5)

    def forward(self, x):
        x = nn.functional.gelu(self.norm1(self.embed(x)))
        return self.head(nn.functional.gelu(self.norm2(self.hidden(x))))


layer_norm_layers = {"layers": [
    {"linear": "embed"}, {"layer_norm": "norm1"}, "gelu", {"linear": "hidden"},
    {"layer_norm": "norm2", "epsilon": 1e-6}, "gelu", {"linear": "head"}]}


def every_other_layer():
    layers = [nn.Conv2d(2, 6, 3, padding=(2, 1), groups=2), nn.GroupNorm(3, 6), nn.Sigmoid(), nn.AvgPool2d(3, 2, 1),
              nn.Conv2d(6, 4, 1), nn.MaxPool2d((2, 3)), nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 5)]
    return nn.Sequential(*layers), {"input": [2, 12, 10], "layers": [
        {"conv2d": "0", "padding": [2, 1], "groups": 2}, {"group_norm": "1", "groups": 3}, "sigmoid",
        {"avg_pool": 3, "stride": 2, "padding": 1}, {"conv2d": "4"}, {"max_pool": [2, 3]}, "flatten",
        {"batch_norm": "7"}, {"linear": "8"}]}


def stirred(model, x):
    """The model with parameters and running statistics that are nobody's defaults, in evaluation."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    for _ in range(5):
        model(2 * x + 1)
    return model.eval()


def expected(model, x, y, estimator):
    """Each sample's gradients by themselves."""
    names, parameters = zip(*model.named_parameters())
    total = [torch.zeros_like(p) for p in parameters]

    def add(value, moment):
        for sum_, gradient in zip(total, torch.autograd.grad(value, parameters, retain_graph=True)):
            sum_ += moment(gradient)

    for n in range(len(x)):
        f = model(x[n:n + 1])[0]
        log_p = f.log_softmax(0)
        if estimator == "fisher":
            for c in range(len(f)):
                add(log_p[c], lambda g: log_p[c].exp().detach() * g**2)
        elif estimator == "fisher-empirical":
            add(log_p[y[n]], lambda g: g**2)
        else:
            add((f**2).sum(), torch.abs)
    return {name: sum_ / len(x) for name, sum_ in zip(names, total)}


def check(title, model, x, outputs, prefix="", options=(), metadata=None):
    model = stirred(model, x)
    y = torch.arange(len(x)) % outputs
    save_file({prefix + name: value.contiguous() for name, value in model.state_dict().items()}, "model.safetensors",
              metadata)
    numpy.save("x.npy", x.numpy())
    numpy.save("y.npy", y.numpy()[:, None].astype("u1"))  # N x 1, and bytes
    worst = 0
    for estimator in "fisher", "fisher-empirical", "mas":
        subprocess.run([lab, "importance", "--model", "model.safetensors", "--features", "x.npy", "--labels", "y.npy",
                        "--batch-size", "5", "--estimator", estimator, "--output", "out.safetensors", *options],
                       check=True, stdout=subprocess.DEVNULL)
        found, wanted = load_file("out.safetensors"), expected(model, x, y, estimator)
        assert set(found) == {prefix + name for name in wanted}, (title, found.keys())
        for name, values in wanted.items():
            assert found[prefix + name].shape == values.shape, (title, name)
            gap = (found[prefix + name] - values).abs()
            worst = max(worst, (gap / values.abs().clamp(min=1e-300)).max().item())
            assert (gap <= 1e-9 * values.abs()).all(), (title, estimator, name, worst)
    print(f"{title}: off by {worst:.1g} at most")


x, images = torch.randn(13, 6), torch.randn(13, 2, 12, 10)
with open("cnn.json", "w") as file:
    json.dump(architecture, file)
tanh = ["--activation", "tanh"]
check("MLP", Mlp(), x, 4, options=tanh)
check("MLP in DataParallel", nn.DataParallel(Mlp()), x, 4, options=tanh)
check("MLP, compiled and distributed", Mlp(), x, 4, "module._orig_mod.", tanh)
check("CNN with BatchNorm", Cnn(), images, 3, options=["--architecture", "cnn.json"])
check("CNN with BatchNorm, prefixed", Cnn(), images, 3, "_orig_mod.model.", ["--architecture", "cnn.json"])
check("MLP with LayerNorm", LayerNormMlp(), x, 5,
      metadata={"lifelong.architecture": json.dumps(layer_norm_layers)})
model, layers = every_other_layer()
check("nn.Sequential of the other layers", model, images, 5, "net.",
      metadata={"lifelong.architecture": json.dumps(layers)})

model = stirred(Cnn(), images)
# [metadata]
save_file(model.state_dict(), "model.safetensors", {"lifelong.architecture": json.dumps(architecture)})
# [metadata]
numpy.save("x.npy", images.numpy())
numpy.save("y.npy", numpy.arange(len(images)) % 3)
subprocess.run([lab, "importance", "--model", "model.safetensors", "--features", "x.npy", "--labels", "y.npy",
                "--estimator", "mas", "--output", "out.safetensors"], check=True, stdout=subprocess.DEVNULL)
print("ok")
