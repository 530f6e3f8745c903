#!/usr/bin/env bash
# Creates the Conan package without any remote, bare and with every option on libraries of the system; its test_package
# prints what the consumers print: create.sh CONAN FOLDER   (FOLDER is what prepare.sh made)
set -euo pipefail
conan=$1
folder=$(readlink -f "$2")
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.."

export CONAN_HOME=$folder/conan # not the user's
"$conan" profile detect >/dev/null 2>&1
for library in eigen xtensor zlib; do
  "$conan" create packaging/conan/system --name "$library" --no-remote >"$folder/conan.log" 2>&1 ||
    { cat "$folder/conan.log" >&2; exit 1; }
done

create() {
  local name=$1
  shift
  "$conan" create . --no-remote -c "tools.cmake.cmake_layout:test_folder=$folder/$name" "$@" 2>&1 | tee "$folder/conan.log"
  sed -n '/^lifelong [0-9.]*$/,/^ *3 /p' "$folder/conan.log" >"$folder/output/$name"
}
create conan
create conan_components -pr packaging/conan/system/profile -o '&:nn=True' -o '&:xtensor=True' -o '&:zlib=True'
