// SPDX-License-Identifier: MIT
// The inputs of a network without the padding of sequences of unequal length.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// The positions that count of a batch with lengths, one row each, those of a sample behind those of the sample before
/// it. Of a batch without lengths it holds nothing: a row is a sample.
template <class T>
class PackedInputs {
 public:
  /// Copies what counts of a batch whose lengths have been checked. \throws OutOfMemory.
  void take(const Batch<T>& batch, const Shape& shape) {
    starts_.clear();
    if (batch.lengths.empty()) return;
    const std::size_t width = shape.size() / shape[0];
    detail::grow(values_, batch.size * shape.size());
    detail::resize_work_array(starts_, batch.size + 1);
    starts_[0] = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const std::size_t length = batch.lengths[n] == 0 ? shape[0] : batch.lengths[n];
      std::copy_n(batch.inputs.data() + n * shape.size(), length * width, values_.data() + starts_[n] * width);
      starts_[n + 1] = starts_[n] + length;
    }
  }

  /// See `Flow::starts`.
  [[nodiscard]] std::span<const std::size_t> starts() const { return starts_; }

  /// The inputs of the batch that was taken last.
  [[nodiscard]] Rows<const T> rows(const Batch<T>& batch, const Shape& shape) const {
    if (starts_.empty()) return {batch.inputs.data(), batch.size, shape.size()};
    return {values_.data(), starts_.back(), shape.size() / shape[0]};
  }

  /// The values of sample n of `samples`, at all of its positions if the rows are positions.
  [[nodiscard]] std::span<T> sample(std::size_t n, Rows<T> rows, std::size_t samples) const {
    if (rows.count == samples) return rows.row(n);
    return {rows.data + starts_[n] * rows.width, (starts_[n + 1] - starts_[n]) * rows.width};
  }

 private:
  AlignedVector<T> values_;
  std::vector<std::size_t> starts_;
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
