#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Is the working tree as fast as another revision? compare.sh REVISION [ROUNDS]: runs the same program made from both, in
# turn, and prints how many times as fast the working tree is (the other's best time over its own).
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
revision=${1:?usage: compare.sh REVISION [ROUNDS]} rounds=${2:-14}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/other"
git archive "$revision" include | tar -x -C "$folder/other"
build() { "${CXX:-g++}" -std=c++20 -O3 -DNDEBUG -march=native -I "$1" -isystem /usr/include/eigen3 benchmarks/revision/revision.cpp -o "$2"; }
build "$folder/other/include" "$folder/before"
build include "$folder/after"
for ((round = 0; round < rounds; ++round)); do
  order="before after"
  ((round % 2)) && order="after before"
  for side in $order; do "$folder/$side" | sed "s/^/$side /" >>"$folder/times"; done
done
awk '{ key = $1 " " $2; if (!(key in best) || $3 < best[key]) best[key] = $3; if ($1 == "after" && !seen[$2]++) names[++count] = $2 }
     END { for (k = 1; k <= count; ++k) printf "%-26s %.3f\n", names[k], best["before " names[k]] / best["after " names[k]] }' "$folder/times"
