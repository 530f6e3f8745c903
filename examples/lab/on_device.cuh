// SPDX-License-Identifier: MIT
// The machine of a trial with --device cuda: network and data on a CUDA device.
#pragma once

#include <cstddef>
#include <lifelong/cuda.cuh>
#include <lifelong/cuda/mlp.cuh>
#include <lifelong/cuda/resident.cuh>
#include <map>
#include <memory>

#include "interrupt.hpp"
#include "trial.hpp"

namespace lab {

/// Network, backend and examples of a trial on a device. See `OnProcessor`.
class OnDevice {
 public:
  explicit OnDevice(const Trial& trial) : trial_(trial) {}

  [[nodiscard]] auto network() const {
    return lifelong::cuda::mlp<float>(widths_of(trial_.options, trial_.stream), {.seed = trial_.seed}, backend_);
  }
  [[nodiscard]] const lifelong::cuda::Backend& backend() const { return backend_; }

  /// Examples on the device; those of a source are read once.
  template <class Source>
  [[nodiscard]] const lifelong::cuda::Resident<float>& examples(const Source& source) {
    auto& kept = kept_[&source];  // tasks of a stream stay where they are
    if (!kept) kept = std::make_unique<lifelong::cuda::Resident<float>>(Interruptible<Source>(source), backend_);
    return *kept;
  }

 private:
  const Trial& trial_;
  lifelong::cuda::Backend backend_;
  std::map<const void*, std::unique_ptr<lifelong::cuda::Resident<float>>> kept_;
};

}  // namespace lab
