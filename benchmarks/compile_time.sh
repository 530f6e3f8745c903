#!/usr/bin/env bash
# Processor seconds the compiler takes for the headers, least of several runs, as JSON: compile_time.sh
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

compiler=${CXX:-g++}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
TIMEFORMAT='%U %S'

least() { # FLAGS AND SOURCE
  for _ in 1 2 3 4 5; do
    { time "$compiler" -std=c++20 -Iinclude -isystem /usr/include/eigen3 -c -o "$folder/out.o" "$@" 2>/dev/null; } 2>&1
  done | awk '{ t = $1 + $2; if (NR == 1 || t < best) best = t } END { printf "%.2f", best }'
}
rows=()
row() { # NAME FLAGS; the source is read from standard input
  cat >"$folder/source.cpp"
  rows+=("    {\"name\": \"$1\", \"flags\": \"${*:2}\", \"processor_seconds\": $(least "${@:2}" "$folder/source.cpp")}")
}

row "lifelong.hpp" -O0 <<<'#include <lifelong/lifelong.hpp>'
row "lifelong.hpp" -O2 <<<'#include <lifelong/lifelong.hpp>'
row "nn.hpp" -O0 <<<'#include <lifelong/nn.hpp>'
row "a learner with a network" -O2 <<'CODE'
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
namespace ll = lifelong;
void learn(const ll::Dataset<float>& data) {
  ll::Learner learner{ll::nn::mlp<float>({784, 256, 10}), ll::importance::Fisher{}, ll::penalty::Quadratic{},
                      ll::optimizer::Adam{}};
  learner.fit(data);
  learner.consolidate(data);
}
CODE

printf '{\n  "compiler": "%s",\n  "benchmarks": [\n' "$("$compiler" --version | head -n 1)"
(IFS=$'\n' && sed '$!s/$/,/' <<<"${rows[*]}")
printf '  ]\n}\n'
