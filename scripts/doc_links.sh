#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Links between pages lead somewhere, and files that pages name exist. Links to other sites are not followed.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

# Text outside of blocks of code.
prose() { awk '/^```/ { code = !code; next } !code' "$1"; }

# Anchors that GitHub and the site both give to the headings of a page. (They differ for other letters and for "--".)
anchors() {
  prose "$1" | LC_ALL=C sed -nE 's/^#+ +//p' | LC_ALL=C grep -v '[^ -~]' | tr 'A-Z' 'a-z' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g' | grep -v -e --
}

status=0
wrong() {
  echo "$1: $2" >&2
  status=1
}

check_link() {
  local page=$1 file=${2%%#*} anchor=""
  [[ $2 != *#* ]] || anchor=${2#*#}
  if [[ -n $file ]]; then file=$(dirname "$page")/$file; else file=$page; fi
  if [[ ! -e $file ]]; then
    wrong "$page" "link to $2, which does not exist"
  elif [[ -n $anchor ]] && ! anchors "$file" | grep -q -x -F -e "$anchor"; then
    wrong "$page" "link to $2, but $file has no such heading"
  elif [[ $page == docs/* && $(dirname "$file") != docs && $file != docs/images/*.svg ]]; then
    wrong "$page" "link to $2, which is no page of the site"
  fi
}

shopt -s nullglob
for page in README.md CHANGELOG.md docs/*.md benchmarks/*.md benchmarks/*/*.md; do
  while read -r link; do
    [[ $link =~ ^https?: ]] || check_link "$page" "$link"
  done < <(prose "$page" | sed 's/`[^`]*`//g' | grep -oE '\]\([^) ]+\)' | sed -E 's/^..|.$//g')

  while read -r name; do
    [[ -d ${name%%/*} || -d include/lifelong/${name%%/*} ]] || continue
    [[ -e $name || -e include/$name || -e include/lifelong/$name ]] || wrong "$page" "names $name, which does not exist"
  done < <(prose "$page" | grep -oE '`[A-Za-z0-9_.-]+/[A-Za-z0-9_/.-]*(\.[a-z]+|/)`' | tr -d '`' | grep -v '^out/')
done
exit $status
