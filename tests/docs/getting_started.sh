#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Types the first commands of the getting-started page in an empty folder beside the library, and expects what it prints.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

first_block() { awk -v begin='```'"$1" '$0 == begin && !seen++ { on = 1; next } $0 == "```" { on = 0 } on' "$root/docs/getting_started.md"; }

first_block sh >"$folder/commands"
first_block text >"$folder/expected"
[[ -s $folder/commands && -s $folder/expected ]]
ln -s "$root" "$folder/lifelong"
cd "$folder"
bash -e commands | diff expected - && echo "The page says what its commands print."
