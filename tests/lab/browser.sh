#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A report in a browser draws every figure, without an error on the console: browser.sh LAB CHROMIUM RESULTS
set -euo pipefail
lab=$1 chromium=$2 results=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/one" "$folder/two"
cp "$results"/*.json "$folder/one/"
cp "$results"/*.json "$folder/two/"

fail() {
  echo "browser.sh: $*" >&2
  exit 1
}

# open PAGE WIDTH: the page as it is after drawing, in $folder/dom.
open() {
  timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --user-data-dir="$folder/profile" --window-size="$2,900" \
    --virtual-time-budget=20000 --enable-logging=stderr --dump-dom "file://$1" >"$folder/dom" 2>"$folder/log" || fail "Chromium fails"
}

check() {
  local figures plots
  grep -q 'CONSOLE' "$folder/log" && fail "$(grep 'CONSOLE' "$folder/log")"
  grep -q 'data-drawn="yes"' "$folder/dom" || fail "the page has not drawn its figures"
  figures=$(grep -o '<figure id=' "$folder/dom" | wc -l)
  plots=$(grep -oE '<svg [^>]*class="marks" width="[0-9]' "$folder/dom" | wc -l)
  ((figures > 0 && figures == plots)) || fail "$figures figures have $plots plots"
  echo "$1: $figures figures"
}

"$lab" report "$folder/one"
"$lab" report "$folder/one" "$folder/two" --output "$folder/both.html"
for width in 1280 390; do
  open "$folder/one/report.html" "$width"
  check "one experiment, $width pixels"
done
open "$folder/both.html" 1280
check "two experiments"
