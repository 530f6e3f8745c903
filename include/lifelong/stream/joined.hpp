// SPDX-License-Identifier: MIT
// Several tasks as one set of examples, for joint training, which is the upper bound that a lifelong learner is
// compared with.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/stream/examples.hpp>
#include <lifelong/stream/shape.hpp>
#include <lifelong/stream/task.hpp>

namespace lifelong {

/// The examples of several views one after the other, as one source. It holds views, never examples. It satisfies
/// `ExampleSource<Joined<S>, T>` for T float and double; several threads may read at once, and each read looks at the
/// sizes of the parts.
template <class S>
class Joined {
 public:
  /// \throws InvalidArgument without parts; ShapeMismatch, which names the part, if features, targets or known shapes
  /// differ.
  explicit Joined(std::vector<Examples<S>> parts) : parts_(std::move(parts)) {
    if (parts_.empty()) detail::raise<InvalidArgument>("Joined needs at least 1 part");
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      const std::string part = " of an example in part " + std::to_string(p) + " of Joined";
      detail::require_size(("the row of inputs" + part).c_str(), parts_[p].features(), features());
      detail::require_size(("the row of targets" + part).c_str(), parts_[p].targets(), targets());
      size_ += parts_[p].size();
      shape_ = detail::common_shape(shape_, parts_[p].shape(), "part " + std::to_string(p) + " of Joined");
    }
  }

  /// The train sets of all tasks.
  explicit Joined(const Stream<S>& stream) : Joined(stream, stream.size()) {}

  /// The train sets of the first `tasks` tasks. \throws InvalidArgument for 0 tasks or more than there are.
  Joined(const Stream<S>& stream, std::size_t tasks) : Joined(train_sets(stream, tasks)) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t features() const { return parts_.front().features(); }
  [[nodiscard]] std::size_t targets() const { return parts_.front().targets(); }

  /// Shape of one example, if all parts have the same; else only that it has so many features.
  [[nodiscard]] const std::vector<std::size_t>& shape() const LIFELONG_LIFETIME_BOUND { return shape_; }

  /// Fills `row` with example `i`. \throws as `Examples::read`.
  template <class T>
  void read(std::size_t i, ExampleRow<T> row) const {
    detail::require_index("Joined", i, size_);
    std::size_t p = 0;
    for (; i >= parts_[p].size(); ++p) i -= parts_[p].size();
    parts_[p].read(i, row);
  }

 private:
  static std::vector<Examples<S>> train_sets(const Stream<S>& stream, std::size_t tasks) {
    std::vector<Examples<S>> parts;
    for (std::size_t t = 0; t < tasks; ++t) parts.push_back(stream[t].train);
    return parts;
  }

  std::vector<Examples<S>> parts_;
  std::size_t size_ = 0;
  std::vector<std::size_t> shape_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
