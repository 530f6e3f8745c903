#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes the library as single headers: amalgamate.sh FOLDER
#   lifelong.hpp     the core: the umbrella, learners by name, conventions, and OpenMP where it is switched on
#   lifelong-nn.hpp  the same and networks, on Eigen
#   lifelong-io.hpp  the core and files (io/), which double what the core takes to compile
# They may be included together, but not with the headers they are made of. The same sources make the same bytes.
set -euo pipefail
export LC_ALL=C
(($# == 1)) || { echo "usage: amalgamate.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(readlink -f "$1")
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

core=(lifelong/lifelong.hpp lifelong/rehearsal.hpp lifelong/analytic.hpp lifelong/learners.hpp lifelong/conventions.hpp)
files=(include/lifelong/io/*.hpp)
threads=_OPENMP:lifelong/backend/openmp.hpp
version=$(sed -n 's/.*LIFELONG_VERSION_STRING "\(.*\)".*/\1/p' include/lifelong/version.hpp)

# amalgamate NAME WHAT ENTRY...
amalgamate() {
  local name=$1 what=$2 header
  shift 2
  header=$(mktemp "$folder/$name.XXXXXX")
  {
    printf '// lifelong %s, %s, as a single header. Made by scripts/amalgamate.sh: change what it is made of instead.\n//\n' \
      "$version" "$what"
    sed -e 's|^|// |' -e 's| *$||' LICENSE
    printf '#pragma once\n\n'
    awk -v root=include -f scripts/amalgamate.awk "$@"
  } >"$header" || { rm -f "$header"; return 1; }
  chmod 644 "$header"
  mv "$header" "$folder/$name"
}
amalgamate lifelong.hpp "the core" "${core[@]}" "$threads"
amalgamate lifelong-nn.hpp "core and networks on Eigen" "${core[@]}" lifelong/nn.hpp "$threads"
amalgamate lifelong-io.hpp "core and files" "${core[@]}" "${files[@]#include/}" "$threads"
