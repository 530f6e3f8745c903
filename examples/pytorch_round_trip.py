# SPDX-License-Identifier: MIT
"""A network is trained in PyTorch, C++ computes how much each of its parameters matters, and PyTorch goes on with that.

    python3 pytorch_round_trip.py PATH/TO/lifelong-lab
"""
import copy, os, subprocess, sys, tempfile
import numpy, torch
from safetensors.torch import load_file, save_file

lab = os.path.abspath(sys.argv[1])


def train(model, x, y, penalty=lambda model: 0):
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(300):
        optimizer.zero_grad()
        (torch.nn.functional.cross_entropy(model(x), y) + penalty(model)).backward()
        optimizer.step()


def accuracy(model, x, y):
    return (model(x).argmax(1) == y).float().mean().item()


torch.manual_seed(1)
y = torch.arange(1000) % 10
x = torch.randn(10, 12)[y] + 0.25 * torch.randn(1000, 12)
other = x[:, torch.randperm(12)]  # the next task: the same patterns with their inputs in another order

model = torch.nn.Sequential(torch.nn.Linear(12, 48), torch.nn.ReLU(), torch.nn.Linear(48, 10))
train(model, x, y)

os.chdir(tempfile.mkdtemp())
# [save]
save_file(model.state_dict(), "model.safetensors")  # float32 or float64
numpy.save("x.npy", x.numpy())  # float32 or float64, as the model is given them
numpy.save("y.npy", y.numpy())  # whole numbers from 0
# [save]
subprocess.run([lab, "importance", "--model", "model.safetensors", "--activation", "relu", "--features", "x.npy",
                "--labels", "y.npy", "--estimator", "fisher", "--output", "importance.safetensors"], check=True)

# [penalty]
importance = load_file("importance.safetensors")  # the names and shapes of model.state_dict()
anchor = {name: p.detach().clone() for name, p in model.named_parameters()}


def penalty(model, strength=300):  # for moving away from what was learned
    return strength / 2 * sum((importance[n] * (p - anchor[n]) ** 2).sum() for n, p in model.named_parameters())
# [penalty]


plain, kept = copy.deepcopy(model), copy.deepcopy(model)
train(plain, other, y)
train(kept, other, y, penalty)
for name, after in ("before", model), ("plain", plain), ("penalty", kept):
    print(f"{name:8} first task {accuracy(after, x, y):.3f}   other task {accuracy(after, other, y):.3f}")
assert accuracy(kept, x, y) > 0.95 > accuracy(plain, x, y) and accuracy(kept, other, y) > 0.95
