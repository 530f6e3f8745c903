#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A block of code in README.md or docs/ is cut from a file that the tests run, or tried here as it is printed, or tried
# elsewhere, as listed here: blocks.sh BUILD
set -euo pipefail
build=$(readlink -f "$1")
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# PAGE.LANGUAGE.NUMBER is a block that no line `<!-- from ... -->` stands before.
for page in "$root"/README.md "$root"/docs/*.md; do
  awk -v page="$(basename "$page" .md)" '
    /^```[a-z]/ && !on { on = 1; kind = substr($0, 4); file = cut == NR - 1 ? "" : page "." kind "." ++count[kind]; next }
    /^```/ { on = 0; next }
    /^<!-- from / { cut = NR }
    on && file { print >file }' cut=-1 "$page"
done

known=(
  README.sh.1           # .ci/run
  README.text.1         # measured, by scripts/demo.sh
  README.cmake.1        # here
  README.sh.2           # tests/lab
  backends.cpp.1        # here
  backends.sh.1         # needs OpenBLAS; the test cblas links any BLAS
  getting_started.sh.1 getting_started.text.1 # getting_started.sh
  getting_started.sh.2 getting_started.text.2 # here
  getting_started.cmake.1                     # here
  laboratory.json.1     # its kind by tests/lab
  laboratory.sh.1       # its commands, on other data, by tests/lab
  other_models.cpp.1    # here
  packaging.sh.1        # tests/single
  packaging.sh.2        # tests/install/prepare.sh
  packaging.sh.3        # tests/install/conan; its second command needs remotes
  pytorch.bash.1 pytorch.python.1 # examples/pytorch_round_trip.py
)
diff <(ls | grep -v '^results\.sh\.') <(printf '%s\n' "${known[@]}" | sort) || { echo "a page has other blocks than blocks.sh knows" >&2; exit 1; }

# Commands that were measured: they take hours, so only their options are looked up.
lab=$build/examples/lifelong-lab
[[ -x $lab ]] || echo "results.sh.*: not looked up, because this build has no lifelong-lab"
for block in results.sh.*; do
  [[ -x $lab ]] || break
  sed -z 's/\\\n//g' "$block" | while read -r _ command options; do
    "$lab" "$command" --help >help
    for option in $(grep -oE -- '--[a-z-]+' <<<"$options"); do
      grep -qwe "$option" help || { echo "$block: lifelong-lab $command has no $option" >&2 && exit 1; }
    done
  done
  echo "$block has options that the program knows"
done

# Lines of C++: as the body of a function, behind names that their page speaks of.
for block in *.cpp.*; do
  {
    grep '^#include' "$block" || true
    printf '#include <lifelong/%s>\n' lifelong.hpp nn.hpp io/checkpoint.hpp
    echo 'const lifelong::importance::Fisher importance; const lifelong::penalty::Quadratic penalty; const lifelong::optimizer::Sgd optimizer;
          namespace ll = lifelong;
          template <class Learner> void lines(const ll::io::Safetensors& file, Learner& learner) { (void)file, (void)learner; {'
    grep -v '^#include' "$block"
    echo '}}
          int main() {
            ll::Learner learner{ll::nn::mlp<float>({2, 2}), importance, penalty, optimizer};
            auto* const all = &lines<decltype(learner)>;
            return all == nullptr;
          }'
  } >lines.cpp
  "${CXX:-g++}" -std=c++20 -fopenmp -fsyntax-only -I"$root/include" -isystem /usr/include/eigen3 lines.cpp
  echo "$block compiles"
done

# Lines of CMake: in a project with the program that they name, once with the library installed and once as a subfolder.
cmake --install "$build" --prefix "$folder/prefix" >/dev/null
for block in *.cmake.*; do
  mkdir project && ln -s "$root" project/lifelong
  echo 'int main() {}' >project/main.cpp
  { printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(p LANGUAGES CXX)' 'add_executable(my_program main.cpp)' && cat "$block"; } >project/CMakeLists.txt
  cmake -S project -B project/build -DCMAKE_PREFIX_PATH="$folder/prefix" >log && cmake --build project/build >>log || { cat log; exit 1; }
  rm -r project
  echo "$block configures and builds"
done

# The network of the getting-started page. Its accuracies depend a little on the type of processor.
mkdir fruit && cp -r "$root/include" fruit && ln -s "$root" lifelong
(cd fruit && bash -e ../getting_started.sh.2) >printed
[[ $(wc -l <printed) == $(wc -l <getting_started.text.2) ]]
average() { sed -n 's/^average accuracy \([0-9.]*\),.*/\1/p' "$1"; }
awk -v a="$(average printed)" -v b="$(average getting_started.text.2)" 'BEGIN { exit !(a > b - 0.03 && a < b + 0.03) }' ||
  { cat printed && echo "the page prints another average accuracy" >&2 && exit 1; }
echo "getting_started.sh.2 prints what the page says"
