#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks that the host's half of an object launches only kernels that its device's half has: launched_kernels.sh OBJECT...
# nvcc and the host's compiler both instantiate the templates of a file. Where they answer a question differently, as
# `requires` in a variable template, the launch fails, and only on a device. The objects are compiled by nvcc with -O0,
# or with -Xcompiler -fkeep-static-functions, so that the host's names of kernels are still there.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
kernels=$(grep -rhoE '__global__ .*' "$root"/include/lifelong/cuda "$root"/tests/cuda/*.cu | sed -E 's/^.* ([a-z_]+)\(.*$/\1/' | sort -u | paste -sd '|')

# Kernels of which an object has the host's name: _ZN..L10plain_passI.., where L says that it is static.
launched() { nm "$1" | sed -nE "s/^.* (_ZN[A-Za-z0-9_]*)L([0-9]+($kernels)I[A-Za-z0-9_]*)$/\1\2/p" | sort -u; }
# Kernels of the device's half: each has a function NUMBER__device_stub_NAME, where NUMBER counts its letters.
registered() {
  nm "$1" | awk 'match($3, /^_ZL?[0-9]+__device_stub_/) {
    at = match($3, /__device_stub_/); count = substr($3, 1, at - 1); gsub(/[^0-9]/, "", count)
    print substr($3, at + 14, count - 14)
  }' | sort -u
}

count=0 lost=0
for object in "$@"; do
  names=$(launched "$object")
  [[ -n $names ]] || continue # a file without launches
  count=$((count + $(wc -l <<<"$names")))
  while read -r name; do
    echo "$object launches a kernel that its device's half lacks: $(c++filt "$name")"
    lost=$((lost + 1))
  done < <(comm -23 <(echo "$names") <(registered "$object"))
done
if ((count == 0)); then
  echo "launched_kernels.sh: no kernel is launched in $# objects" >&2
  exit 1
fi
echo "$((count - lost)) of $count launched kernels are there"
((lost == 0))
