// SPDX-License-Identifier: MIT
// Stands in for methods_on_device.cu in a program that is built without nvcc.
#include <lifelong/core/error.hpp>

#include "methods.hpp"

namespace lab {

const std::vector<Method>& methods_on_device() {
  throw lifelong::InvalidArgument(
      "--device cuda: this program was built without CUDA. Configure it where nvcc is (docs/cuda.md)");
}

}  // namespace lab
