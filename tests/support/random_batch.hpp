// SPDX-License-Identifier: MIT
// Batches of random numbers with everything a batch can have.
#pragma once

#include <lifelong/core/batch.hpp>
#include <lifelong/core/random.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace test {

/// `size` samples with normal inputs and targets, random labels, and numbers 100, 101, ...; the same for float and
/// double up to rounding.
template <class T>
struct RandomBatch {
  std::size_t size, features, outputs;
  std::vector<T> inputs, targets;
  std::vector<std::int32_t> labels;
  std::vector<lifelong::OutputRange> ranges;
  std::vector<std::uint64_t> indices;
  std::vector<std::uint32_t> lengths;

  RandomBatch(std::size_t samples, std::size_t inputs_per_sample, std::size_t outputs_per_sample,
              std::uint64_t seed = 1)
      : size(samples), features(inputs_per_sample), outputs(outputs_per_sample) {
    const lifelong::Random random(seed);
    std::uint64_t draw = 0;
    for (std::size_t i = 0; i < size * features; ++i) inputs.push_back(static_cast<T>(random.normal(draw++)));
    for (std::size_t i = 0; i < size * outputs; ++i) targets.push_back(static_cast<T>(random.normal(draw++)));
    for (std::size_t n = 0; n < size; ++n) {
      labels.push_back(static_cast<std::int32_t>(random.below(draw++, outputs)));
      indices.push_back(100 + n);
    }
  }

  /// Whether each sample has its own range of active outputs: two around the label, or all for every third sample.
  void use_ranges(bool use) {
    ranges.clear();
    if (!use) return;
    for (std::size_t n = 0; n < size; ++n) {
      const auto label = static_cast<std::uint32_t>(labels[n]);
      const std::uint32_t first = label + 1 < outputs ? label : label - 1;
      ranges.push_back(n % 3 == 0 ? lifelong::OutputRange{} : lifelong::OutputRange{first, 2});
    }
  }

  /// Whether samples have sequences of 1 to `positions` positions; every fifth has all, told by 0.
  void use_lengths(std::size_t positions) {
    lengths.clear();
    for (std::size_t n = 0; positions > 0 && n < size; ++n)
      lengths.push_back(n % 5 == 4 ? 0 : static_cast<std::uint32_t>(1 + n * 7 % positions));
  }

  lifelong::Batch<T> batch() const {
    return {size, features, inputs, labels, targets, ranges, indices, 0, {}, lengths};
  }
};

}  // namespace test
