#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds, checks and times the CUDA backend on a machine with a device, and prints what came out in Markdown:
#   device.sh [all | build | check | time | sanitize]...   `all` is the default: build, check, time, sanitize
#   device.sh --bring FOLDER [MNIST]                       on another machine: gathers what the one with a device lacks
#
# What the machine has to have: CUDA's toolkit 12.0 or newer (nvcc, its headers, compute-sanitizer) and g++ 11 or newer;
# for the comparison with PyTorch, a python3 with PyTorch 2. Nothing is fetched from anywhere.
# What has to be brought: the headers of Catch2 2 (catch2/catch.hpp) and of Eigen (Eigen/), in build/bring or the folder
# that LIFELONG_DEVICE_INCLUDE names; and for the homework, MNIST's four IDX files (mnist/*.gz there). `device.sh --bring
# build/bring MNIST` copies them from a machine that has them, with MNIST a folder of the latter: 20 MB in all.
#
# A part that fails is reported, and the others go on. The report, its logs and JSON are written to out/device, or to the
# folder that OUT names. Without a device it only builds, for LIFELONG_DEVICE_ARCH (default: 90), and exits with 77.
# LIFELONG_DEVICE_TESTS chooses the tests that sanitizers run, as Catch2 takes them (default: all).
set -uo pipefail
if [[ ${1:-} == --bring ]]; then
  bring_to=$(realpath -m "${2:?device.sh --bring FOLDER [MNIST]}") mnist=${3:+$(realpath "$3")}
fi
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit

# --- what to bring ----------------------------------------------------------------------------------------------------

bring() {
  local header place found
  mkdir -p "$1"
  for header in catch2/catch.hpp Eigen/Core; do
    found=
    for place in /usr/include /usr/local/include /usr/include/eigen3 /usr/local/include/eigen3; do
      [[ ! -e $place/$header ]] || found=$place
    done
    [[ -n $found ]] || { echo "device.sh: this machine has no $header; Debian's catch2 and libeigen3-dev have them" >&2; return 1; }
    cp -r "$found/${header%/*}" "$1"
  done
  if [[ -n $2 ]]; then
    mkdir -p "$1/mnist"
    cp "$2"/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz "$1/mnist" || return 1
  fi
  du -sh "$1"
}
if [[ -n ${bring_to:-} ]]; then
  bring "$bring_to" "$mnist"
  exit
fi

# --- report -----------------------------------------------------------------------------------------------------------

out=$(realpath -m "${OUT:-out/device}")
build=build/device
mkdir -p "$out" "$build"
report=$out/report.md
verdicts="" failed=0

say() { printf '%s\n' "$@" | tee -a "$report"; }
# verdict PART SECONDS TEXT [failed]
verdict() {
  verdicts+="| $1 | $3 | $2 |"$'\n'
  [[ -z ${4:-} ]] || failed=1
}
# The last lines of a log, as a block.
tail_of() { say '```' "$(tail -n "${2:-15}" "$1")" '```'; }

# --- the machine ------------------------------------------------------------------------------------------------------

cuda=${CUDA_PATH:-${CUDA_HOME:-/usr/local/cuda}}
PATH=$PATH:$cuda/bin:$cuda/compute-sanitizer
nvcc=$(command -v nvcc) || { echo "device.sh: no nvcc on the path or in $cuda/bin" >&2; exit 1; }
toolkit=$(dirname "$(readlink -f "$nvcc")")/..
cublas=(-lcublas)
if [[ ! -e $toolkit/lib64/libcublas.so ]]; then # PyTorch brings one
  library=$(python3 -c 'import glob, nvidia; print(*(f for p in nvidia.__path__ for f in glob.glob(p + "/*/lib/libcublas.so*")))' 2>/dev/null)
  library=${library%% *}
  [[ -z $library ]] || cublas=("$library" "-Xlinker=-rpath=$(dirname "$library")" "-Xlinker=-rpath-link=$(dirname "$library")")
fi
brought=${LIFELONG_DEVICE_INCLUDE:-build/bring}
[[ -e $brought/catch2/catch.hpp ]] ||
  { echo "device.sh: no catch2/catch.hpp in $brought; see LIFELONG_DEVICE_INCLUDE at the top of this script" >&2; exit 1; }

device=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -n 1)
arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d .)
[[ $arch =~ ^[0-9]+$ ]] || device="" arch=${LIFELONG_DEVICE_ARCH:-90}
torch_version=$(python3 -c 'import torch; print(torch.__version__)' 2>/dev/null)

