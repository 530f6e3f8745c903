#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the experiment program, after building it where needed: lab.sh [ARGUMENTS]   (lab.sh --help lists them)
# Relative paths in the arguments are relative to the caller's folder. LIFELONG_LAB names a program that is built already.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
lab=${LIFELONG_LAB:-$root/build/lab/examples/lifelong-lab}

# Nothing newer than the program: nothing to do.
sources=("$root"/{CMakeLists.txt,CMakePresets.json,cmake,include,examples})
if [[ -z ${LIFELONG_LAB:-} ]] && [[ ! -x $lab || -n $(find "${sources[@]}" -newer "$lab" -type f -print -quit) ]]; then
  "$root/scripts/setup.sh" build library lab
  log=$root/build/lab.log
  mkdir -p "$root/build"
  begin=$(date +%s) # a source edited while building is newer than the program
  echo "Building lifelong-lab (five to ten minutes on two cores, only after a change) ..." >&2
  if ! (cd "$root" && cmake --preset lab && cmake --build --preset lab) >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
  fi
  touch -d "@$begin" "$lab"
fi

# Threads that spin while they wait make a run many times slower as soon as another program uses one of the cores.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
exec "$lab" "$@"
