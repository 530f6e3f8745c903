#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, and only that: setup.sh GROUP...
#   build, library, tests, lab, data, browser, clang, packages, python, docs, torch, cuda; and for scripts/portability.sh
#   gcc11, clang13, cmake, aarch64, armhf, riscv64, mingw, zig, torch2
# Instant where nothing is missing. What is already there is never touched, wherever it came from.
set -euo pipefail
tools=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)/build/tools

python=/usr/bin/python3 # the one that apt's modules are for
[[ -x $python ]] || python=python3

have_conan() { command -v conan >/dev/null || [[ -x $tools/bin/conan ]]; }

# True if one of the interpreters that the tests look for has these modules, "one, two".
have_modules() {
  local each
  for each in "$tools/bin/python3" python3 /usr/bin/python3; do
    "$each" -c "import $1" 2>/dev/null && return
  done
  return 1
}
old_cmakes=(3.16 3.22) # the oldest that can use the installed library, and Ubuntu 22.04's
have_old_cmakes() {
  local each
  for each in "${old_cmakes[@]}"; do [[ -x $tools/cmake-$each/cmake/data/bin/cmake ]] || return 1; done
}
have_vega() { [[ -f $tools/vega.js ]]; }
have_pip() { "$python" -c "import ensurepip, venv" 2>/dev/null; }

packages_of() {
  case $1 in
    build) echo g++ cmake ninja-build ;;
    library) echo libeigen3-dev zlib1g-dev ;;
    tests) echo catch2 libblas-dev libxtensor-dev nlohmann-json3-dev libbenchmark-dev curl ;;
    lab)
      echo libcli11-dev libfmt-dev nlohmann-json3-dev
      have_vega || have_pip || echo python3-venv
      ;;
    data) echo dataset-fashion-mnist ;;
    browser) echo chromium ;;
    clang) echo clang-19 libclang-rt-19-dev libc++-19-dev libc++abi-19-dev libomp-19-dev ;;
    packages)
      echo pkgconf meson
      have_conan || have_pip || echo python3-venv
      ;;
    python)
      have_modules "numpy, safetensors" || {
        echo python3-numpy
        have_pip || echo python3-venv
      }
      ;;
    docs)
      echo mkdocs doxygen libjs-katex
      mkdocs build --help 2>/dev/null | grep -q material || echo mkdocs-material
      ;;
    torch) # with 300 others, nearly a gigabyte: only the tests of the preset torch ask for it
      echo libtorch-dev python3-torch
      have_pip || echo python3-venv
      ;;
    cuda) echo libthrust-dev ;; # what stands in for a device; nvcc is used where it is, and never installed
    gcc11) echo g++-11 ;;
    clang13) echo clang-13 ;;
    cmake) have_old_cmakes || have_pip || echo python3-venv ;;
    aarch64) echo g++-aarch64-linux-gnu qemu-user ;;
    armhf) echo g++-arm-linux-gnueabihf qemu-user ;;
    riscv64) echo g++-riscv64-linux-gnu qemu-user ;;
    mingw) echo g++-mingw-w64-x86-64-posix ;;
    zig | torch2) have_pip || echo python3-venv ;;
    *)
      echo "setup.sh: no group '$1' (build, library, tests, lab, data, browser, clang, packages, python, docs, torch, cuda," \
        "gcc11, clang13, cmake, aarch64, armhf, riscv64, mingw, zig, torch2)" >&2
      exit 2
      ;;
  esac
}

