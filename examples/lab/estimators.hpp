// SPDX-License-Identifier: MIT
// The importances that can be estimated for a model from outside: one line each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <lifelong/backend/serial.hpp>
#include <lifelong/stream/loader.hpp>
#include <span>
#include <string>
#include <vector>

#include "model.hpp"
#include "samples.hpp"

namespace lab {

template <class T>
using SampleBatches = lifelong::BatchLoader<T, SampleSource<T>, lifelong::backend::Serial>;

/// What the command line can choose, for the estimators that look at it.
struct EstimatorSettings {
  std::uint64_t seed = 0;
  std::uint32_t draws = 1;
  std::size_t slices = 100;
};

/// Writes the importance of every parameter to `out` and returns how it was made, in a line.
template <class T>
using Estimate =
    std::function<std::string(const EstimatorSettings&, Model<T>&, const SampleBatches<T>&, std::span<T> out)>;

struct Estimator {
  std::string name;
  std::string description;
  bool labels = false;   ///< needs labels
  bool batches = false;  ///< depends on how the samples are cut into batches
  bool random = false;   ///< looks at the seed
  bool draws = false;    ///< looks at the number of draws
  bool slices = false;   ///< looks at the number of slices
  Estimate<float> in_float;
  Estimate<double> in_double;

  template <class T>
  [[nodiscard]] const Estimate<T>& in() const {
    if constexpr (sizeof(T) == sizeof(float))
      return in_float;
    else
      return in_double;
  }
};

const std::vector<Estimator>& estimators();

/// \throws lifelong::InvalidArgument listing the estimators if there is none of this name.
const Estimator& estimator_called(const std::string& name);

}  // namespace lab
