// SPDX-License-Identifier: MIT
// The samples that an importance is estimated on: features, and labels if there are any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lifelong/core/batch.hpp>
#include <vector>

#include "importance_progress.hpp"
#include "interrupt.hpp"

namespace lab {

template <class T>
struct Samples {
  std::vector<T> features;           ///< N x width, row-major
  std::size_t width = 0;             ///< inputs per sample
  std::vector<std::int32_t> labels;  ///< N, or none
};

/// Samples to be read in order, by one thread; reading them keeps the progress and can be interrupted.
template <class T>
class SampleSource {
 public:
  SampleSource(const Samples<T>& samples, ImportanceProgress& progress) : samples_(samples), progress_(progress) {}

  [[nodiscard]] std::size_t size() const { return samples_.features.size() / samples_.width; }
  [[nodiscard]] std::size_t features() const { return samples_.width; }
  [[nodiscard]] std::size_t targets() const { return 0; }

  template <class V>
  void read(std::size_t i, lifelong::ExampleRow<V> row) const {
    stop_if_interrupted();
    const T* first = samples_.features.data() + i * samples_.width;
    for (std::size_t k = 0; k < samples_.width; ++k) row.inputs[k] = static_cast<V>(first[k]);
    if (!samples_.labels.empty()) row.label = samples_.labels[i];
    progress_.read_one();
  }

 private:
  const Samples<T>& samples_;
  ImportanceProgress& progress_;
};

}  // namespace lab
