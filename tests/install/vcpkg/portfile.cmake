# SPDX-License-Identifier: MIT
# Runs our port's portfile where vcpkg is not at hand, with stand-ins for the vcpkg commands it uses, and looks at what it
# installs: cmake -DPACKAGE=FOLDER -P portfile.cmake
cmake_minimum_required(VERSION 3.25)

set(PORT lifelong)
cmake_path(SET CURRENT_PORT_DIR NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../../../packaging/vcpkg/${PORT}")
set(CURRENT_PACKAGES_DIR ${PACKAGE})
file(REMOVE_RECURSE ${PACKAGE} ${PACKAGE}-build)

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 port "" SOURCE_PATH OPTIONS)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${port_SOURCE_PATH} -B ${PACKAGE}-build --install-prefix ${PACKAGE} ${port_OPTIONS}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(vcpkg_cmake_install)
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${PACKAGE}-build OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 port "" CONFIG_PATH "")
  file(COPY ${PACKAGE}/${port_CONFIG_PATH}/ DESTINATION ${PACKAGE}/share/${PORT})
endfunction()

function(vcpkg_fixup_pkgconfig)
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 port "" "" FILE_LIST)
  file(INSTALL ${port_FILE_LIST} DESTINATION ${PACKAGE}/share/${PORT} RENAME copyright)
endfunction()

include(${CURRENT_PORT_DIR}/portfile.cmake)

foreach(file include/lifelong/lifelong.hpp share/lifelong/lifelongConfig.cmake share/lifelong/lifelongConfigVersion.cmake
             share/lifelong/components.cmake share/lifelong/usage share/lifelong/copyright share/pkgconfig/lifelong.pc)
  if(NOT EXISTS ${PACKAGE}/${file})
    message(SEND_ERROR "the port does not install ${file}")
  endif()
endforeach()
