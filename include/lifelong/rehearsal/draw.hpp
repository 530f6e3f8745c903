// SPDX-License-Identifier: MIT
// Which examples of a memory take part in a step.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <lifelong/core/random.hpp>

namespace lifelong::rehearsal {

/// Draws without replacement. What is drawn is a function of the arguments alone; the object owns work arrays, and
/// allocates nothing after `reserve`.
class Draw {
 public:
  /// Makes room for draws of at most `count` from at most `size` numbers, at most 2^32.
  void reserve(std::size_t size, std::size_t count) {
    if (count > size) count = size;
    while_growing(order_, size);
    while_growing(drawn_, count);
    while_growing(swapped_, count);
  }

  /// `count` of the numbers 0 .. size-1, all if there are fewer, each set of them equally likely, for step `step` of
  /// the sequence `random`: the first steps of a Fisher-Yates shuffle. Valid until the next call. It costs O(count).
  [[nodiscard]] std::span<const std::uint32_t> operator()(const Random& random, std::uint64_t step, std::size_t size,
                                                          std::size_t count) {
    if (count > size) count = size;
    reserve(size, count);
    for (std::size_t k = 0; k < count; ++k) {
      swapped_[k] = static_cast<std::uint32_t>(k + random.below((step << 32) + k, size - k));
      std::swap(order_[k], order_[swapped_[k]]);
      drawn_[k] = order_[k];
    }
    for (std::size_t k = count; k-- > 0;) std::swap(order_[k], order_[swapped_[k]]);  // 0, 1, 2, ... again
    return std::span(drawn_).first(count);
  }

 private:
  static void while_growing(std::vector<std::uint32_t>& numbers, std::size_t size) {
    for (std::size_t i = numbers.size(); i < size; ++i) {
      if (i == numbers.size()) numbers.resize(size);
      numbers[i] = static_cast<std::uint32_t>(i);
    }
  }

  std::vector<std::uint32_t> order_, drawn_, swapped_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
