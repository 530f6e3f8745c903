# SPDX-License-Identifier: MIT
# What tests, examples and benchmarks share. Nothing here is exported.

# Components whose package takes seconds to include and to load, or that need another compiler, are linked by those who
# include them alone.
set(lifelong_heavy_components torch cuda)

# The library with every other component this machine can link, our warnings and, if asked for, this machine's
# instructions.
add_library(lifelong_dev INTERFACE)
set(components ${lifelong_available})
list(REMOVE_ITEM components ${lifelong_heavy_components})
list(TRANSFORM components PREPEND lifelong::)
target_link_libraries(lifelong_dev INTERFACE lifelong::lifelong ${components})
target_compile_options(lifelong_dev INTERFACE $<$<BOOL:${LIFELONG_NATIVE}>:-march=native>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU") # g++ collects its garbage from 128 MB on, which is a tenth of its time here
  target_compile_options(lifelong_dev INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:--param ggc-min-heapsize=1000000>")
endif()
include(${CMAKE_CURRENT_LIST_DIR}/warnings.cmake)

# A test that cannot run here: shown as "Skipped" instead of being absent, with its reason here and in its output.
function(lifelong_skip name reason)
  message(STATUS "Test ${name} will be skipped: ${reason}")
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: ${reason}")
  set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "skipped: ")
endfunction()

# Sets `result` to whether tests with one of these labels are built.
function(lifelong_wanted result)
  set(${result} FALSE PARENT_SCOPE)
  foreach(label IN LISTS ARGN)
    if((NOT LIFELONG_TEST_LABELS OR label IN_LIST LIFELONG_TEST_LABELS) AND NOT label IN_LIST LIFELONG_TEST_LEFT_OUT)
      set(${result} TRUE PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

# Links what a program made of `source` needs of ours.
function(lifelong_link_dev program source)
  target_link_libraries(${program} PRIVATE lifelong_dev)
  file(STRINGS ${source} includes REGEX "^#include <lifelong/")
  foreach(component IN LISTS lifelong_heavy_components)
    if(includes MATCHES "<lifelong/(${lifelong_${component}_path})[./]")
      target_link_libraries(${program} PRIVATE lifelong::${component})
    endif()
  endforeach()
endfunction()

# Sets `result` to the components that a source includes and this build lacks, and shows a skipped test for them.
function(lifelong_missing_components source result)
  set(missing)
  file(STRINGS ${source} includes REGEX "^#include <lifelong/")
  foreach(component IN LISTS lifelong_components)
    if(includes MATCHES "<lifelong/(${lifelong_${component}_path})[./]" AND NOT component IN_LIST lifelong_available)
      list(APPEND missing ${component})
    endif()
  endforeach()
  if(missing)
    cmake_path(GET source STEM name)
    lifelong_skip(${name} "this build lacks ${missing}")
  endif()
  set(${result} "${missing}" PARENT_SCOPE)
endfunction()
