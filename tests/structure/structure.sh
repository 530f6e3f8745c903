#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks how the sources are laid out: structure.sh [ROOT]   (ROOT: this checkout)
# Every finding is one line `FILE: what is wrong`; the exit status is 1 if there are any.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cd "${1:-$here/../..}"

# The rooms of include/lifelong, from low to high. A header includes its own room and the rooms of the lines above,
# never another room of its own line or one of the lines below. A room is a folder, a header of that name beside the
# folders, or both.
rooms="
  config version                                    # macros
  core                                              # errors, batches, models, random numbers, packets
  backend trigger zlib cblas                        # loops over parameters; when a task ends; one library each
  policy stream                                     # arrays of a part; examples and tasks
  importance optimizer rehearsal evaluation io analytic  # parts of a learner; measures; files; exact linear heads
  penalty                                           # what holds parameters at an anchor
  learner convention                                # the parts as one; other codebases' settings
  nn observer                                       # networks on Eigen; what watches a call of fit
  adapter                                           # other libraries' models and arrays
  cuda                                              # a device, for files that a CUDA compiler reads
"
# Headers for users, which collect rooms: they include anything, and no room includes them.
entries="lifelong.hpp rehearsal.hpp analytic.hpp learners.hpp nn.hpp conventions.hpp torch.hpp xtensor.hpp zlib.hpp cuda.cuh"

# Headers of other libraries and of POSIX, and the only places that include them.
third_parties="
  Eigen/*       nn/* adapter/eigen.hpp
  xtensor/*     adapter/xtensor/*
  torch/*       adapter/torch/*
  ATen/*        adapter/torch/*
  c10/*         adapter/torch/*
  omp.h         backend/openmp.hpp
  zlib.h        zlib/*
  cblas.h       cblas/*
  fcntl.h       io/temporary_file.hpp
  unistd.h      io/temporary_file.hpp io/terminal.hpp
  pthread.h     backend/openmp.hpp
  sys/*         io/temporary_file.hpp
  cub/*         cuda/*
  thrust/*      cuda/*
  cuda*         cuda/*
  cublas*       cuda/*
"

lines_limit=400   # a header is shorter
members_limit=25  # a class has fewer public members

findings=0
found() {
  echo "$1: $2"
  findings=$((findings + 1))
}

# --- rooms ------------------------------------------------------------------------------------------------------------

declare -A height collects
line_number=0
while read -r line; do
  line_number=$((line_number + 1))
  for room in ${line%%#*}; do height[$room]=$line_number; done
done <<<"$rooms"
for entry in $entries; do collects[$entry]=1; done

# The room of a path below include/lifelong; nothing for an entry.
room_of() {
  if [[ $1 == */* ]]; then
    room=${1%%/*}
  elif [[ -n ${collects[$1]:-} ]]; then
    room=
  else
    room=${1%.*}
  fi
}

# Reports an arrow from header $1 to header $2 that does not go down, or that takes host compilers to CUDA.
check_arrow() {
  local from to
  [[ $2 != *.cuh || $1 == *.cuh ]] || found "include/lifelong/$1" "includes <lifelong/$2>, which no host compiler reads"
  room_of "$1"
  from=$room
  [[ -n $from ]] || return 0
  room_of "$2"
  to=$room
  if [[ -z $to ]]; then
    found "include/lifelong/$1" "includes <lifelong/$2>, which is for users only"
  elif [[ -z ${height[$to]:-} ]]; then
    found "include/lifelong/$1" "includes <lifelong/$2>, which is in no room"
  elif [[ $from != "$to" ]] && ((height[$to] >= ${height[$from]:-0})); then
    found "include/lifelong/$1" "includes <lifelong/$2>, but room $to is not below room $from"
  fi
}

# Reports header $2 of another library where header $1 may not include it.
check_third_party() {
  local pattern places place
  while read -r pattern places; do
    # shellcheck disable=SC2053 # patterns
    if [[ -n $pattern && $2 == $pattern ]]; then
      read -ra places <<<"$places"
      for place in "${places[@]}"; do [[ $1 != $place ]] || return 0; done
      found "include/lifelong/$1" "includes <$2>, which belongs to ${places[*]}"
      return 0
    fi
  done <<<"$third_parties"
  found "include/lifelong/$1" "includes <$2>, which is neither of the standard library nor a known one"
}

mapfile -t headers < <(cd include/lifelong && find . -name '*.hpp' -o -name '*.cuh' | sed 's|^\./||' | sort)

for header in "${headers[@]}"; do
  room_of "$header"
  [[ -z $room || -n ${height[$room]:-} ]] || found "include/lifelong/$header" "is in no room"
done

while read -r header included; do
  case $included in
    lifelong/*) check_arrow "$header" "${included#lifelong/}" ;;
    *[./]*) check_third_party "$header" "$included" ;; # headers of the standard library have neither
  esac
done < <(cd include/lifelong && awk '/^[ \t]*#[ \t]*include/ { split($0, part, /[<>"]/); print FILENAME, part[2] }' "${headers[@]}")

# --- sizes ------------------------------------------------------------------------------------------------------------

while read -r header lines; do
  found "include/lifelong/$header" "has $lines lines; a header has fewer than $lines_limit"
done < <(cd include/lifelong && awk -v limit=$lines_limit '{ ++lines[FILENAME] }
  END { for (name in lines) if (lines[name] >= limit) print name, lines[name] }' "${headers[@]}" | sort)

while read -r place class members; do
  ((members < members_limit)) ||
    found "include/lifelong/${place%:}" "class $class has $members public members; a class has fewer than $members_limit"
done < <(cd include/lifelong && awk -f "$here/public_members.awk" "${headers[@]}")

# --- licence: among the first two lines, since a script's first is `#!` and a test's may say what it expects ------------

mapfile -t sources < <(find include tests benchmarks examples cmake scripts .ci -type f \( -name '*.[ch]pp' -o -name '*.cu' \
  -o -name '*.cuh' -o -name '*.cmake' -o -name CMakeLists.txt -o -name '*.sh' -o -name '*.py' -o -name '*.awk' \
  -o -path .ci/run \) | sort)
while read -r source; do
  found "$source" "lacks the line SPDX-License-Identifier: MIT at its beginning"
done < <(awk 'FNR <= 2 && /^(\/\/|#) SPDX-License-Identifier: MIT$/ { has[FILENAME] = 1 }
  END { for (i = 1; i < ARGC; ++i) if (!(ARGV[i] in has)) print ARGV[i] }' "${sources[@]}")

((findings == 0)) || exit 1
echo "${#headers[@]} headers are in order"
