# SPDX-License-Identifier: MIT
# The optional parts of the library: each is one target, the headers whose path begins with one of `_path` (a regular
# expression), and at most one third-party package, which pkg-config knows as `_module` or, where it does not, by `_flags`.
# Read by this build and, installed, by find_package(lifelong).

set(lifelong_components convention openmp nn xtensor zlib cuda torch)

set(lifelong_convention_path conventions|convention)
set(lifelong_convention_needs) # the standard library
set(lifelong_convention_flags)

set(lifelong_openmp_path backend/openmp)
set(lifelong_openmp_needs OpenMP::OpenMP_CXX)
set(lifelong_openmp_flags -fopenmp)

set(lifelong_nn_path nn|adapter/eigen)
set(lifelong_nn_needs Eigen3::Eigen)
set(lifelong_nn_module eigen3)

set(lifelong_xtensor_path xtensor|adapter/xtensor)
set(lifelong_xtensor_needs xtensor)
set(lifelong_xtensor_module xtensor)

set(lifelong_zlib_path zlib)
set(lifelong_zlib_needs ZLIB::ZLIB)
set(lifelong_zlib_module zlib)

set(lifelong_cuda_path cuda)
set(lifelong_cuda_needs) # a CUDA compiler, which the project that includes it enables and whose runtime CMake links

set(lifelong_torch_path torch|adapter/torch)
set(lifelong_torch_needs torch) # which pkg-config does not know: its flags are for the user to give

# Asks that a target's CUDA files be compiled as C++20. How depends on the CMake that uses the library: before 3.25.2 it does
# not know that nvcc can.
function(lifelong_ask_for_cuda_20 target)
  if(CMAKE_VERSION VERSION_LESS 3.25.2)
    target_compile_options(${target} INTERFACE $<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>>)
  else()
    target_compile_features(${target} INTERFACE $<BUILD_INTERFACE:cuda_std_20>)
  endif()
endfunction()

# LibTorch's package talks, whether asked to be quiet or not.
function(lifelong_find_torch)
  set(CMAKE_MESSAGE_LOG_LEVEL WARNING)
  set(FPHSA_NAME_MISMATCHED TRUE)
  find_package(Torch CONFIG QUIET)
endfunction()

# Looks quietly for the package behind a component; sets lifelong_<component>_FOUND for the caller.
function(lifelong_find_package_of component)
  if(component STREQUAL "openmp")
    find_package(OpenMP QUIET COMPONENTS CXX)
  elseif(component STREQUAL "nn")
    find_package(Eigen3 CONFIG QUIET) # without a version: 3.4 and 5 refuse each other's ranges
    if(Eigen3_FOUND AND (Eigen3_VERSION VERSION_LESS 3.4 OR Eigen3_VERSION VERSION_GREATER_EQUAL 6))
      set(lifelong_nn_FOUND FALSE PARENT_SCOPE)
      return()
    endif()
  elseif(component STREQUAL "xtensor")
    find_package(xtensor CONFIG QUIET)
  elseif(component STREQUAL "zlib")
    find_package(ZLIB QUIET)
  elseif(component STREQUAL "torch" AND NOT TARGET torch)
    lifelong_find_torch()
  endif()
  if(NOT lifelong_${component}_needs OR TARGET ${lifelong_${component}_needs})
    set(lifelong_${component}_FOUND TRUE PARENT_SCOPE)
  else()
    set(lifelong_${component}_FOUND FALSE PARENT_SCOPE)
  endif()
endfunction()
