#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the installed program outside of the tree, on a model of one layer: lab.sh PROGRAM
set -euo pipefail
program=$(readlink -e "$1") || { echo "$1 is not installed" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

byte() { printf "\\x$(printf %02x "$1")"; }
header='{"fc.weight":{"dtype":"F64","shape":[2,3],"data_offsets":[0,48]}}'
{ byte ${#header}; head -c 7 /dev/zero; printf %s "$header"; head -c 48 /dev/zero; } >model.safetensors
header="{'descr': '<f8', 'fortran_order': False, 'shape': (4, 3), }"
{ printf '\x93NUMPY\x01\x00'; byte ${#header}; head -c 1 /dev/zero; printf %s "$header"; head -c 96 /dev/zero; } >x.npy

"$program" --help | grep importance
"$program" importance --model model.safetensors --features x.npy --output out.safetensors
grep -q fc.weight out.safetensors