describe_machine() {
  say "device: ${device:-none}" \
    "toolkit: $("$nvcc" --version | sed -n 's/.*release \([^,]*\), V\(.*\)/nvcc \2/p'), for sm_$arch; $(g++ --version | head -n 1)" \
    "PyTorch: ${torch_version:-none}" \
    "lifelong: $(sed -n 's/.*VERSION_STRING "\(.*\)"/\1/p' include/lifelong/version.hpp) $(git rev-parse --short HEAD 2>/dev/null)" \
    "day: $(date -u +%Y-%m-%d)" ""
}

# --- build ------------------------------------------------------------------------------------------------------------

# PyTorch may bring headers of another Catch2.
host_flags=(-O2 -std=c++20 -DEIGEN_NO_CUDA -DLIFELONG_TEST_CATCH=2 -Iinclude -Itests/support -isystem "$brought" "-DLIFELONG_TEST_DATA=\"$PWD/tests/data\"")
# compile SOURCE: its object goes to build/device, if all is well. What includes LibTorch is compiled with PyTorch's own.
compile() {
  local object flags=("${host_flags[@]}")
  object=$build/$(basename "$1").o
  rm -f "$object"
  if uses_torch "$1"; then mapfile -t -O "${#flags[@]}" flags < <(torch_flags compile); fi
  if [[ $1 == *.cu ]]; then
    # names of kernels are kept for tests/cuda/launched_kernels.sh
    "$nvcc" "${flags[@]}" -arch="sm_$arch" -lineinfo -Xcompiler -fopenmp,-fkeep-static-functions -c "$1" -o "$object"
  else
    g++ "${flags[@]}" -fopenmp -isystem "$toolkit/include" -c "$1" -o "$object"
  fi >"$object.log" 2>&1
}
link() { "$nvcc" -arch="sm_$arch" -Xcompiler -fopenmp "$@" "${cublas[@]}" >"$build/link.log" 2>&1; }

