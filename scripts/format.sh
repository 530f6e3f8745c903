#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Formats every source of the project with clang-format 14: format.sh [--dry-run --Werror]
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

program=$(command -v clang-format-14 || command -v clang-format)
find include tests examples benchmarks -name '*.[ch]pp' -o -name '*.cu' -o -name '*.cuh' | sort | xargs -r "$program" -i "$@"
