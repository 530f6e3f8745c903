# SPDX-License-Identifier: MIT
"""The real safetensors package reads what the library writes, and the library reads what the package writes: the
importance of one linear layer, asked of `lifelong-lab importance`, against its formula.

    python3 exchange.py PATH/TO/lifelong-lab
"""
import os
import subprocess
import sys
import tempfile

import numpy
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

lab = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp())
random = numpy.random.default_rng(1)

for precision, tolerance in (numpy.float64, 1e-12), (numpy.float32, 1e-5):
    weight = random.normal(size=(3, 5)).astype(precision)
    bias = random.normal(size=3).astype(precision)
    x = random.normal(size=(40, 5)).astype(precision)
    y = random.integers(0, 3, 40)
    save_file({"0.weight": weight, "0.bias": bias}, "model.safetensors", {"written by": "the package, ünïcode too"})
    numpy.save("x.npy", x)
    numpy.save("y.npy", y)
    subprocess.run([lab, "importance", "--model", "model.safetensors", "--activation", "relu", "--features", "x.npy",
                    "--labels", "y.npy", "--estimator", "fisher-empirical", "--output", "importance.safetensors"],
                   check=True)

    # Ω = 1/N Σ_n (d_n x_nᵀ)², d = softmax(W x + b) - e_y
    logits = x.astype(float) @ weight.T.astype(float) + bias
    p = numpy.exp(logits - logits.max(1, keepdims=True))
    d = p / p.sum(1, keepdims=True) - numpy.eye(3)[y]
    expected = {"0.weight": (d**2).T @ x.astype(float) ** 2 / len(x), "0.bias": (d**2).mean(0)}

    found = load_file("importance.safetensors")
    assert set(found) == set(expected), found.keys()
    for name, values in expected.items():
        assert found[name].dtype == precision and found[name].shape == values.shape, (name, found[name].dtype)
        numpy.testing.assert_allclose(found[name], values, rtol=tolerance, err_msg=name)
    with safe_open("importance.safetensors", "numpy") as file:
        assert file.metadata()["estimator"] == "fisher-empirical", file.metadata()
print("ok")
