#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lays out afresh what the consumers start from, the installed library and an archive of it: prepare.sh BUILD FOLDER
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)

rm -rf "$2"
mkdir -p "$2/output"
cmake --install "$1" --prefix "$2/prefix" >/dev/null
cmp "$root/LICENSE" "$2"/prefix/share/licenses/lifelong/LICENSE
tar czf "$2/lifelong.tar.gz" -C "$root" CMakeLists.txt LICENSE README.md cmake include meson.build modules
