// SPDX-License-Identifier: MIT
// Batches with weights, and the same said otherwise: with samples repeated, left out, or padded with nonsense.
#pragma once

#include <lifelong/core/batch.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace test {

/// A batch that owns its arrays, which other samples can be appended to.
struct OwnBatch {
  std::size_t size = 0, features = 0;
  std::vector<double> inputs, targets, weights;
  std::vector<std::int32_t> labels;
  std::vector<lifelong::OutputRange> active;
  std::vector<std::uint64_t> indices;

  /// Appends sample `n` of `from`.
  void add(const lifelong::Batch<double>& from, std::size_t n, double weight) {
    const auto row = from.inputs.subspan(n * from.features, from.features);
    features = from.features;
    inputs.insert(inputs.end(), row.begin(), row.end());
    targets.insert(targets.end(), from.target(n).begin(), from.target(n).end());
    if (!from.labels.empty()) labels.push_back(from.labels[n]);
    if (!from.active.empty()) active.push_back(from.active[n]);
    if (!from.indices.empty()) indices.push_back(from.indices[n]);
    weights.push_back(weight);
    ++size;
  }
  /// Appends a sample of weight 0 that no network could take, of the shape of those of `from`.
  void add_nonsense(const lifelong::Batch<double>& from) {
    add(from, 0, 0);
    for (std::size_t k = 0; k < features; ++k) inputs[inputs.size() - 1 - k] = std::numeric_limits<double>::quiet_NaN();
    if (!labels.empty()) labels.back() = -100;
    if (!active.empty()) active.back() = {1000, 7};
    if (!indices.empty()) indices.back() = 123456;
  }
  /// With the weights, or without any.
  [[nodiscard]] lifelong::Batch<double> batch(bool with_weights = true) const {
    lifelong::Batch<double> result{size, features, inputs, labels, targets, active, indices};
    if (with_weights) result.weights = weights;
    return result;
  }
};

/// Sample n as often as its weight says.
inline OwnBatch repeated(const lifelong::Batch<double>& from, const std::vector<double>& weights) {
  OwnBatch result;
  for (std::size_t n = 0; n < from.size; ++n)
    for (double k = 0; k < weights[n]; ++k) result.add(from, n, 1);
  return result;
}

/// All samples with nonsense of weight 0 before, between and behind them.
inline OwnBatch padded(const lifelong::Batch<double>& from) {
  OwnBatch result;
  for (std::size_t n = 0; n < from.size; ++n) {
    if (n % 3 == 0) result.add_nonsense(from);
    result.add(from, n, from.weights.empty() ? 1 : from.weights[n]);
  }
  result.add_nonsense(from);
  return result;
}

/// Whole numbers from 1 to 3, or others.
inline std::vector<double> some_weights(std::size_t count, bool whole) {
  std::vector<double> weights(count);
  for (std::size_t n = 0; n < count; ++n)
    weights[n] = whole ? static_cast<double>(1 + n * n % 3) : 0.3 + 0.7 * static_cast<double>(n % 5);
  return weights;
}

}  // namespace test
