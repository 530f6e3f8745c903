#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Creates the Conan package without any remote, bare and with every option on libraries of the system; its test_package
# prints what the consumers print: create.sh CONAN FOLDER   (FOLDER is what prepare.sh made)
set -euo pipefail
program=$1
folder=$(readlink -f "$2")
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.."

export CONAN_HOME=$folder/conan # not the user's
mkdir -p "$CONAN_HOME"
echo "tools.cmake.cmake_layout:test_folder=$folder/test_package" >"$CONAN_HOME/global.conf"

conan() { "$program" "$@" 2>&1; }

# Hands on a log, and keeps what the test_package printed.
keep() {
  tee "$folder/conan.log"
  sed -n '/^lifelong [0-9.]*$/,/^ *3 /p' "$folder/conan.log" >"$folder/output/$1"
}

conan profile detect
conan create . --no-remote | keep conan

# [system]
conan create packaging/conan/system --name eigen --no-remote
conan create packaging/conan/system --name xtensor --no-remote
conan create packaging/conan/system --name zlib --no-remote
# [system]
all=(
  # [options]
  conan create . --no-remote -pr packaging/conan/system/profile \
    -o '&:cuda=True' -o '&:nn=True' -o '&:xtensor=True' -o '&:zlib=True'
  # [options]
)
"${all[@]}" | keep conan_components
