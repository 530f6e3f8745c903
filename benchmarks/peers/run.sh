#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Times this library and PyTorch in turn, with one thread and with two: run.sh BUILD OUT_FOLDER [--seconds S] [--rows ROW...]
# PYTHON names the interpreter that has torch, LIFELONG_BENCHMARK_DATA a folder with MNIST's IDX files.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
build=$1 out=$2 python=${PYTHON:-python3}
shift 2

# Debian's torch takes the system's BLAS, which may be the slow reference one: give it OpenBLAS, on its best kernels.
openblas() { find /usr/lib build/openblas -path '*openblas-pthread/libblas.so.3' -print -quit 2>/dev/null; }
if [[ -z $(openblas) ]] && command -v apt-get >/dev/null; then
  mkdir -p build/openblas
  (cd build/openblas && apt-get -q download libopenblas0-pthread libgfortran5 && for package in *.deb; do
    dpkg-deb -x "$package" .
  done) >/dev/null 2>&1 || true
fi
if [[ -n $(openblas) ]]; then
  folder=$(dirname "$(realpath -s "$(openblas)")")
  export LD_LIBRARY_PATH=$folder:$(dirname "$folder")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # presets would choose slower kernels

mkdir -p "$out"
for threads in 1 2; do
  OPENBLAS_NUM_THREADS=$threads OMP_NUM_THREADS=$threads "$python" "$here/pytorch.py" "$build" \
    "$out/peers_$threads.json" --threads "$threads" "$@"
done
