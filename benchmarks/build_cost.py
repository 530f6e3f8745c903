# SPDX-License-Identifier: MIT
"""What the library costs to build with: processor seconds to compile, and bytes in a program."""

import os
import pathlib
import resource
import subprocess
import tempfile

import contest

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILER = os.environ.get("CXX", "g++").split()
FLAGS = ["-std=c++20", f"-I{ROOT}/include", "-isystem", "/usr/include/eigen3", "-fopenmp"]
STANDARD_HEADERS = "array cmath cstddef cstdint limits span string string_view type_traits utility vector".split()

# The least that a learner of one's own needs, and typical uses.
USES = {
    "own model": (ROOT / "benchmarks/size/minimal_learner.cpp").read_text(),
    "perceptron": """
        #include <lifelong/lifelong.hpp>
        #include <lifelong/nn.hpp>
        namespace ll = lifelong;
        void learn(const ll::Dataset<float>& data) {
          ll::Learner learner{ll::nn::mlp<float>({784, 256, 10}), ll::importance::Fisher{}, ll::penalty::Quadratic{},
                              ll::optimizer::Adam{}};
          learner.fit(data);
          learner.consolidate(data);
        }""",
    "convolutional network": """
        #include <lifelong/lifelong.hpp>
        #include <lifelong/nn.hpp>
        namespace ll = lifelong;
        using namespace ll::nn;
        void learn(const ll::Dataset<float>& data) {
          ll::Learner learner{sequential<float>(Shape{1, 28, 28}, Conv2d{1, 8, 3}, ReLU{}, Flatten{}, Linear{5408, 10}),
                              ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{}, ll::optimizer::Adam{}};
          learner.fit(data);
          learner.consolidate();
        }""",
}


def headers():
    return sorted(str(path.relative_to(ROOT / "include")) for path in (ROOT / "include").rglob("*.hpp"))


def sources():
    """Row names, and what is compiled for them with which flags."""
    rows = {f"compile/{header} vs standard headers": (f"#include <{header}>\n", ["-O0"]) for header in headers()}
    rows.update({f"compile/use of a {use} vs standard headers": (code, ["-O2"]) for use, code in USES.items()})
    return rows


def compiling(folder, source, flags):
    """A contestant that compiles `source`."""
    path = pathlib.Path(tempfile.mkstemp(suffix=".cpp", dir=folder)[1])
    path.write_text(source)

    def turn():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMPILER, *FLAGS, *flags, "-c", path, "-o", path.with_suffix(".o")], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {"processor": after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime}

    return turn


def compile_times(wanted, seconds):
    nothing = "".join(f"#include <{header}>\n" for header in STANDARD_HEADERS)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (source, flags) in sources().items():
            if wanted(name):
                contestants = [compiling(folder, source, flags), compiling(folder, nothing, flags)]
                body, against = contest.best_in_turn(contestants, seconds, rounds=2)
                rows.append(contest.pair(name, body, against, value=body, unit="s", floor_ms=against * 1e3,
                                         share=against / body, label="standard headers"))
    return rows


SIZES = {"size/minimal learner vs runtime alone": "runtime", "size/minimal learner vs empty program": "empty"}


def program_sizes(wanted):
    def size(folder, name):
        program = pathlib.Path(folder, name)
        subprocess.run([*COMPILER, *FLAGS[:2], "-O2", "-DNDEBUG", "-ffunction-sections", "-fdata-sections", "-static",
                        "-Wl,--gc-sections", "-s", ROOT / f"benchmarks/size/{name}.cpp", "-o", program], check=True)
        return program.stat().st_size

    with tempfile.TemporaryDirectory() as folder:
        learner = size(folder, "minimal_learner") if any(map(wanted, SIZES)) else 0
        rows = []
        for row, against in SIZES.items():
            if wanted(row):
                without = size(folder, against)
                rows.append({"name": row, "value": (learner - without) / 1000, "unit": "KB", "ratio": learner / without})
        return rows


def names():
    return [*sources(), *SIZES]


def measure(_, wanted, seconds):
    return compile_times(wanted, seconds) + program_sizes(wanted)
