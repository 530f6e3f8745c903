// SPDX-License-Identifier: MIT
// A uniform sample of all examples seen.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/rehearsal/memory.hpp>

namespace lifelong::rehearsal {

/// Algorithm R (Vitter 1985): with n examples seen before, one is added while n is below the capacity M; then j is
/// drawn from the n + 1 numbers {0..n}, and it replaces the example in slot j if j < M. So every example seen is kept
/// with probability M / n. (A draw from {0..n-1}, as in the code of A-GEM, always takes the example n = M.) It costs
/// one draw for each example.
struct UniformSelection {
  static constexpr const char* name = "reservoir";

  [[nodiscard]] std::size_t place(const Arrival& arrival) const {
    if (arrival.number < arrival.capacity) return static_cast<std::size_t>(arrival.number);
    const std::uint64_t slot = arrival.below(arrival.number + 1);
    return slot < arrival.capacity ? static_cast<std::size_t>(slot) : Arrival::no_slot;
  }

  [[nodiscard]] std::size_t places(std::size_t capacity) const { return capacity; }
  [[nodiscard]] std::size_t bytes() const { return 0; }
  template <class T>
  void prepare(const Batch<T>&) const {}
  void end_task() const {}

  /// It has no state.
  template <class Array, class Number>
  void visit(const Array&, const Number&) const {}
  /// \throws FormatError if no stream fills a memory like this.
  void check(std::uint64_t seen, std::size_t capacity, std::span<const std::int32_t> labels) const {
    if (labels.size() != (seen < capacity ? seen : capacity))
      detail::raise<FormatError>("a reservoir of capacity " + std::to_string(capacity) + " that has seen " +
                                 std::to_string(seen) + " examples cannot hold " + std::to_string(labels.size()));
  }
};

/// A uniform sample of all examples seen; see `UniformSelection`.
template <class T, class S = T>
using Reservoir = Memory<UniformSelection, T, S>;

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