# What each package is for, and the command (no slash) or file that shows it is there, by package or by hand.
describe() {
  case $1 in
    g++) what="C++20 compiler" signs="${CXX:-g++}" ;;
    cmake) what="build system" signs=cmake ;;
    ninja-build) what="build tool" signs=ninja ;;
    libeigen3-dev) what="matrices of lifelong::nn" signs="eigen3/Eigen/Core Eigen/Core" ;;
    zlib1g-dev) what="compressed data files, lifelong::zlib" signs=/zlib.h ;;
    catch2) what="unit tests" signs="catch2/catch.hpp catch2/catch_test_macros.hpp" ;;
    libblas-dev) what="products by a BLAS" signs="/usr/include/$(uname -m)-linux-gnu/cblas.h cblas.h" ;;
    libxtensor-dev) what="lifelong::xtensor and its tests" signs="xtensor/xtensor_config.hpp xtensor/core/xtensor_config.hpp" ;;
    nlohmann-json3-dev) what="result files of the lab" signs=nlohmann/json.hpp ;;
    libbenchmark-dev) what="benchmarks" signs=benchmark/benchmark.h ;;
    curl) what="downloads of data sets, and their test" signs=curl ;;
    libcli11-dev) what="command line of the lab" signs=CLI/CLI.hpp ;;
    libfmt-dev) what="tables of the lab" signs=fmt/core.h ;;
    dataset-fashion-mnist) what="data of the demo" signs=/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ;;
    chromium) what="the lab's reports, as they are seen" signs="chromium chromium-browser google-chrome" ;;
    clang-19) what="second compiler" signs=clang++-19 ;;
    libclang-rt-19-dev) what="its sanitizers" signs=/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.asan-$(uname -m).a ;;
    libc++-19-dev) what="second standard library" signs=/usr/lib/llvm-19/include/c++/v1/version ;;
    libc++abi-19-dev) what="second standard library" signs=/usr/lib/llvm-19/include/c++/v1/cxxabi.h ;;
    libtorch-dev) what="models of LibTorch, lifelong::torch" signs=torch/csrc/api/include/torch/torch.h ;;
    libthrust-dev) what="the processor as a CUDA device" signs="thrust/version.h /usr/local/cuda/include/cccl/thrust/version.h" ;;
    libomp-19-dev) what="OpenMP of the second compiler" signs=/usr/lib/llvm-19/lib/libomp.so ;;
    pkgconf) what="tests of the installed package" signs="pkg-config pkgconf" ;;
    meson) what="test of the library as a Meson subproject" signs=meson ;;
    mkdocs) what="documentation site" signs=mkdocs ;;
    mkdocs-material) what="its looks" signs="" ;;
    doxygen) what="API reference" signs=doxygen ;;
    libjs-katex) what="formulas of the documentation" signs=/usr/share/javascript/katex/katex.min.js ;;
    python3-venv) what="place for what comes from PyPI" signs="" ;;
    python3-numpy) what="files that NumPy reads and writes" signs=/usr/lib/python3/dist-packages/numpy ;;
    g++-11) what="oldest g++ that is supported" signs=g++-11 ;;
    clang-13) what="oldest clang that is supported" signs=clang++-13 ;;
    g++-aarch64-linux-gnu) what="compiler for another processor" signs=aarch64-linux-gnu-g++ ;;
    g++-arm-linux-gnueabihf) what="compiler for a processor of 32 bits" signs=arm-linux-gnueabihf-g++ ;;
    g++-riscv64-linux-gnu) what="compiler for another processor" signs=riscv64-linux-gnu-g++ ;;
    g++-mingw-w64-x86-64-posix) what="compiler for Windows" signs=x86_64-w64-mingw32-g++-posix ;;
    qemu-user) what="runs programs of another processor" signs="qemu-aarch64 qemu-aarch64-static" ;;
    python3-torch) what="networks of PyTorch" signs=/usr/lib/python3/dist-packages/torch ;;
  esac
}

# Where headers are looked for: the system, CMAKE_PREFIX_PATH (a list with colons) and CPATH.
IFS=: read -ra places <<<"/usr/include:/usr/local/include:${CMAKE_PREFIX_PATH:+${CMAKE_PREFIX_PATH//:/\/include:}/include}:${CPATH:-}"

