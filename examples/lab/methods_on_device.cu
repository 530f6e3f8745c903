// SPDX-License-Identifier: MIT
// The methods as they run on a CUDA device. nvcc compiles this file; for tests g++ does, on Thrust's processor system.
#include "method_table.hpp"
#include "on_device.cuh"

namespace lab {

const std::vector<Method>& methods_on_device() {
  static const std::vector<Method> table = method_table<OnDevice>();
  return table;
}

}  // namespace lab
