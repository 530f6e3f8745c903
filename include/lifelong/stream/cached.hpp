// SPDX-License-Identifier: MIT
// A copy of a task's examples as they are read, for sources that compute every example anew each time.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/backend/backend.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong {

/// The examples of a source, read once. A rotation or any other lazy map is then computed once for each example instead
/// of once for each epoch; what is read is the same, bit by bit. The copy pays off from the second epoch on. It holds N
/// (features + targets + 1) values of type T and 28 bytes per example; copying it copies all of that. It satisfies
/// `ExampleSource<CachedExamples<T>, T>`; several threads may read at once.
template <class T>
class CachedExamples {
 public:
  /// Reads all of `examples` on the threads of `backend`. \throws InvalidArgument, before anything is allocated, if the
  /// copy would take more than `most_bytes`; OutOfMemory; NumericError for a value that is NaN or Inf.
  template <class Source, class Backend = backend::Serial>
  explicit CachedExamples(const Source& examples, std::size_t most_bytes = std::size_t{1} << 30,
                          const Backend& backend = {}) {
    static_assert(detail::require_example_source<Source, T>());
    static_assert(detail::require_backend<Backend>());
    size_ = examples.size();
    detail::require_end(size_, "CachedExamples");
    features_ = examples.features();
    targets_ = examples.targets();
    shape_ = detail::shape_of(examples);
    const double values = static_cast<double>(features_) + static_cast<double>(targets_) + 1;
    const double bytes = static_cast<double>(size_) * (values * sizeof(T) + 28);
    if (bytes > static_cast<double>(most_bytes))
      detail::raise<InvalidArgument>("CachedExamples: " + std::to_string(size_) + " examples would take " +
                                     detail::text(bytes) + " bytes, but at most " + std::to_string(most_bytes) +
                                     " are allowed");
    for ([[maybe_unused]] const Batch<T>& whole : BatchLoader(examples, size_ > 0 ? size_ : 1, values_, backend)) {
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t features() const { return features_; }
  [[nodiscard]] std::size_t targets() const { return targets_; }
  /// Shape of one example, if the source has one; else only that it has so many features.
  [[nodiscard]] const std::vector<std::size_t>& shape() const LIFELONG_LIFETIME_BOUND { return shape_; }

  /// Fills `row` with example `i`. \throws InvalidArgument unless i < size(); ShapeMismatch unless the row has room for
  /// exactly one example.
  void read(std::size_t i, ExampleRow<T> row) const {
    detail::require_index("CachedExamples", i, size_);
    detail::require_size("the row of inputs to read into", row.inputs.size(), features_);
    detail::require_size("the row of targets to read into", row.targets.size(), targets_);
    const Batch<T> all = values_.batch();
    for (std::size_t k = 0; k < features_; ++k) row.inputs[k] = all.inputs[i * features_ + k];
    for (std::size_t k = 0; k < targets_; ++k) row.targets[k] = all.targets[i * targets_ + k];
    if (targets_ == 0) row.label = all.labels[i];
    row.active = all.active[i];
    row.weight = all.weights[i];
    row.length = all.lengths.empty() ? 0 : all.lengths[i];
  }

 private:
  std::size_t size_ = 0, features_ = 0, targets_ = 0;
  std::vector<std::size_t> shape_;
  BatchBuffer<T> values_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
