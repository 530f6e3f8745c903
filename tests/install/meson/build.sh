# SPDX-License-Identifier: MIT
# A project of Meson's; MESON says which. What is installed must not be found in place of the subproject.
mkdir subprojects
mv lifelong subprojects
unset PKG_CONFIG_PATH
"${MESON:-meson}" setup build --buildtype=release --force-fallback-for=lifelong
"${MESON:-meson}" compile -C build
cp build/consumer build/components .
