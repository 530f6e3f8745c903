// SPDX-License-Identifier: MIT
// The last examples of a stream, for a learner without task boundaries.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>

namespace lifelong {

/// A ring of the last `capacity` samples that were pushed, oldest first. Where no task has an end, importances are
/// estimated on it: `learner.consolidate(recent)` when a trigger fires. It keeps copies, capacity x (features +
/// targets) numbers, which the first push allocates. A sample without a label has label -1; losses and estimators that
/// need labels report it. It satisfies `ExampleSource<RecentExamples<T>, T>`.
template <class T>
class RecentExamples {
 public:
  /// \throws InvalidArgument for a capacity of 0.
  explicit RecentExamples(std::size_t capacity) : capacity_(capacity) {
    detail::require_at_least("RecentExamples.capacity", static_cast<double>(capacity), 1);
  }

  /// Adds copies of the samples of `batch`, in their order; of a batch longer than the capacity, the last ones stay.
  /// \throws ShapeMismatch for a sample with other features or targets than the first, or arrays of another length than
  /// the batch says; NumericError, which names the sample, for a value that is NaN or Inf; OutOfMemory. Then nothing is
  /// added.
  void push(const Batch<T>& batch) {
    if (batch.size == 0) return;
    detail::require_finite_values(batch);
    const std::size_t targets = batch.targets.size() / batch.size;
    if (pushed_ == 0) allocate(batch.features, targets);
    detail::require_size("a sample pushed to RecentExamples", batch.features, features_);
    detail::require_size("the row of targets of a sample pushed to RecentExamples", targets, targets_);
    for (std::size_t n = 0; n < batch.size; ++n) keep(batch, n);
  }

  /// Removes the samples, but keeps their shape and the memory.
  void clear() { size_ = first_ = 0; }

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t features() const { return features_; }
  [[nodiscard]] std::size_t targets() const { return targets_; }

  /// Fills `row` with sample `i`, where 0 is the oldest. \throws InvalidArgument unless i < size(); ShapeMismatch
  /// unless the row has room for exactly one sample.
  void read(std::size_t i, ExampleRow<T> row) const {
    if (i >= size_)
      detail::raise<InvalidArgument>("RecentExamples has no sample number " + std::to_string(i) + ": it has " +
                                     std::to_string(size_) + ", counted from 0");
    detail::require_size("the row of inputs to read into", row.inputs.size(), features_);
    detail::require_size("the row of targets to read into", row.targets.size(), targets_);
    const std::size_t slot = (first_ + i) % capacity_;
    copy(std::span<const T>(inputs_).subspan(slot * features_, features_), row.inputs);
    copy(std::span<const T>(answers_).subspan(slot * targets_, targets_), row.targets);
    row.label = labels_[slot];
    row.active = active_[slot];
    row.weight = weights_[slot];
    row.length = lengths_[slot];
  }

 private:
  void allocate(std::size_t features, std::size_t targets) {
    const auto message = [&] {
      return "RecentExamples: " + std::to_string(capacity_) + " samples of " + std::to_string(features) +
             " features and " + std::to_string(targets) + " targets do not fit into memory";
    };
    const std::size_t most = static_cast<std::size_t>(-1) / capacity_;
    if (features > most || targets > most) detail::raise<OutOfMemory>(message());
    detail::with_memory(
        [&] {
          inputs_.resize(capacity_ * features);
          answers_.resize(capacity_ * targets);
          labels_.resize(capacity_);
          active_.resize(capacity_);
          weights_.resize(capacity_);
          lengths_.resize(capacity_);
        },
        message);
    features_ = features;
    targets_ = targets;
  }

  void keep(const Batch<T>& batch, std::size_t n) {
    const std::size_t slot = (first_ + size_) % capacity_;
    copy(batch.inputs.subspan(n * features_, features_), std::span(inputs_).subspan(slot * features_, features_));
    copy(batch.target(n), std::span(answers_).subspan(slot * targets_, targets_));
    labels_[slot] = batch.labels.empty() ? -1 : batch.labels[n];
    active_[slot] = batch.active.empty() ? OutputRange{} : batch.active[n];
    weights_[slot] = batch.weights.empty() ? T(1) : batch.weights[n];
    lengths_[slot] = batch.lengths.empty() ? 0 : batch.lengths[n];
    ++pushed_;
    if (size_ < capacity_)
      ++size_;
    else
      first_ = (first_ + 1) % capacity_;
  }

  static void copy(std::span<const T> from, std::span<T> to) {
    for (std::size_t k = 0; k < to.size(); ++k) to[k] = from[k];
  }

  std::size_t capacity_, features_ = 0, targets_ = 0;
  std::size_t size_ = 0, first_ = 0;  // the oldest sample lies in slot `first_`
  std::uint64_t pushed_ = 0;
  std::vector<T> inputs_, answers_, weights_;
  std::vector<std::int32_t> labels_;
  std::vector<OutputRange> active_;
  std::vector<std::uint32_t> lengths_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
