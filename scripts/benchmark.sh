#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds and runs the benchmarks for this machine's processor; JSON and a Markdown table go to out/benchmark/.
#   benchmark.sh [--seconds S] [NAME...]   all rows; S is how long one is repeated, default 2
#   benchmark.sh --gates [--seconds S]     what the library promises, measured; fails if something falls short
# Names are those of benchmarks/*_benchmark.cpp, portable, build_cost and peers (PyTorch). Needs python3.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

load=$(cut -d' ' -f1 /proc/loadavg) # before the compiler adds its own
gates=no components="openmp;nn;zlib;torch"
[[ " $* " != *" --gates "* ]] || gates=yes components="openmp;nn;zlib" # LibTorch is slow to compile

scripts/setup.sh build library tests lab
mkdir -p build
if ! {
  cmake --preset release -B build/benchmark --compile-no-warning-as-error -DLIFELONG_COMPONENTS="$components" \
    -DLIFELONG_BUILD_BENCHMARKS=ON -DLIFELONG_BUILD_TESTS=OFF && cmake --build build/benchmark --target all step_benchmark_portable
} >build/benchmark.log 2>&1; then
  cat build/benchmark.log >&2
  exit 1
fi
out=out/benchmark
[[ $gates == no ]] || { out+=/gates && rm -rf "$out"; } # rows of an earlier run prove nothing
exec python3 benchmarks/run.py build/benchmark/benchmarks "$out" --load "$load" "$@"
