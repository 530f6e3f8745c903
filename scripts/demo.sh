#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Learns the rotations of Fashion-MNIST one after the other with the families of methods side by side, maps the losses of
# the first two, and ends with a table and a report: demo.sh [FURTHER LAB ARGUMENTS]
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)

arguments=(
  --dataset fashion-mnist
  --train-samples 40000
  --stream rotated
  --tasks 5
  --hidden 256,256
  --epochs 3
  --batch-size 128
  --memory 500
  --seeds 1
  --methods "finetune,online-ewc,kfac,er,kfac+er,joint"
  --output "$root/out/demo"
)

"$root/scripts/setup.sh" build library lab data
"$root/scripts/lab.sh" run "${arguments[@]}" --jobs 2 "$@" # two runs with half of the cores each are faster
exec "$root/scripts/lab.sh" surface "${arguments[@]}" "$@" --epochs 1
