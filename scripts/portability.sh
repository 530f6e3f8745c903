#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Compilers, CMakes and processors that are not the machine's own: scripts/portability.sh [gcc11] [clang13] [cmake] [aarch64].
#   gcc11, clang13  all tests, built by g++ 11 and by clang 13                        (10 to 20 minutes each on two cores)
#   cmake           the installed library consumed by CMake 3.16 and 3.22             (a minute, if the ci preset is built)
#   aarch64         the tests of numerics, cross-compiled and run under qemu-user     (5 minutes)
# Without arguments: all of them. Missing compilers are installed where apt has them, and skipped by name where it has not.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit

parts=("$@")
((${#parts[@]})) || parts=(cmake aarch64 gcc11 clang13)
report="" failed=0

note() { report+=$(printf '%-8s %4d s  %s' "$1" "$2" "$3")$'\n'; }

# Builds and runs all tests with the compiler $2.
with_compiler() {
  local build=build/portability-$1 log
  log=$(mktemp)
  cmake --preset ci -B "$build" -DCMAKE_CXX_COMPILER="$2" -DLIFELONG_VERIFY_HEADERS=OFF >"$log" &&
    cmake --build "$build" && ctest --test-dir "$build" --output-on-failure -j "$(nproc)" -LE "install|umbrella|docs|format" | tee "$log"
  local status=$?
  summary=$(grep -E '^[0-9]+% tests passed' "$log" || echo "did not get as far as its tests")
  rm -f "$log"
  return "$status"
}

part_gcc11() {
  scripts/setup.sh build library tests lab gcc11 || { summary="skipped: g++-11 cannot be installed here"; return 0; }
  with_compiler gcc11 g++-11
}
part_clang13() {
  scripts/setup.sh build library tests lab clang13 || { summary="skipped: clang-13 cannot be installed here"; return 0; }
  with_compiler clang13 clang++-13
}
part_cmake() {
  scripts/setup.sh cmake || { summary="skipped: old CMakes cannot be installed here"; return 0; }
  cmake --preset ci >/dev/null && ctest --preset ci -R '^install(\.cmake_.*)?$' --output-on-failure
  local status=$?
  summary=$([[ $status == 0 ]] && echo "CMake 3.16 and 3.22 find the installed library" || echo "FAILED")
  return "$status"
}

# The tests of numerics are the programs of these rooms, without the ones that count allocations or need files.
part_aarch64() {
  scripts/setup.sh library tests aarch64 ||
    { summary="skipped: a cross compiler or qemu cannot be installed here"; return 0; }
  local build=build/portability-aarch64 source object passed=0
  local sources=(core/packet core/random core/bfloat16 core/error importance/estimators importance/fisher importance/sums
    penalty/penalty optimizer/optimizer learner/learner learner/refused_step learner/resume learner/every_platform nn/moments)
  mkdir -p "$build/headers"
  ln -sfn /usr/include/catch2 "$build/headers/catch2" # alone: the other headers there are the machine's own
  printf '#define CATCH_CONFIG_MAIN\n#include <catch2/catch.hpp>\n' >"$build/main.cpp"
  aarch64-linux-gnu-g++ -std=c++20 -O1 -isystem "$build/headers" -c "$build/main.cpp" -o "$build/main.o" &&
    aarch64-linux-gnu-g++ -std=c++20 -O1 -fopenmp -Iinclude -Itests/support -isystem "$build/headers" -isystem /usr/include/eigen3 \
      -c tests/support/any_network.cpp -o "$build/any_network.o" || return 1
  for source in "${sources[@]}"; do
    object=$build/${source//\//_}
    printf '%2d of %d: %s\n' $((++passed)) ${#sources[@]} "$source"
    if ! aarch64-linux-gnu-g++ -std=c++20 -O1 -static -fopenmp -Iinclude -Itests/support -isystem "$build/headers" \
      -isystem /usr/include/eigen3 -DLIFELONG_TEST_DATA="\"$PWD/tests/data\"" "tests/${source}_test.cpp" "$build/main.o" \
      "$build/any_network.o" -o "$object" || ! qemu-aarch64 "$object" >"$object.log"; then
      tail -n 20 "$object.log"
      summary="FAILED in tests/${source}_test.cpp"
      return 1
    fi
  done
  summary="${#sources[@]} test programs passed"
}

for part in "${parts[@]}"; do
  begin=$SECONDS summary=""
  printf '\n=== %s\n' "$part"
  [[ $(type -t "part_$part") == function ]] || { echo "unknown part '$part': gcc11, clang13, cmake or aarch64"; exit 2; }
  "part_$part" || ((++failed))
  note "$part" $((SECONDS - begin)) "${summary:-FAILED}"
done
printf '\n%s%d of %d parts failed\n' "$report" "$failed" "${#parts[@]}"
((failed == 0))