uses_torch() { grep -qE '#include <(torch/|ATen/|c10/|lifelong/(torch\.hpp|adapter/torch/|cuda/torch))' "$1"; }
torch_flags() {
  python3 - "$1" <<'PYTHON'
import sys
import torch
from torch.utils.cpp_extension import include_paths, library_paths
if sys.argv[1] == "compile":
    flags = [f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"]
    flags += [part for folder in include_paths("cuda") for part in ("-isystem", folder)]
else:
    folders = library_paths("cuda")
    flags = [f"-L{folder}" for folder in folders] + [f"-Xlinker=-rpath={folder}" for folder in folders]
    flags += ["-ltorch", "-ltorch_cpu", "-ltorch_cuda", "-lc10", "-lc10_cuda"]
print("\n".join(flags))
PYTHON
}

part_build() {
  local begin=$SECONDS source object objects=() torch_objects=() golden_objects=() name lost=0
  local sources=(tests/cuda/golden/*.cu tests/cuda/*_test.cu {benchmarks,examples}/cuda/*.cu tests/cuda/device/main.cpp
    tests/support/any_network.cpp)
  for source in "${sources[@]}"; do
    compile "$source" &
    while (($(jobs -rp | wc -l) >= $(nproc))); do wait -n; done
  done
  wait

  say "## Build" ""
  for source in "${sources[@]}"; do
    object=$build/$(basename "$source").o
    if [[ ! -e $object ]]; then
      if uses_torch "$source" && [[ -z $torch_version ]]; then
        say "$source: left out, there is no PyTorch" ""
        continue
      fi
      lost=$((lost + 1))
      say "$source does not compile:" ""
      tail_of "$object.log"
    elif uses_torch "$source"; then
      torch_objects+=("$object")
    elif [[ $source == tests/cuda/golden/* ]]; then
      golden_objects+=("$object")
    elif [[ $source == tests/* ]]; then
      objects+=("$object")
    fi
  done

  # program NAME ARGUMENTS...
  program() {
    name=$1
    rm -f "$build/$name"
    link "${@:2}" -o "$build/$name" && return
    lost=$((lost + 1))
    say "$name does not link:" ""
    tail_of "$build/link.log"
  }
  program tests "${objects[@]}"
  program golden "${golden_objects[@]}"
  if ((${#torch_objects[@]})); then
    mapfile -t link_flags < <(torch_flags link)
    program torch_tests "$build/main.cpp.o" "${torch_objects[@]}" "${link_flags[@]}"
  fi
  for source in {benchmarks,examples}/cuda/*.cu; do
    name=$(basename "$source" .cu)
    [[ ! -e $build/$name.cu.o ]] || program "$name" "$build/$name.cu.o"
  done
  name=$build/launched.log
  tests/cuda/launched_kernels.sh "$build"/*.cu.o >"$name" 2>&1 || lost=$((lost + 1))
  say "Kernels:"
  tail_of "$name" 30
  cat "$build"/*.o.log "$build/link.log" >"$out/build.log"
  verdict build $((SECONDS - begin)) "${#sources[@]} files, $lost failures" "${lost#0}"
}

# --- parts that need the device ---------------------------------------------------------------------------------------

# of_program PROGRAM LOG SECONDS COMMAND...: runs a command, of the program that it needs, for so long at the most; sets `status`.
of_program() {
  status=127
  [[ -x $build/$1 ]] || { echo "$1 was not built" >"$2"; return; }
  timeout "$3" "${@:4}" >"$2" 2>&1
  status=$?
  ((status != 124)) || echo "device.sh: stopped after $3 seconds" >>"$2"
}

part_check() {
  local begin name
  : >"$out/check.log"
  say "## Tests" ""
  for name in tests golden torch_tests $(basename -s .cu examples/cuda/*.cu); do
    [[ $name != torch_tests || -e $build/torch_test.cu.o ]] || continue
    begin=$SECONDS
    of_program "$name" "$build/$name.log" 240 "$build/$name"
    if ((status == 0)); then
      verdict "$name" $((SECONDS - begin)) "$(grep . "$build/$name.log" | tail -n 1)"
    else
      verdict "$name" $((SECONDS - begin)) "failed with status $status" failed
    fi
    say "$name:"
    tail_of "$build/$name.log" 30
    cat "$build/$name.log" >>"$out/check.log"
  done
}

part_sanitize() {
  local begin=$SECONDS tool tools=(memcheck racecheck initcheck synccheck) said
  say "" "## compute-sanitizer" ""
  if ! command -v compute-sanitizer >/dev/null; then
    verdict sanitize 0 "there is no compute-sanitizer" failed
    return
  fi
  for tool in "${tools[@]}"; do # side by side, since they wait for the host for the most part
    (
      of_program tests "$build/$tool.log" 200 compute-sanitizer --tool "$tool" --target-processes application-only \
        --error-exitcode 99 "$build/tests" ${LIFELONG_DEVICE_TESTS:+"$LIFELONG_DEVICE_TESTS"}
      echo "$status" >"$build/$tool.status"
    ) &
  done
  wait
  for tool in "${tools[@]}"; do
    status=$(<"$build/$tool.status")
    said=$(grep -E 'ERROR SUMMARY|RACECHECK SUMMARY|stopped after|not supported' "$build/$tool.log" | tail -n 1 | sed 's/^=* *//')
    if ((status == 0)); then
      verdict "$tool" $((SECONDS - begin)) "$said"
    else
      verdict "$tool" $((SECONDS - begin)) "${said:-failed with status $status}" failed
      tail_of "$build/$tool.log" 25
    fi
  done
  tail -n 200 "$build"/{memcheck,racecheck,initcheck,synccheck}.log >"$out/sanitize.log"
}

# timed NAME SECONDS PROGRAM COMMAND...: what the command prints goes into the report.
timed() {
  local begin=$SECONDS
  say "" "## $1" ""
  of_program "$3" "$build/timed.log" "$2" "${@:4}"
  say "$(cat "$build/timed.log")"
  if ((status == 0)); then
    verdict "$1" $((SECONDS - begin)) "done"
  else
    verdict "$1" $((SECONDS - begin)) "failed with status $status" failed
  fi
}

part_time() {
  local file
  timed "Steps against a copy" 180 step "$build/step" --json "$out/step.json"
  if [[ -z $torch_version ]]; then
    verdict "PyTorch" 0 "there is no PyTorch"
  elif [[ -e $out/step.json ]]; then
    timed "Steps against PyTorch" 300 step python3 benchmarks/cuda/against_torch.py "$out/step.json" --json "$out/torch.json"
  fi
  timed "Passes of a perceptron" 120 passes "$build/passes"
  if compgen -G "$brought/mnist/*.gz" >/dev/null; then
    mkdir -p "$build/mnist"
    for file in "$brought"/mnist/*.gz; do gunzip -c "$file" >"$build/mnist/$(basename "$file" .gz)"; done
    timed "The homework" 180 homework "$build/homework" "$build/mnist"
  else
    verdict "The homework" 0 "skipped: MNIST was not brought"
  fi
}

# --- all of it --------------------------------------------------------------------------------------------------------

parts=("$@")
((${#parts[@]})) && [[ ${parts[0]} != all ]] || parts=(build check time sanitize)
: >"$report"
describe_machine
for part in "${parts[@]}"; do
  [[ $(type -t "part_$part") == function ]] || { echo "device.sh: no part '$part'" >&2; exit 2; }
  if [[ -z $device && $part != build ]]; then
    verdict "$part" 0 "skipped: no CUDA device"
  else
    "part_$part"
  fi
done
say "" "| part | result | seconds |" "|---|---|---|" "${verdicts%$'\n'}"
((failed == 0)) || exit 1
[[ -n $device ]] || exit 77
