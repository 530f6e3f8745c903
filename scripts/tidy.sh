#!/usr/bin/env bash
# Looks through the headers with clang-tidy and the profile .clang-tidy: tidy.sh [FILE.cpp...]
# Without files: a source that includes every header, and programs that use the templates. Only findings in the headers are
# shown. CLANG_TIDY names another clang-tidy than the one found.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

# Programs that together instantiate most templates, wherever in tests/ they are.
programs=(main components learner_test estimators_test estimators_by_layer_test kronecker_test penalty_test convention_test
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

# clang comes without omp.h; one of another version declares the same functions.
for omp in /usr/lib/llvm-*/lib/clang/*/include/omp.h; do
  [[ ! -e $omp ]] || flags+=(-fopenmp -idirafter "$(dirname "$omp")")
done

# Whether this clang can compile a line with these headers.
compiles() {
  printf '%s\n' "$@" >"$folder/probe.cpp"
  "$tidy" --quiet --checks=-*,misc-static-assert "$folder/probe.cpp" -- "${flags[@]}" >/dev/null 2>&1
}
without=torch # which takes minutes
skip() {
  without+="|$1"
  echo "tidy.sh: headers and programs that need $2 are left out: this clang cannot compile them here." >&2
}
compiles "#include <omp.h>" || skip openmp OpenMP
compiles "#include <zlib.h>" || skip zlib zlib
compiles "#include <cblas.h>" || skip cblas "a BLAS"
compiles "#include <xtensor/xarray.hpp>" "xt::xarray<float> array;" || skip xtensor xtensor

if (($#)); then
  sources=("$@")
else
  find include/lifelong -name '*.hpp' | sort | grep -vE "$without" | sed 's/^include.\(.*\)/#include <\1>/' >"$folder/all_headers.cpp"
  sources=("$folder/all_headers.cpp")
  for program in "${programs[@]}"; do
    mapfile -t found < <(find tests -name "$program.cpp" -not -path 'tests/headers/*')
    ((${#found[@]} == 1)) || { echo "tidy.sh: tests/ has ${#found[@]} files named $program.cpp" >&2 && exit 1; }
    grep -qE "^#include <lifelong.*($without)" "${found[0]}" || sources+=("${found[0]}")
  done
fi

# Errors of the compiler are shown wherever they are.
look() {
  local status=0
  "$tidy" --quiet --line-filter='[{"name":".hpp"}]' "$1" -- "${flags[@]}" >"$2" 2>"$2.log" || status=$?
  cat "$2"
  ((status == 0)) || { grep -E '^error' "$2.log" || true; }
  return $status
}

printf '%s: %d programs\n' "$("$tidy" --version | grep -oE 'version [0-9.]+' | head -n 1 | sed 's/^/clang-tidy /')" "${#sources[@]}"
