// SPDX-License-Identifier: MIT
// A batch with examples of a memory behind its own.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/rehearsal/stored_examples.hpp>

namespace lifelong::rehearsal {

/// Samples of a batch and examples of a memory as one batch, whose arrays it owns. They grow to the largest batch seen
/// and are reused.
template <class T>
class JoinedBatch {
 public:
  /// Makes room for `size` samples of a shape. \throws OutOfMemory.
  void reserve(std::size_t size, const ExampleShape& shape) {
    const auto message = [&] {
      return "a batch of " + std::to_string(size) + " examples with those of a memory does not fit into memory";
    };
    for (const std::size_t width : {shape.features, shape.targets})
      if (size > 0 && width > static_cast<std::size_t>(-1) / size) detail::raise<OutOfMemory>(message());
    detail::with_memory(
        [&] {
          grow(inputs_, size * shape.features);
          grow(targets_, size * shape.targets);
          grow(weights_, size);
          grow(labels_, size);
          grow(active_, size);
          grow(indices_, size);
          grow(lengths_, size);
        },
        message);
  }

  /// The samples of `batch` and behind them the examples of `memory` in the slots `chosen`, which are of the same
  /// shape. Examples of the memory are numbered by their slots. Valid until the next call. \throws OutOfMemory.
  template <class S>
  [[nodiscard]] Batch<T> of(const Batch<T>& batch, const StoredExamples<T, S>& memory,
                            std::span<const std::uint32_t> chosen) LIFELONG_LIFETIME_BOUND {
    shape_ = memory.shape();
    reserve(batch.size + chosen.size(), shape_);
    for (std::size_t n = 0; n < batch.size; ++n) add(batch, n);
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      indices_[batch.size + k] = chosen[k];
      memory.read(chosen[k], row(batch.size + k));
    }
    return joined(batch.size + chosen.size());
  }

  /// The examples of `memory` in the slots `chosen`, alone.
  template <class S>
  [[nodiscard]] Batch<T> of(const StoredExamples<T, S>& memory,
                            std::span<const std::uint32_t> chosen) LIFELONG_LIFETIME_BOUND {
    return of(Batch<T>{}, memory, chosen);
  }

 private:
  template <class V>
  static void grow(V& values, std::size_t size) {
    if (values.size() < size) values.resize(size);
  }

  [[nodiscard]] ExampleRow<T> row(std::size_t n) {
    return {std::span(inputs_).subspan(n * shape_.features, shape_.features),
            labels_[n],
            std::span(targets_).subspan(n * shape_.targets, shape_.targets),
            active_[n],
            weights_[n],
            lengths_[n]};
  }
  void add(const Batch<T>& batch, std::size_t n) {
    const ExampleRow<T> to = row(n);
    copy(batch.inputs.subspan(n * batch.features, batch.features), to.inputs);
    copy(batch.target(n), to.targets);
    to.label = batch.labels.empty() ? -1 : batch.labels[n];
    to.active = batch.active.empty() ? OutputRange{} : batch.active[n];
    to.weight = batch.weights.empty() ? T(1) : batch.weights[n];
    to.length = batch.lengths.empty() ? 0 : batch.lengths[n];
    indices_[n] = batch.indices.empty() ? batch.first + n : batch.indices[n];
  }
  static void copy(std::span<const T> from, std::span<T> to) {
    for (std::size_t k = 0; k < to.size(); ++k) to[k] = from[k];
  }

  /// Without weights if all are 1, and without lengths if all are whole.
  [[nodiscard]] Batch<T> joined(std::size_t size) const {
    bool weighted = false, shortened = false;
    for (std::size_t n = 0; n < size; ++n) {
      weighted = weighted || weights_[n] != 1;
      shortened = shortened || lengths_[n] != 0;
    }
    Batch<T> all{size, shape_.features, std::span(inputs_).first(size * shape_.features)};
    if (shape_.labelled) all.labels = std::span(labels_).first(size);
    all.targets = std::span(targets_).first(size * shape_.targets);
    all.active = std::span(active_).first(size);
    all.indices = std::span(indices_).first(size);
    if (weighted) all.weights = std::span(weights_).first(size);
    if (shortened) all.lengths = std::span(lengths_).first(size);
    return all;
  }

  ExampleShape shape_;
  AlignedVector<T> inputs_, targets_, weights_;
  std::vector<std::int32_t> labels_;
  std::vector<OutputRange> active_;
  std::vector<std::uint64_t> indices_;
  std::vector<std::uint32_t> lengths_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
