#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the port with vcpkg, every feature on libraries of the system, and builds a consumer on it:
# install.sh VCPKG FOLDER   (FOLDER is what prepare.sh made)
set -euo pipefail
program=$1
folder=$(readlink -f "$2")
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.."

for library in cuda eigen3 xtensor zlib; do # ports that install nothing, so that find_package finds the system's
  mkdir -p "$folder/system_ports/$library"
  echo "{ \"name\": \"$library\", \"version-string\": \"system\" }" >"$folder/system_ports/$library/vcpkg.json"
  echo 'set(VCPKG_POLICY_EMPTY_PACKAGE enabled)' >"$folder/system_ports/$library/portfile.cmake"
done

export VCPKG_ROOT=${VCPKG_ROOT:-$(dirname "$(readlink -f "$program")")}
installed=$folder/vcpkg_installed
vcpkg() {
  "$program" "$@" --classic --overlay-ports="$folder/system_ports" --binarysource=clear --x-install-root="$installed" \
    --x-buildtrees-root="$folder/vcpkg_buildtrees" --x-packages-root="$folder/vcpkg_packages"
}
# [way]
vcpkg install 'lifelong[convention,cuda,nn,openmp,xtensor,zlib]' --overlay-ports=packaging/vcpkg
# [way]

triplets=("$installed"/*/share/lifelong)
prefix=${triplets[0]%/share/lifelong}
CMAKE_PREFIX_PATH=$prefix${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH} tests/install/consume.sh find_package "$folder" vcpkg