present() {
  local sign place
  for sign in $signs; do
    if [[ $sign != */* ]]; then
      command -v "$sign" >/dev/null && return
    elif [[ -e $sign ]]; then
      return
    else
      for place in "${places[@]}"; do [[ -e $place/$sign ]] && return; done
    fi
  done
  return 1
}

missing=()
for group in "$@"; do
  for package in $(packages_of "$group"); do
    describe "$package"
    present || [[ " ${missing[*]} " == *" $package "* ]] || missing+=("$package")
  done
done

if ((${#missing[@]})); then
  echo "lifelong needs, and this machine lacks:" >&2
  for package in "${missing[@]}"; do
    describe "$package"
    printf '  %-24s %s\n' "$package" "$what" >&2
  done

  by_hand() {
    echo "$1 Please install the above by hand (names are Debian's; other systems' are similar)." >&2
    exit 1
  }
  command -v apt-get >/dev/null || by_hand "This is not a Debian-like system."
  as_root=(env DEBIAN_FRONTEND=noninteractive)
  if ((EUID != 0)); then
    command -v sudo >/dev/null || by_hand "Installing needs root, and there is no sudo."
    if [[ -t 0 ]]; then as_root=(sudo "${as_root[@]}"); else as_root=(sudo -n "${as_root[@]}"); fi
    "${as_root[@]}" true || by_hand "Installing needs root, and sudo refused."
  fi

  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  apt() { "${as_root[@]}" apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1; }
  install() { apt install --no-install-recommends "${missing[@]}"; }
  echo "Installing them with apt-get ..." >&2
  install || { apt update && install; } || { # package lists may be absent or out of date
    cat "$log" >&2
    by_hand "apt-get failed."
  }
fi

# What is no Debian package comes from PyPI, into a folder of this checkout: from_pypi PACKAGE [PIP ARGUMENTS]
from_pypi() {
  echo "Installing $1 with pip, in build/tools ..." >&2
  [[ -x $tools/bin/pip ]] || "$python" -m venv --system-site-packages "$tools" >&2
  "$tools/bin/pip" install --quiet --retries 1 "$@" >&2 || {
    echo "$1 cannot be installed here." >&2
    exit 1
  }
}
if [[ " $* " == *" packages "* ]] && ! have_conan; then from_pypi "conan>=2,<3"; fi
if [[ " $* " == *" python "* ]] && ! have_modules "numpy, safetensors"; then from_pypi safetensors; fi
if [[ " $* " == *" torch "* ]] && ! have_modules "torch, safetensors"; then from_pypi safetensors; fi
if [[ " $* " == *" lab "* ]] && ! have_vega; then # Vega, Vega-Lite and Vega-Embed in one file, as this package bundles them
  if (from_pypi "vl-convert-python>=1.9,<2") &&
    "$tools/bin/python3" -c "import vl_convert; print(vl_convert.javascript_bundle())" >"$tools/vega.js.new"; then
    mv "$tools/vega.js.new" "$tools/vega.js"
  else
    echo "lifelong-lab will draw no reports." >&2
  fi
fi
if [[ " $* " == *" zig "* ]] && ! "$tools/bin/python3" -c "import ziglang" 2>/dev/null; then from_pypi ziglang; fi
if [[ " $* " == *" torch2 "* && ! -d $tools/torch-2 ]]; then # with the two of CUDA's libraries that it cannot be loaded without
  from_pypi "torch>=2,<3" --no-deps --target "$tools/torch-2"
  cuda=$(sed -n 's/^Requires-Dist: cuda-toolkit\[.*\]\(==[0-9.]*\).*/\1/p' "$tools"/torch-2/torch-*.dist-info/METADATA)
  [[ -z $cuda ]] || from_pypi "cuda-toolkit[cudart,cupti]$cuda" --target "$tools/torch-2"
fi
if [[ " $* " == *" cmake "* ]] && ! have_old_cmakes; then
  for each in "${old_cmakes[@]}"; do from_pypi "cmake==$each.*" --no-deps --target "$tools/cmake-$each"; done
fi

# What was there before may be too old; replacing it is not ours to do.
if [[ " $* " == *" build "* ]]; then
  too_old() {
    echo "$1 is version $2; lifelong needs $3. Put a newer one on PATH${4:-}." >&2
    exit 1
  }
  read -ra compiler <<<"${CXX:-g++}"
  banner=$("${compiler[@]}" --version)
  version=$("${compiler[@]}" -dumpversion)
  [[ $banner == *"Free Software Foundation"* && ${version%%.*} -lt 11 ]] &&
    too_old "${compiler[*]}" "$version" "g++ 11 or clang 13" " or set CXX"
  version=$(cmake --version | sed -n '1s/.* //p')
  [[ $(printf '%s\n' 3.25 "$version" | sort -V | head -n 1) == 3.25 ]] || too_old cmake "$version" 3.25
fi
