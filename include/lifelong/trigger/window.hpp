// SPDX-License-Identifier: MIT
// The last losses that a trigger has seen.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>

namespace lifelong::trigger {

namespace detail {

/// \throws NumericError unless the loss is finite; `trigger` is the trigger's name.
inline void require_finite_loss(const char* trigger, double loss) {
  if (!lifelong::detail::is_finite(loss))
    lifelong::detail::raise<NumericError>(std::string(trigger) + ": the loss is " + lifelong::detail::text(loss));
}

/// The last `size` numbers. Mean and variance are summed anew each time, in the order in which the numbers are stored,
/// so that rounding errors do not add up over a long stream. Either costs O(size).
class Window {
 public:
  /// \throws OutOfMemory.
  explicit Window(std::size_t size) {
    lifelong::detail::with_memory(
        [&] { values_.resize(size); },
        [&] { return "a window of " + std::to_string(size) + " losses does not fit into memory"; });
  }

  void push(double value) {
    values_[next_] = value;
    next_ = (next_ + 1) % values_.size();
    if (count_ < values_.size()) ++count_;
  }
  [[nodiscard]] bool full() const { return count_ == values_.size(); }

  /// The mean of a full window.
  [[nodiscard]] double mean() const {
    double sum = 0;
    for (const double value : values_) sum += value;
    return sum / static_cast<double>(values_.size());
  }
  /// Mean squared distance from the mean, of a full window.
  [[nodiscard]] double variance() const {
    const double centre = mean();
    double sum = 0;
    for (const double value : values_) sum += (value - centre) * (value - centre);
    return sum / static_cast<double>(values_.size());
  }

 private:
  std::vector<double> values_;
  std::size_t next_ = 0, count_ = 0;
};

}  // namespace detail
}  // namespace lifelong::trigger

#include <lifelong/config/pop_macros.hpp>
