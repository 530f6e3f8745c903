// SPDX-License-Identifier: MIT
// The system of this translation unit: a device for a CUDA compiler, else the processor.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/cuda/device.cuh>
#include <lifelong/cuda/processor.cuh>

namespace lifelong::cuda {

#if defined(__CUDACC__)
using System = Device;
#else
using System = Processor;
#endif

}  // namespace lifelong::cuda

#endif
