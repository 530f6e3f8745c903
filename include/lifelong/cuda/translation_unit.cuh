// SPDX-License-Identifier: MIT
// Says once, and clearly, who cannot compile CUDA code. Every header of this folder asks it first.
#pragma once

#if defined(__CUDACC__)
#define LIFELONG_CUDA 1
#elif defined(THRUST_DEVICE_SYSTEM)  // the processor in a device's place
#include <thrust/detail/config.h>
#include <thrust/version.h>
#if THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_CPP || THRUST_DEVICE_SYSTEM == THRUST_DEVICE_SYSTEM_OMP
#define LIFELONG_CUDA 1
#endif
#endif

#if !defined(LIFELONG_CUDA)
#error \
    "lifelong/cuda needs a CUDA compiler: give this file to nvcc (name it .cu), or include <lifelong/lifelong.hpp>, which runs on the processor. Tests without a device compile it with -DTHRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP and Thrust on the path"
#endif
