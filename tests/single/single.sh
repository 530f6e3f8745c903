#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Programs made of the single headers print what they print when made of include/: single.sh FOLDER COMPILER [FLAG]...
# The flags are for libraries that are needed, such as -isystem/usr/include/eigen3; without one, no network is made.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(readlink -f "$here/../..")
folder=$1 compiler=$2
shift 2
compile=("$compiler" -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror)

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
"$root/scripts/amalgamate.sh" .
"$root/scripts/amalgamate.sh" again
for header in *.hpp; do
  cmp "$header" "again/$header" # made afresh, the same bytes
  ! grep -n '# *include *<lifelong' "$header"
  [[ $(grep -c '^// MIT License$' "$header") == 1 ]]
done

# same SOURCE HEADER FLAG...: the program of the source, linked with another that includes the header, and the ordinary one
same() {
  local source=$1 header=$2
  shift 2
  printf '#include "%s"\n' "$header" >single.hpp
  sed 's|^#include <lifelong/lifelong.hpp>$|#include "lifelong.hpp"|' "$root/$source" >program.cpp
  "${compile[@]}" -DSINGLE -I. "$@" program.cpp "$here/other.cpp" -o single
  "${compile[@]}" -I"$root/include" "$@" "$root/$source" -o ordinary
  ./single >single.txt
  ./ordinary >ordinary.txt
  [[ -s single.txt ]]
  diff ordinary.txt single.txt
}
same examples/first_program.cpp lifelong.hpp -O1
if (($#)); then same tests/single/network.cpp lifelong-nn.hpp -O0 "$@"; fi
