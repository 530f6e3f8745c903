# SPDX-License-Identifier: MIT
"""The steps of step.cu in PyTorch on the same device: against_torch.py STEP_JSON [--json FILE] [--seconds S] [--smoke]

STEP_JSON is what `step --json` wrote. Each step is there twice: eager, as users write it, with autograd for the penalty
and torch.optim for the update; and as one function that torch.compile is given. Prints Markdown; a ratio is PyTorch's
time by ours. --smoke runs small steps, also without a device.
"""

import argparse
import json
import math
import pathlib
import sys
import time

import torch

RATE, MOMENTUM, STRENGTH = 1e-6, 0.9, 1.0
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
ALPHA, PATH_EPSILON = 0.01, 1e-3


class Start:
    """What all contestants start from: parameters, a gradient, an importance and an anchor."""

    def __init__(self, count, device):
        torch.manual_seed(1)
        self.theta = torch.rand(count, device=device) * 2 - 1
        self.gradient = torch.rand(count, device=device) * 2 - 1
        self.omega = torch.rand(count, device=device) * 1e-3
        self.anchor = torch.rand(count, device=device) - 0.5


class Eager:
    """A network of eight tensors. `gradient` of the task is there already, as after loss.backward()."""

    def __init__(self, start, optimizer, gathers):
        self.parameters = [chunk.clone().requires_grad_() for chunk in start.theta.chunk(8)]
        self.gradients = start.gradient.chunk(8)
        self.reset_gradients()
        self.omegas = start.omega.chunk(8)
        self.anchors = start.anchor.chunk(8)
        self.gathered = gathers(self.parameters) if gathers else None
        if optimizer == "momentum":
            self.optimizer = torch.optim.SGD(self.parameters, lr=RATE, momentum=MOMENTUM)
        else:
            self.optimizer = torch.optim.Adam(self.parameters, lr=RATE, betas=(BETA1, BETA2), eps=EPSILON)

    def reset_gradients(self):
        for p, gradient in zip(self.parameters, self.gradients):
            p.grad = gradient.clone()

    def penalty(self):
        terms = zip(self.omegas, self.parameters, self.anchors)
        return STRENGTH / 2 * sum((omega * (p - anchor).pow(2)).sum() for omega, p, anchor in terms)

    def step(self):
        if self.gathered:  # which looks at the gradient of the task alone
            before = [p.detach().clone() for p in self.parameters]
            gradients = [p.grad.clone() for p in self.parameters]
        value = self.penalty()
        value.backward()
        self.optimizer.step()
        if self.gathered:
            with torch.no_grad():
                self.gathered(self.parameters, gradients, before)
        return value

    def seen(self):
        """The parameters, and what was gathered of their path."""
        chunks = [self.parameters] + ([self.gathered.path] if self.gathered else [])
        return [torch.cat([chunk.detach() for chunk in each]) for each in chunks]


class PathOfSi:
    def __init__(self, parameters):
        self.path = [torch.zeros_like(p) for p in parameters]

    def __call__(self, parameters, gradients, before):
        for path, p, g, b in zip(self.path, parameters, gradients, before):
            path -= g * (p - b)


class PathOfRWalk:
    def __init__(self, parameters):
        self.fishers = [torch.zeros_like(p) for p in parameters]
        self.path = [torch.zeros_like(p) for p in parameters]

    def __call__(self, parameters, gradients, before):
        for fisher, score, p, g, b in zip(self.fishers, self.path, parameters, gradients, before):
            move = p - b
            fisher.mul_(1 - ALPHA).add_(ALPHA * g * g)
            score += (-g * move).clamp(min=0) / (0.5 * fisher * move * move + PATH_EPSILON)


# The same as functions of whole vectors, for torch.compile. They return the penalty's value.


def momentum(theta, g, omega, anchor, velocity):
    distance = theta - anchor
    value = STRENGTH / 2 * (omega * distance * distance).sum()
    velocity.mul_(MOMENTUM).add_(g + STRENGTH * omega * distance)
    return value, RATE * velocity


def ewc_momentum(theta, g, omega, anchor, velocity):
    value, fall = momentum(theta, g, omega, anchor, velocity)
    theta.sub_(fall)
    return value


def ewc_adam(theta, g, omega, anchor, first, second, count):
    distance = theta - anchor
    value = STRENGTH / 2 * (omega * distance * distance).sum()
    total = g + STRENGTH * omega * distance
    count.add_(1)
    first.mul_(BETA1).add_((1 - BETA1) * total)
    second.mul_(BETA2).add_((1 - BETA2) * total * total)
    mean_rate = RATE / (1 - BETA1**count)
    theta.sub_(mean_rate * first / ((second / (1 - BETA2**count)).sqrt() + EPSILON))
    return value


