# SPDX-License-Identifier: MIT
# What the packages say of version and components is what the library says: cmake -P manifests.cmake
cmake_minimum_required(VERSION 3.25)

cmake_path(SET root NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../..")
include(${root}/cmake/components.cmake)
set(unpackaged torch) # components that neither vcpkg.json nor conanfile.py offers

function(require_equal what value expected)
  if(NOT value STREQUAL expected)
    message(SEND_ERROR "${what} is '${value}', but should be '${expected}'")
  endif()
endfunction()

# --- Version: stated in version.hpp -----------------------------------------------------------------------------------

file(READ ${root}/include/lifelong/version.hpp header)
foreach(part MAJOR MINOR PATCH)
  string(REGEX MATCH "LIFELONG_VERSION_${part} ([0-9]+)" match "${header}")
  list(APPEND parts ${CMAKE_MATCH_1})
endforeach()
list(JOIN parts "." version)
string(REGEX MATCH "LIFELONG_VERSION_STRING \"(.*)\"" match "${header}")
require_equal("LIFELONG_VERSION_STRING" "${CMAKE_MATCH_1}" "${version}")

file(READ ${root}/packaging/vcpkg/lifelong/vcpkg.json manifest)
string(JSON stated GET "${manifest}" version)
require_equal("the version in vcpkg.json" "${stated}" "${version}")

foreach(file meson.build MODULE.bazel)
  file(READ ${root}/${file} project)
  string(REGEX MATCH "version(: | = )['\"]([0-9.]+)['\"]" match "${project}")
  require_equal("the version in ${file}" "${CMAKE_MATCH_2}" "${version}")
endforeach()

file(READ ${root}/conanfile.py recipe)
if(recipe MATCHES "\n *(self\\.)?version = \"")
  message(SEND_ERROR "conanfile.py states a version of its own")
endif()

file(READ ${root}/CHANGELOG.md changelog)
string(REPLACE "." "\\." pattern "${version}")
if(NOT changelog MATCHES "[^0-9.]${pattern}[^0-9]")
  message(SEND_ERROR "CHANGELOG.md does not mention ${version}")
endif()

# --- Components: stated in components.cmake ---------------------------------------------------------------------------

set(components ${lifelong_components})
list(REMOVE_ITEM components ${unpackaged})
list(SORT components)

string(JSON count LENGTH "${manifest}" features)
math(EXPR last "${count} - 1")
set(features)
foreach(i RANGE ${last})
  string(JSON feature MEMBER "${manifest}" features ${i})
  list(APPEND features ${feature})
endforeach()
list(SORT features)
require_equal("the list of features in vcpkg.json" "${features}" "${components}")

string(REGEX MATCHALL "\"[a-z_]+\": \\[True, False\\]" options "${recipe}")
list(TRANSFORM options REPLACE "\"(.*)\".*" "\\1")
list(APPEND options convention openmp) # of the standard library, the compiler's: always there
list(SORT options)
require_equal("the list of options in conanfile.py" "${options}" "${components}")

file(READ ${root}/packaging/vcpkg/lifelong/usage usage)
foreach(component IN LISTS components)
  if(NOT usage MATCHES "lifelong::${component}[ )\n]")
    message(SEND_ERROR "the port's usage does not mention lifelong::${component}")
  endif()
endforeach()
