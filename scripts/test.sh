#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds and runs the tests: test.sh [--preset ci|users|release|debug|clang|golden|torch|cuda] [CTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

preset=ci
if [[ ${1:-} == --preset ]]; then
  preset=$2
  shift 2
fi

scripts/setup.sh build library tests
[[ $preset != users ]] || scripts/setup.sh lab
[[ $preset != clang ]] || scripts/setup.sh clang
[[ $preset != torch ]] || scripts/setup.sh torch cuda
[[ $preset != cuda ]] || scripts/setup.sh cuda
[[ $preset != golden ]] || scripts/setup.sh cuda || echo "Tests that need what is missing will be skipped." >&2
for group in packages python cmake browser; do
  [[ $preset != users ]] || scripts/setup.sh $group || echo "Tests that need what is missing will be skipped." >&2
done

cmake --preset "$preset"
cmake --build --preset "$preset"
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} # tests share the cores: waiting threads should sleep
ctest --preset "$preset" --parallel "$(nproc)" "$@"