def si_momentum(theta, g, omega, anchor, velocity, path):
    value, fall = momentum(theta, g, omega, anchor, velocity)
    after = theta - fall
    path.sub_(g * (after - theta))
    theta.copy_(after)
    return value


def rwalk_momentum(theta, g, omega, anchor, velocity, fisher, score):
    value, fall = momentum(theta, g, omega, anchor, velocity)
    after = theta - fall
    move = after - theta
    fisher.mul_(1 - ALPHA).add_(ALPHA * g * g)
    score.add_((-g * move).clamp(min=0) / (0.5 * fisher * move * move + PATH_EPSILON))
    theta.copy_(after)
    return value


# Name of a row: optimizer, what eager code gathers, the function, how many arrays of zeros it takes, whether it counts.
STEPS = {
    "EWC + momentum": ("momentum", None, ewc_momentum, 1, False),
    "EWC + Adam": ("adam", None, ewc_adam, 2, True),
    "SI + momentum": ("momentum", PathOfSi, si_momentum, 2, False),
    "RWalk + momentum": ("momentum", PathOfRWalk, rwalk_momentum, 3, False),
}


def eager(name, start):
    optimizer, gathers, *_ = STEPS[name]
    return Eager(start, optimizer, gathers)


def whole(name, start, transform):
    """A step of the whole vector, the vector, and what was gathered of its path or another array of the step."""
    *_, function, arrays, counts = STEPS[name]
    theta = start.theta.clone()
    state = [torch.zeros_like(theta) for _ in range(arrays)]
    if counts:
        state.append(torch.zeros((), device=theta.device))
    function = transform(function)

    @torch.no_grad()
    def step():
        return function(theta, start.gradient, start.omega, start.anchor, *state)

    return step, [theta, state[arrays - 1]]


def seconds_of(call, device):
    """Seconds that a call takes on the device."""
    if device == "cpu":
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    call()
    end.record()
    end.synchronize()
    return 1e-3 * begin.elapsed_time(end)


def least_seconds(call, device, seconds):
    """The least seconds of a call in turns of some milliseconds."""
    for _ in range(3):
        one = seconds_of(call, device)
    calls = min(max(int(5e-3 / one), 1), 1000)

    def turn():
        for _ in range(calls):
            call()

    least, begin = math.inf, time.monotonic()
    while math.isinf(least) or time.monotonic() - begin < seconds:
        least = min(least, seconds_of(turn, device) / calls)
    return least


def out_of_memory(error):
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error)


def measured(make, device, seconds):
    """Least seconds of the step that `make` makes; nothing if memory does not do."""
    if device != "cpu":
        torch.cuda.empty_cache()
    try:
        return least_seconds(make(), device, seconds)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        return None


def require_agreement(name, device, transform):
    """All ways to write a step do the same, and are the same as far as roundings go."""
    start = Start(1000, device)
    ours, (step, seen) = eager(name, start), whole(name, start, transform)
    for _ in range(10):
        ours.reset_gradients()
        values = float(ours.step()), float(step())
    if not math.isclose(*values, rel_tol=1e-4):
        sys.exit(f"{name}: the penalty of eager and whole steps differs: {values}")
    for a, b, origin in zip(ours.seen(), seen, (start.theta, 0)):
        moved, apart = (a - origin).abs().max(), (a - b).abs().max()
        if not (moved > 0 and apart < 0.05 * moved):
            sys.exit(f"{name}: eager and whole steps differ by {apart}, where {moved} is the most")


def text(seconds):
    return "too little memory" if seconds is None else f"{1e3 * seconds:.3f}"


def ratio(seconds, ours):
    return "" if seconds is None else f"{seconds / ours:.2f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ours", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not arguments.smoke:
        print("skipped: PyTorch finds no CUDA device")
        sys.exit(77)
    transform = (lambda f: f) if device == "cpu" else (lambda f: torch.compile(f, dynamic=False))
    for name in STEPS:
        require_agreement(name, device, transform)

    print(f"PyTorch {torch.__version__}\n")
    print("| step | parameters | ours, ms | eager, ms | ratio | compiled, ms | ratio |\n|---|---|---|---|---|---|---|")
    rows = []
    for row in json.loads(arguments.ours.read_text()):
        name, count, ours = row["name"], row["parameters"], row["seconds"]
        start = Start(count, device)
        seconds = 0 if arguments.smoke else arguments.seconds
        of_eager = measured(lambda: eager(name, start).step, device, seconds)
        of_compiled = measured(lambda: whole(name, start, transform)[0], device, seconds)
        print(f"| {name} | {count:.0e} | {text(ours)} | {text(of_eager)} | {ratio(of_eager, ours)} "
              f"| {text(of_compiled)} | {ratio(of_compiled, ours)} |", flush=True)
        rows.append({"name": name, "parameters": count, "ours": ours, "eager": of_eager, "compiled": of_compiled})
    if arguments.json:
        arguments.json.write_text(json.dumps({"torch": torch.__version__, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
