// Several tasks as one set of examples: joint training, the upper bound a lifelong learner is measured against.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/stream/task.hpp>

namespace lifelong {

/// The examples of several views one after the other, as one source; holds views, never examples. Satisfies
/// `ExampleSource<Joined<S>, T>` for T float and double; reading is safe from several threads and costs a look at each
/// part's size.
template <class S>
class Joined {
 public:
  /// \throws InvalidArgument for no parts; ShapeMismatch, naming the part, if features or targets differ.
  explicit Joined(std::vector<Examples<S>> parts) : parts_(std::move(parts)) {
    if (parts_.empty()) detail::raise<InvalidArgument>("Joined needs at least 1 part");
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      const std::string name = "Joined part " + std::to_string(p) + ", an example's ";
      detail::require_size((name + "inputs").c_str(), parts_[p].features(), features());
      detail::require_size((name + "targets").c_str(), parts_[p].targets(), targets());
      size_ += parts_[p].size();
    }
  }

  /// The train sets of all tasks.
  explicit Joined(const Stream<S>& stream) : Joined(stream, stream.size()) {}

  /// The train sets of the first `tasks` tasks. \throws InvalidArgument for 0 or more than there are.
  Joined(const Stream<S>& stream, std::size_t tasks) : Joined(train_sets(stream, tasks)) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t features() const { return parts_.front().features(); }
  [[nodiscard]] std::size_t targets() const { return parts_.front().targets(); }

  /// Fills `row` with example `i`; errors as in `Examples::read`.
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
};

}  // namespace lifelong
