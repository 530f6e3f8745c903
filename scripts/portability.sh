#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Compilers, CMakes, processors, systems and libraries that are not the machine's own: scripts/portability.sh [PART]...
#   gcc11, clang13           all tests, built by g++ 11 and by clang 13               (10 to 20 minutes each on two cores)
#   cmake                    CMake 3.22 installs the library, 3.16 and 3.22 use it    (a minute, if the users preset is configured)
#   aarch64, armhf, riscv64  the tests of numerics, cross-compiled and run under qemu-user          (5 minutes each)
#   mingw                    programs and tests of the core for Windows by g++: linked, not run     (2 minutes)
#   zig                      the same for macOS (x86-64 and Apple silicon) and Windows by clang and libc++ (5 minutes)
#   warnings                 every policy with -O3 -march=native and many warnings, as errors, by four compilers (5 minutes)
#   torch2                   the tests of LibTorch models with PyPI's torch 2         (a gigabyte to download, 5 minutes)
# Without arguments: all of them. What is missing is installed from apt or PyPI; a part whose tools cannot be had is skipped
# by name. The table at the end says what was built with what.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit

parts=("$@")
((${#parts[@]})) || parts=(cmake warnings aarch64 armhf riscv64 mingw zig torch2 gcc11 clang13)
report="" failed=0

note() { report+=$(printf '%-8s %4d s  %s' "$1" "$2" "$3")$'\n'; }

# Builds and runs all tests with the compiler $2.
with_compiler() {
  local build=build/portability-$1 log
  log=$(mktemp)
  cmake --preset ci -B "$build" -DCMAKE_CXX_COMPILER="$2" -DLIFELONG_BUILD_EXAMPLES=ON >"$log" &&
    cmake --build "$build" && ctest --test-dir "$build" --output-on-failure -j "$(nproc)" -E "^(docs|format)" | tee "$log"
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
  cmake --preset users >/dev/null && ctest --preset users -R '^install(\.cmake_.*)?$' --output-on-failure
  local status=$?
  summary=$([[ $status == 0 ]] && echo "CMake 3.16 and 3.22 find the installed library, and 3.22 builds it" || echo "FAILED")
  return "$status"
}

# --- other processors: the tests of numerics, without the ones that count allocations or need files --------------------

numerics=(core/packet core/random core/bfloat16 core/error policy/compact importance/estimators importance/fisher
  importance/sums penalty/penalty optimizer/optimizer learner/learner learner/refused_step learner/resume
  learner/every_platform nn/moments nn/layer/recurrent)

# Sets `build` to a folder of the part $1 that holds Catch's headers, and compiles Catch's main() with the command behind it.
catch_main() {
  build=build/portability-$1
  shift
  mkdir -p "$build/headers"
  ln -sfn /usr/include/catch2 "$build/headers/catch2" # alone: the other headers there are the machine's own
  printf '#define CATCH_CONFIG_MAIN\n#include <cmath>\n#include <cfloat>\n' >"$build/main.cpp" # Catch forgets them
  printf '#ifndef DBL_MAX_10_EXP\n#define DBL_MAX_10_EXP __DBL_MAX_10_EXP__ // in either order, zig loses one for macOS\n#endif\n' \
    >>"$build/main.cpp"
  echo '#include <catch2/catch.hpp>' >>"$build/main.cpp"
  "$@" -std=c++20 -O1 -isystem "$build/headers" -c "$build/main.cpp" -o "$build/main.o"
}

# Compiles and runs the tests of numerics: numerics_on PART TRIPLET QEMU [FLAG]...
numerics_on() {
  local part=$1 compiler=$2-g++ qemu=$3 build source object number=0
  shift 3
  scripts/setup.sh library tests "$part" || { summary="skipped: $compiler or $qemu cannot be installed here"; return 0; }
  catch_main "$part" "$compiler" "$@" || return 1
  local compile=("$compiler" "$@" -std=c++20 -O1 -static -fopenmp -Iinclude -Itests/support -isystem "$build/headers"
    -isystem /usr/include/eigen3 "-DLIFELONG_TEST_DATA=\"$PWD/tests/data\"")
  "${compile[@]}" -c tests/support/any_network.cpp -o "$build/any_network.o" || return 1
  for source in "${numerics[@]}"; do
    object=$build/${source//\//_}
    printf '%2d of %d: %s\n' $((++number)) ${#numerics[@]} "$source"
    if ! "${compile[@]}" "tests/${source}_test.cpp" "$build/main.o" "$build/any_network.o" -o "$object" ||
      ! "$qemu" "$object" >"$object.log"; then
      tail -n 20 "$object.log"
      summary="FAILED in tests/${source}_test.cpp"
      return 1
    fi
  done
  summary="${#numerics[@]} test programs passed ($("$compiler" -dumpversion), $("$qemu" --version | sed -n '1s/ (.*//p'))"
}
part_aarch64() { numerics_on aarch64 aarch64-linux-gnu qemu-aarch64; }
part_armhf() { numerics_on armhf arm-linux-gnueabihf qemu-arm -mfpu=neon -Wno-psabi; }
part_riscv64() { numerics_on riscv64 riscv64-linux-gnu qemu-riscv64; }

# --- other systems: what can be compiled and linked for them; nothing here could run it ---------------------------------

strict=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror)
programs=(tests/install/main.cpp examples/first_program.cpp tests/cuda/policies.cu tests/umbrella/networks.cpp
  examples/resume.cpp)

# Links the programs and the tests of the core: links_for SYSTEM COMPILER...
links_for() {
  local system=$1 build source
  shift
  catch_main "$system" "$@" || return 1
  local compile=("$@" -std=c++20 -O1 -Iinclude -isystem /usr/include/eigen3)
  for source in "${programs[@]}"; do
    echo "$system: $source"
    "${compile[@]}" "${strict[@]}" -x c++ "$source" -o "$build/$(basename "$source").exe" || return 1
  done
  for source in $(grep -L backend/openmp tests/core/*_test.cpp); do
    echo "$system: $source"
    "${compile[@]}" -Itests/support -isystem "$build/headers" "$source" "$build/main.o" -o "$build/$(basename "$source").exe" ||
      return 1
  done
}
part_mingw() {
  scripts/setup.sh library tests mingw || { summary="skipped: g++-mingw-w64 cannot be installed here"; return 0; }
  links_for mingw x86_64-w64-mingw32-g++-posix -static || return 1
  summary="programs and tests of the core link ($(x86_64-w64-mingw32-g++-posix -dumpversion)); not run"
}
part_zig() {
  scripts/setup.sh library tests zig || { summary="skipped: ziglang cannot be installed here"; return 0; }
  local zig=(build/tools/bin/python3 -m ziglang) system
  export ZIG_GLOBAL_CACHE_DIR=$PWD/build/tools/zig-cache ZIG_LOCAL_CACHE_DIR=$PWD/build/tools/zig-cache
  for system in x86_64-macos aarch64-macos x86_64-windows-gnu; do
    links_for "$system" "${zig[@]}" c++ -target "$system" || { summary="FAILED for $system"; return 1; }
  done
  summary="macOS, Windows: programs and tests of the core link (zig $("${zig[@]}" version)); not run"
}

# --- LibTorch 2: as pip installs it; what its libraries need of CUDA's to be loaded comes with it, and is not used --------

part_torch2() {
  scripts/setup.sh library tests torch2 || { summary="skipped: PyPI's torch 2 cannot be installed here"; return 0; }
  local folder=$PWD/build/tools/torch-2 version=build/tools/torch-2/torch/version.py build name
  catch_main torch2 g++ -fopenmp || return 1
  for name in torch device; do
    g++ -std=c++20 -O0 -fopenmp "${strict[@]}" -Iinclude -Itests/support -isystem "$build/headers" -isystem /usr/include/eigen3 \
      -isystem "$folder/torch/include" -isystem "$folder/torch/include/torch/csrc/api/include" \
      "tests/adapter/torch/${name}_test.cpp" "$build/main.o" -o "$build/${name}_test" -L"$folder/torch/lib" -ltorch_cpu -lc10 \
      -Wl,--allow-shlib-undefined -Wl,-rpath,"$folder/torch/lib" -Wl,-rpath,"$(echo "$folder"/nvidia/*/lib)" \
      -Wl,--disable-new-dtags -lz || return 1
    "$build/${name}_test" || return 1
  done
  summary="its tests passed with torch $(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$version")"
}

# --- a user's -Werror: no warning from our headers, whatever is switched on ----------------------------------------------

part_warnings() {
  scripts/setup.sh library clang gcc11 clang13 || echo "some compilers cannot be installed here"
  local compiler source seen=() object
  local warnings=("${strict[@]}" -Wnon-virtual-dtor -Wold-style-cast -Wcast-align -Wcast-qual -Wunused -Woverloaded-virtual
    -Wdouble-promotion -Wformat=2 -Wundef -Wextra-semi -Wredundant-decls -Wimplicit-fallthrough -Wvla)
  object=$(mktemp)
  for compiler in g++-11 g++-12 clang++-13 clang++-19; do
    command -v "$compiler" >/dev/null || { echo "no $compiler"; continue; }
    for source in tests/cuda/policies.cu tests/umbrella/networks.cpp tests/install/main.cpp; do
      echo "$compiler: $source"
      "$compiler" -std=c++20 -O3 -march=native "${warnings[@]}" -Iinclude -isystem /usr/include/eigen3 -x c++ -c "$source" \
        -o "$object" || { summary="FAILED: $compiler, $source"; rm -f "$object"; return 1; }
    done
    seen+=("$compiler")
  done
  rm -f "$object"
  summary="no warning from ${seen[*]}"
}

for part in "${parts[@]}"; do
  begin=$SECONDS summary=""
  printf '\n=== %s\n' "$part"
  [[ $(type -t "part_$part") == function ]] || { sed -n '3,/^# Without/p' "$0"; echo "no part '$part'"; exit 2; }
  "part_$part" || ((++failed))
  note "$part" $((SECONDS - begin)) "${summary:-FAILED}"
done
printf '\n%s%d of %d parts failed\n' "$report" "$failed" "${#parts[@]}"
((failed == 0))
