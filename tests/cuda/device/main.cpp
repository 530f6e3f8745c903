// SPDX-License-Identifier: MIT
// Runs the tests on a device; without one, says so and returns 77.
#include <cuda_runtime_api.h>

#include <cstdio>

#define CATCH_CONFIG_RUNNER
#include "catch.hpp"
#if LIFELONG_TEST_CATCH == 3
#include <catch2/catch_session.hpp>
#endif

int main(int argc, char** argv) {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess || devices == 0) {
    std::printf("skipped: no CUDA device (%s)\n", cudaGetErrorString(status));
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
