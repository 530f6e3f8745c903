// SPDX-License-Identifier: MIT
// Whether there is a device to time. With Thrust's processor system there always is one.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>

inline bool has_device() {
#if defined(__CUDACC__)
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
#else
  return true;
#endif
}
