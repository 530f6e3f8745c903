#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Looks through the headers with clang-tidy and the profile .clang-tidy: tidy.sh [FILE.cpp...]
# Without files: a source that includes every header, and programs that use the templates; about four minutes of
# processor time. Only findings in the headers are shown. CLANG_TIDY names another clang-tidy than the one that is found.
set -euo pipefail
here=$PWD
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

# Programs that together instantiate most templates, wherever in tests/ they are.
programs=(install/main install/components learner_test estimators_test estimators_by_layer_test kronecker_test penalty_test convention_test
  safetensors_test npy_test idx_test checkpoint_test)

tidy=${CLANG_TIDY:-$(command -v clang-tidy-14 || command -v clang-tidy || true)}
if ! command -v "$tidy" >/dev/null; then
  echo "tidy.sh: there is no ${tidy:-clang-tidy}. Please install it (Debian and Ubuntu: apt-get install clang-tidy)." >&2
  exit 1
fi
scripts/setup.sh library tests

folder=build/tidy
rm -rf "$folder"
mkdir -p "$folder"
flags=(-std=c++20 -Iinclude -Itests/support -isystem/usr/include/eigen3 -isystem/usr/local/include/eigen3
  "-DLIFELONG_TEST_DATA=\"$PWD/tests/data\"")

# clang comes without omp.h; that of another version declares the same functions.
for omp in /usr/lib/llvm-*/lib/clang/*/include/omp.h; do
  [[ ! -e $omp ]] || flags+=(-fopenmp -idirafter "$(dirname "$omp")")
done

# Leaves out what needs a package that this clang cannot compile, or does not find: `without NAME LINE...`
left_out="torch|cuda" # minutes, and nvcc
without() {
  printf '%s\n' "${@:2}" >"$folder/probe.cpp"
  "$tidy" --quiet --checks=-*,misc-static-assert "$folder/probe.cpp" -- "${flags[@]}" >/dev/null 2>&1 && return
  left_out+="|$1"
  echo "tidy.sh: headers and programs that need $1 are left out; $tidy cannot compile it." >&2
}
without openmp "#include <omp.h>"
without zlib "#include <zlib.h>"
without cblas "#include <cblas.h>"
without xtensor "#include <xtensor/xarray.hpp>" "xt::xarray<float> array;"

if (($#)); then
  sources=()
  for file in "$@"; do sources+=("$(cd "$here" && readlink -f "$file")"); done
else
  find include/lifelong -name '*.hpp' | sort | grep -vE "$left_out" |
    sed 's|^include/\(.*\)|#include <\1>|' >"$folder/all_headers.cpp"
  sources=("$folder/all_headers.cpp")
  for program in "${programs[@]}"; do
    mapfile -t found < <(find tests -path "*/$program.cpp")
    ((${#found[@]} == 1)) || { echo "tidy.sh: tests/ has ${#found[@]} files $program.cpp, not one." >&2 && exit 1; }
    grep -qE "^#include <lifelong/.*($left_out)" "${found[0]}" || sources+=("${found[0]}")
  done
fi

# Errors of the compiler are shown wherever they are.
status=0
printf '%s\0' "${sources[@]}" | xargs -0 -P "$(nproc)" -I{} sh -c 'source=$1 log=$2/$(basename "$1"); shift 2
  "$@" >"$log.out" 2>"$log.err" || { [ -s "$log.out" ] || cat "$log.err" >&2; exit 1; }' \
  sh {} "$folder" "$tidy" --quiet --line-filter='[{"name":".hpp"}]' {} -- "${flags[@]}" || status=1

# A finding in a header is reported by every program that includes it: once is enough.
cat "$folder"/*.out | awk '/: (error|warning): / { show = !seen[$0]++ } show'
((status)) || echo "tidy.sh: no findings in the headers (used by ${#sources[@]} programs)."
exit $status
