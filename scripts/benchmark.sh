#!/usr/bin/env bash
# Builds and runs the benchmarks for this machine's processor, results in out/benchmark/: benchmark.sh [NAME...]
# Names are those of benchmarks/*_benchmark.cpp and compile_time; default: all.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

names=("$@")
if ((${#names[@]} == 0)); then
  names=(compile_time)
  for source in benchmarks/*_benchmark.cpp; do names+=("$(basename "${source%_benchmark.cpp}")"); done
fi

scripts/setup.sh build library tests lab
mkdir -p build out/benchmark
targets=()
for name in "${names[@]}"; do [[ $name == compile_time ]] || targets+=("${name}_benchmark"); done
if ((${#targets[@]})) && ! {
  cmake --preset release --compile-no-warning-as-error && cmake --build --preset release --target "${targets[@]}"
} >build/benchmark.log 2>&1; then
  cat build/benchmark.log >&2
  exit 1
fi

echo "processor  $(lscpu | sed -n 's/^Model name: *//p'), family $(lscpu | sed -n 's/^CPU family: *//p'), $(nproc) cores"
lscpu | sed -n 's/^\(L[123]d\{0,1\} cache\): */\1   /p'
echo "compiler   $(${CXX:-g++} --version | head -n 1), -O3 -march=native"
echo "load       $(cut -d' ' -f1-3 /proc/loadavg)"

for name in "${names[@]}"; do
  echo
  file=out/benchmark/$name.json
  if [[ $name == compile_time ]]; then
    benchmarks/compile_time.sh >"$file"
    sed -n 's/.*"name": "\(.*\)", "flags": "\(.*\)", "processor_seconds": \(.*\)}.*/\3 s to compile \1 with \2/p' "$file"
  else
    "build/release/benchmarks/${name}_benchmark" --benchmark_counters_tabular=true --benchmark_out="$file" 2>/dev/null
  fi
done
