# SPDX-License-Identifier: MIT
# CUDA for what this build compiles itself: nvcc, if it is there and works.

include(CheckLanguage)
find_program(nvcc_program nvcc HINTS ENV CUDA_PATH PATHS /usr/local/cuda/bin)

# Enables the language for the calling directory; sets `cuda_enabled`. Architectures are never those of this machine's
# device, which may not have one: by default the oldest in use and the newest that nvcc knows.
macro(lifelong_enable_cuda)
  set(cuda_enabled FALSE)
  if(nvcc_program)
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
      execute_process(COMMAND ${nvcc_program} --list-gpu-arch OUTPUT_VARIABLE known)
      string(REGEX MATCHALL "compute_[0-9]+" known "${known}")
      list(SORT known COMPARE NATURAL ORDER DESCENDING)
      list(GET known 0 newest)
      string(REPLACE compute_ "" newest ${newest})
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real ${newest})
    endif()
    set_property(DIRECTORY PROPERTY COMPILE_OPTIONS) # nvcc takes one -O
    if(NOT DEFINED ENV{CUDACXX})
      set(ENV{CUDACXX} ${nvcc_program})
    endif()
    check_language(CUDA) # nvcc may refuse this host compiler
    if(CMAKE_CUDA_COMPILER)
      enable_language(CUDA)
      find_package(CUDAToolkit QUIET)
      set(cuda_enabled ${CUDAToolkit_FOUND})
    endif()
  endif()
endmacro()
