// SPDX-License-Identifier: MIT
// Ends a program of tests before they begin where there is no device: says so and returns 77.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>

namespace {

[[maybe_unused]] const bool there_is_a_device = [] {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess || devices == 0) {
    std::printf("skipped: no CUDA device (%s)\n", cudaGetErrorString(status));
    std::exit(77);
  }
  return true;
}();

}  // namespace
