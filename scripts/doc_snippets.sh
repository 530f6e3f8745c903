#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Code in docs/ is cut from files that the tests run: doc_snippets.sh writes it anew, doc_snippets.sh --check only compares.
# A snippet is what stands between two lines `// [name]` or `# [name]` of the file that a `<!-- from FILE [name] -->` line
# names.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

snippet() {
  awk -v name="[$2]" '{ line = $0; sub(/^ +/, "", line) } line == "// " name || line == "# " name { on = !on; next } on' "$1" |
    awk '{ lines[NR] = $0; if ($0 ~ /[^ ]/) { match($0, /^ */); if (!seen++ || RLENGTH < cut) cut = RLENGTH } }
         END { for (i = 1; i <= NR; ++i) print substr(lines[i], cut + 1) }'
}

language() {
  case $1 in
    *.cpp | *.hpp) echo cpp ;;
    *.cu | *.cuh) echo cuda ;;
    *.cmake | *CMakeLists.txt) echo cmake ;;
    *.sh) echo sh ;;
    *.py) echo python ;;
    *meson.build) echo meson ;;
  esac
}

rewritten() {
  local line file name skip=0
  while IFS= read -r line; do
    if [[ $line =~ ^'<!-- from '([^ ]+)' ['([a-z_]+)'] -->'$ ]]; then
      file=${BASH_REMATCH[1]} name=${BASH_REMATCH[2]} skip=1
      printf '%s\n```%s\n' "$line" "$(language "$file")"
      snippet "$file" "$name" | grep . -q || { echo "$1: $file has no snippet [$name]" >&2; exit 1; }
      snippet "$file" "$name"
      printf '```\n'
    elif ((skip)); then
      [[ $line == '```' ]] && skip=0
    else
      printf '%s\n' "$line"
    fi
  done <"$1"
}

status=0
for page in README.md docs/*.md; do
  [[ -e $page ]] || continue
  new=$(rewritten "$page")
  if [[ $new != "$(cat "$page")" ]]; then
    if [[ ${1:-} == --check ]]; then
      echo "$page: its code differs from the file it is cut from; run scripts/doc_snippets.sh" >&2
      status=1
    else
      printf '%s\n' "$new" >"$page"
      echo "$page: rewritten"
    fi
  fi
done
exit $status
