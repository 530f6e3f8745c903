#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fails unless all consumers printed the same: same_output.sh FOLDER
set -euo pipefail
cd "$1/output"
ways=(*)
((${#ways[@]} > 1)) || { echo "fewer than two consumers have run" >&2; exit 1; }
for way in "${ways[@]}"; do
  diff -u "${ways[0]}" "$way" || { echo "$way and ${ways[0]} differ" >&2; exit 1; }
done
cat "${ways[0]}"
echo "is what all print: ${ways[*]}"
