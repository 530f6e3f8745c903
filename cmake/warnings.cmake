# SPDX-License-Identifier: MIT
# The warnings our own programs are compiled with. Never exported: a consumer sees no flag of ours.
target_compile_options(
  lifelong_dev
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wnon-virtual-dtor
            -Wold-style-cast
            -Wcast-align
            -Wcast-qual
            -Wunused
            -Woverloaded-virtual
            -Wconversion
            -Wsign-conversion
            -Wdouble-promotion
            -Wformat=2)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(lifelong_dev INTERFACE -Wduplicated-cond -Wlogical-op -fconcepts-diagnostics-depth=2)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13) # reports "text" + string (GCC bug 105329)
    target_compile_options(lifelong_dev INTERFACE -Wno-restrict)
  endif()
  if(LIFELONG_NATIVE) # g++ 12 reports its own AVX-512 headers (GCC bug 105593)
    target_compile_options(lifelong_dev INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 22)
  target_compile_options(lifelong_dev INTERFACE -Wno-c2y-extensions) # __COUNTER__, which Catch2 numbers tests with
endif()
