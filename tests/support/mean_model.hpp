// SPDX-License-Identifier: MIT
// A model whose gradient is the mean of a batch's inputs, at any θ: examples say what the gradients are.
#pragma once

#include <lifelong/core/batch.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace test {

/// L(θ) = 1/N Σ_n θ·x_n. It counts its passes in training and in evaluation.
template <class T = double>
struct MeanModel {
  using value_type = T;
  std::vector<T> theta;
  std::size_t trained = 0, evaluated = 0;

  explicit MeanModel(std::size_t size) : theta(size) {}

  std::span<T> parameters() { return theta; }
  double gradient(const lifelong::Batch<T>& batch, std::span<T> out) {
    ++trained;
    return mean(batch, out);
  }
  double evaluation_gradient(const lifelong::Batch<T>& batch, std::span<T> out) {
    ++evaluated;
    return mean(batch, out);
  }

 private:
  double mean(const lifelong::Batch<T>& batch, std::span<T> out) const {
    double loss = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      double sum = 0;
      for (std::size_t n = 0; n < batch.size; ++n) sum += static_cast<double>(batch.inputs[n * batch.features + i]);
      out[i] = static_cast<T>(sum / static_cast<double>(batch.size));
      loss += static_cast<double>(theta[i] * out[i]);
    }
    return loss;
  }
};

/// One example for each row.
template <class T = double>
struct RowBatch {
  std::size_t width;
  std::vector<T> inputs;
  std::vector<std::int32_t> labels;

  /// The rows, one behind the other.
  RowBatch(std::size_t size, const std::vector<T>& rows) : width(size), inputs(rows), labels(rows.size() / size) {}
  [[nodiscard]] lifelong::Batch<T> batch() const { return {labels.size(), width, inputs, labels}; }
};

}  // namespace test
