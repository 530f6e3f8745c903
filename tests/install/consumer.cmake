# SPDX-License-Identifier: MIT
# The programs that every CMake project here builds, and the proof that no flag of ours comes with the library.

# [link]
add_executable(consumer main.cpp)
target_link_libraries(consumer PRIVATE lifelong::lifelong)

add_executable(components components.cpp)
target_link_libraries(components PRIVATE lifelong::convention lifelong::nn lifelong::openmp lifelong::xtensor lifelong::zlib)
# [link]

foreach(target lifelong convention nn openmp xtensor zlib)
  foreach(property INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS INTERFACE_LINK_OPTIONS)
    get_target_property(leaked lifelong::${target} ${property})
    if(leaked)
      message(FATAL_ERROR "lifelong::${target} has ${property} ${leaked}")
    endif()
  endforeach()
endforeach()
