# The port of the checkout that holds it. In a registry, vcpkg_from_github(OUT_SOURCE_PATH SOURCE_PATH ...) comes first.
cmake_path(SET SOURCE_PATH NORMALIZE "${CURRENT_PORT_DIR}/../../..")
set(VCPKG_BUILD_TYPE release) # header-only

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS -DLIFELONG_BUILD_TESTS=OFF -DLIFELONG_BUILD_EXAMPLES=OFF -DLIFELONG_COMPONENTS=)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/lifelong)
vcpkg_fixup_pkgconfig()
set(VCPKG_POLICY_SKIP_PKGCONFIG_CHECK enabled) # -fopenmp makes it think of a library

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/cmake" "${CURRENT_PACKAGES_DIR}/share/licenses")
file(INSTALL "${CURRENT_PORT_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
