# SPDX-License-Identifier: MIT
# How files of CUDA are compiled by the host's compiler, for Thrust's processor systems. Sets thrust_include, which is false
# where there is no Thrust: it is part of CUDA's toolkit, PyPI's nvidia-cuda-cccl, and Debian's libthrust-dev.

include(${PROJECT_SOURCE_DIR}/cmake/cuda.cmake)
cmake_path(GET nvcc_program PARENT_PATH nvcc_folder)
find_package(Python3 QUIET COMPONENTS Interpreter)
file(GLOB pypi_thrust ${Python3_SITELIB}/nvidia/*/include/cccl ${Python3_SITELIB}/nvidia/cuda_cccl/include)
find_path(thrust_include thrust/version.h HINTS ${nvcc_folder}/../include/cccl ${nvcc_folder}/../include
          PATHS /usr/local/cuda/include/cccl ${pypi_thrust})

# Compiles a target's files, whose names end in .cu, as C++ on the system CPP or OMP.
function(cuda_on_processor target system)
  get_target_property(sources ${target} SOURCES)
  set_source_files_properties(${sources} PROPERTIES LANGUAGE CXX)
  target_link_libraries(${target} PRIVATE lifelong_dev)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
  target_include_directories(${target} SYSTEM PRIVATE ${thrust_include})
  target_compile_definitions(${target} PRIVATE THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_${system}
                                               LIFELONG_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  if(TARGET lifelong_cuda_tests)
    add_dependencies(lifelong_cuda_tests ${target})
  endif()
endfunction()
