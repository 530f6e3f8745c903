#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Draws the pictures of the documentation from the results in docs/results: plots.sh
# Figures of the reports are saved as SVG in docs/images, for light or dark pages.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
pictures=(demo-curve-light demo-curve-dark demo-tradeoff-light demo-matrices-light demo-surface-light homework-ewc-strengths-light)

"$root/scripts/setup.sh" browser
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$root/docs/images"

# drawn REPORT SCHEME: the page as the browser has drawn it; 0 is dark, 1 is light.
drawn() {
  timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --user-data-dir="$folder/profile" --window-size=900,900 \
    --blink-settings=preferredColorScheme="$2" --virtual-time-budget=20000 --dump-dom "file://$1" 2>/dev/null
}

for results in "$root"/docs/results/*/; do
  name=$(basename "$results")
  "$root/scripts/lab.sh" report "$results" --output "$folder/$name.html"
  drawn "$folder/$name.html" 1 >"$folder/light"
  drawn "$folder/$name.html" 0 >"$folder/dark"
  for picture in "${pictures[@]}"; do
    [[ $picture == "$name"-* ]] || continue
    scheme=${picture##*-} paper=#ffffff
    [[ $scheme == light ]] || paper=none # only where the page chooses between the two
    tr -d '\n' <"$folder/$scheme" | grep -o "<figure id=\"${picture%-*}\">.*" |
      sed "s/<\/svg>.*/<\/svg>/; s/url(file:[^)]*#/url(#/g; s/.*<svg /<svg style=\"background: $paper\" /" >"$root/docs/images/$picture.svg"
    echo "docs/images/$picture.svg"
  done
done
