#!/usr/bin/env bash
# One epoch of rotated MNIST here and in PyTorch, in turn; prints ratios: run.sh [ROUNDS [THREADS...]]
# PYTHON names the interpreter that has torch, LIFELONG_BENCHMARK_DATA a folder with MNIST's IDX files.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."

rounds=${1:-3}
thread_counts=("${@:2}")
((${#thread_counts[@]})) || thread_counts=(1 2)
python=${PYTHON:-/usr/bin/python3}
ours=build/release/benchmarks/epoch_benchmark
"$python" -c "import torch" 2>/dev/null || {
  echo "$python has no torch: apt-get install python3-torch, or set PYTHON" >&2
  exit 1
}
[[ -x $ours ]] || {
  echo "$ours is not built: run scripts/benchmark.sh" >&2
  exit 1
}

# Debian's torch takes the system's BLAS, which may be the slow reference one: give it OpenBLAS, on its best kernels.
openblas() { find /usr/lib build/openblas -path '*openblas-pthread/libblas.so.3' -print -quit 2>/dev/null; }
if [[ -z $(openblas) ]] && command -v apt-get >/dev/null; then
  mkdir -p build/openblas
  (cd build/openblas && apt-get -q download libopenblas0-pthread libgfortran5 && for package in *.deb; do
    dpkg-deb -x "$package" .
  done) >/dev/null 2>&1
fi
if [[ -n $(openblas) ]]; then
  folder=$(dirname "$(realpath -s "$(openblas)")")
  export LD_LIBRARY_PATH=$folder:$(dirname "$folder")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS OMP_NUM_THREADS

in_torch() { # METHOD THREADS: wall and processor seconds
  OPENBLAS_NUM_THREADS=$2 OMP_NUM_THREADS=$2 "$python" benchmarks/peers/rotated_mnist.py --method "$1" --threads "$2"
}
in_lifelong() {
  "$ours" --benchmark_filter="^${1/+/\\+}/threads:$2/" --benchmark_format=json 2>/dev/null |
    awk -F'[:,]' '/"wall_seconds"/ { wall = $2 } /"processor_seconds"/ { processor = $2 } END { print wall, processor }'
}

echo "torch $("$python" -c 'import torch; print(torch.__version__)'), OpenBLAS $(
  OPENBLAS_VERBOSE=2 "$python" -c 'import torch; torch.ones(2, 2) @ torch.ones(2, 2)' 2>&1 | grep Core || echo "not in use"
), load $(cut -d' ' -f1 /proc/loadavg) before, $rounds rounds"
printf '%-10s %8s %22s %27s\n' method threads "torch/lifelong, wall" "torch/lifelong, processor"
for threads in "${thread_counts[@]}"; do
  for method in adam ewc+adam; do
    for ((round = 0; round < rounds; ++round)); do
      echo "$(in_lifelong "$method" "$threads") $(in_torch "$method" "$threads")"
    done | awk -v method="$method" -v threads="$threads" '
      function least(k) { if (NR == 1 || $k < best[k]) best[k] = $k }
      { for (k = 1; k <= 4; ++k) least(k) }
      END { printf "%-10s %8d %22.2f %27.2f\n", method, threads, best[3] / best[1], best[4] / best[2] }'
  done
done
