#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Programs that import the modules print what they print with the headers: module.sh FOLDER COMPILER EIGEN
# And the modules have every name of the headers.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
folder=$1 CXX=$2 eigen=$3
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
ln -s "$root" lifelong

python3 "$root/scripts/modules.py" made
diff -r "$root/modules" made

# same SOURCE FLAG...: compares what the program prints with that of the ordinary one
same() {
  local source=$1
  shift
  ./program >imported.txt
  $CXX -std=c++20 -Ilifelong/include "$@" "$root/$source" -o program
  ./program >included.txt
  [[ -s included.txt ]]
  diff included.txt imported.txt
}

# The import goes behind the includes; a module has no macros, so the version is included.
{
  echo '#include <lifelong/version.hpp>'
  grep '^#include' "$root/tests/install/main.cpp" | grep -v lifelong
  echo 'import lifelong;'
  grep -v '^#include' "$root/tests/install/main.cpp"
} >main.cpp
# [core]
$CXX -std=c++20 -Ilifelong/include --precompile lifelong/modules/lifelong.cppm -o lifelong.pcm
$CXX -std=c++20 -Ilifelong/include -fmodule-file=lifelong=lifelong.pcm main.cpp lifelong.pcm -o program
# [core]
same tests/install/main.cpp

# [networks]
$CXX -std=c++20 -Ilifelong/include -isystem "$eigen" -fmodule-file=lifelong=lifelong.pcm \
  --precompile lifelong/modules/lifelong.nn.cppm -o lifelong.nn.pcm
# [networks]
$CXX -std=c++20 -DIMPORTED -fmodule-file=lifelong=lifelong.pcm -fmodule-file=lifelong.nn=lifelong.nn.pcm \
  "$root/tests/module/network.cpp" lifelong.pcm lifelong.nn.pcm -o program
same tests/module/network.cpp -isystem "$eigen"
