#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds and runs the consumer WAY, a folder beside this script, outside of the tree: consume.sh WAY FOLDER [NAME]
# FOLDER is what prepare.sh made; what the consumer prints goes to FOLDER/output/NAME, which is WAY if not given.
# The variable CMAKE says which CMake, if it is not the one on the path.
set -euo pipefail
ways=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
way=$1
folder=$(readlink -f "$2")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$ways"/{main.cpp,components.cpp,consumer.cmake} "$ways/$way"/* "$folder/lifelong.tar.gz" "$work"
mkdir "$work/lifelong"
tar xf "$folder/lifelong.tar.gz" -C "$work/lifelong"

cd "$work"
export CXX=${CXX:-g++}
if [[ -e build.sh ]]; then
  bash -eux build.sh
else
  "${CMAKE:-cmake}" -B .
  "${CMAKE:-cmake}" --build .
fi
[[ ! -e components ]] || ./components
./consumer | tee "$folder/output/${3:-$way}"
