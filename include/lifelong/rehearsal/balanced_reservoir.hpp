// SPDX-License-Identifier: MIT
// A sample of the examples seen that holds as many of each class as it can.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/rehearsal/class_counts.hpp>
#include <lifelong/rehearsal/memory.hpp>

namespace lifelong::rehearsal {

/// Class-balancing reservoir sampling (Chrysakis and Moens 2020). While there is room, every example is added. Then an
/// example of class y, of which m are kept and n were seen with it: if y has never been one of the largest classes of
/// the full memory, it replaces a random example of the largest ones; else it replaces, with probability m / n, a
/// random example of its own class. So the examples of a class of which some were left are a uniform sample, and every
/// class rarer than capacity / classes is kept whole. It costs one draw for each example, and one pass over the labels
/// for each that stays once the memory is full.
class BalancedSelection {
 public:
  static constexpr const char* name = "balanced reservoir";

  [[nodiscard]] std::size_t place(const Arrival& arrival) {
    const std::size_t c = classes_.find(arrival.label);
    if (c == classes_.size()) add_class(arrival.label);
    ++seen_[c];
    const std::size_t size = arrival.labels.size();
    if (size < arrival.capacity) {
      classes_.add(c);
      return size;
    }
    mark_largest();
    if (full_[c] == 0) return classes_.replace_of_largest(arrival, c);
    const std::uint64_t k = arrival.below(seen_[c]);
    return k < classes_.kept(c) ? classes_.nth(arrival.labels, k, [&](std::size_t of) { return of == c; })
                                : Arrival::no_slot;
  }

  [[nodiscard]] std::size_t places(std::size_t capacity) const { return capacity; }
  [[nodiscard]] std::size_t bytes() const {
    return classes_.bytes() + classes_.size() * (sizeof(std::uint8_t) + sizeof(std::uint64_t));
  }

  /// Makes room for as many classes as the batch can bring. \throws as `ClassCounts::reserve`.
  template <class T>
  void prepare(const Batch<T>& batch) {
    classes_.reserve(batch);
    const std::size_t most = classes_.size() + batch.size;
    detail::with_memory(
        [&] {
          full_.reserve(most);
          seen_.reserve(most);
        },
        [&] { return "no memory for the counts of " + std::to_string(most) + " classes"; });
  }
  void end_task() const {}

  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    classes_.visit(array, number);
    if (classes_.size() == 0) {
      *this = {};
      return;
    }
    array("class_seen", seen_);
    array("class_full", full_);
  }
  /// Counts the examples of each class. \throws FormatError if no stream fills a memory like this.
  void check(std::uint64_t seen, std::size_t capacity, std::span<const std::int32_t> labels) {
    if (seen_.size() != classes_.size() || full_.size() != classes_.size())
      ClassCounts::refuse("there are not as many of each array");
    classes_.count(seen, capacity, labels);
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      if (classes_.kept(c) > seen_[c])
        ClassCounts::refuse("more of label " + std::to_string(classes_.label(c)) + " are kept than were seen");
      seen -= seen_[c];
    }
    if (seen != 0) ClassCounts::refuse("their examples do not add up");
  }

 private:
  void add_class(std::int32_t label) {
    classes_.add_class(label);
    full_.push_back(0);
    seen_.push_back(0);
  }
  void mark_largest() {
    const std::uint64_t most = classes_.largest();
    for (std::size_t c = 0; c < classes_.size(); ++c)
      if (classes_.kept(c) == most) full_[c] = 1;
  }

  ClassCounts classes_;
  std::vector<std::uint8_t> full_;  // whether a class has been one of the largest of the full memory
  std::vector<std::uint64_t> seen_;
};

/// A sample of the examples seen that holds as many of each class as it can; see `BalancedSelection`.
template <class T, class S = T>
using BalancedReservoir = Memory<BalancedSelection, T, S>;

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
