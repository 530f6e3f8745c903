// SPDX-License-Identifier: MIT
// GDumb's memory: every class takes its equal share as soon as its examples come.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#include <lifelong/core/batch.hpp>
#include <lifelong/rehearsal/class_counts.hpp>
#include <lifelong/rehearsal/memory.hpp>

namespace lifelong::rehearsal {

/// The greedy balancing sampler of GDumb (Prabhu et al. 2020). With C classes seen, the present one counted, each has
/// the share capacity / C. While there is room, every example is added. Then an example stays if fewer than the share
/// are kept of its class, as of the first of a class, and it replaces a random example of the largest classes. So every
/// class rarer than its share is kept whole, and the numbers of the others differ by at most 1 once enough of each have
/// come; of a class of which some were left, the first ones are kept, less those that later classes replaced. It costs
/// one draw for each example, and one pass over the labels for each that stays once the memory is full.
///
/// Here we differ: the paper leaves examples out that are above the share even while slots are empty. (Its program
/// takes the first capacity / C of each class from the whole data; mammoth's has a plain reservoir, and CapyMOA's takes
/// every example, also of the largest class.)
class GreedySelection {
 public:
  static constexpr const char* name = "greedy balanced";

  [[nodiscard]] std::size_t place(const Arrival& arrival) {
    const std::size_t c = classes_.find(arrival.label);
    if (c == classes_.size()) classes_.add_class(arrival.label);
    const std::size_t size = arrival.labels.size();
    if (size < arrival.capacity) {
      classes_.add(c);
      return size;
    }
    const std::size_t share_rounded_up = (arrival.capacity + classes_.size() - 1) / classes_.size();
    return classes_.kept(c) < share_rounded_up ? classes_.replace_of_largest(arrival, c) : Arrival::no_slot;
  }

  [[nodiscard]] std::size_t places(std::size_t capacity) const { return capacity; }
  [[nodiscard]] std::size_t bytes() const { return classes_.bytes(); }

  /// Makes room for as many classes as the batch can bring. \throws as `ClassCounts::reserve`.
  template <class T>
  void prepare(const Batch<T>& batch) {
    classes_.reserve(batch);
  }
  void end_task() const {}

  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    classes_.visit(array, number);
  }
  /// Counts the examples of each class. \throws FormatError if no stream fills a memory like this.
  void check(std::uint64_t seen, std::size_t capacity, std::span<const std::int32_t> labels) {
    if (classes_.size() > seen) ClassCounts::refuse("there are more than examples were seen");
    classes_.count(seen, capacity, labels);
  }

 private:
  ClassCounts classes_;
};

/// GDumb's memory; see `GreedySelection`.
template <class T, class S = T>
using GreedyBalanced = Memory<GreedySelection, T, S>;

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
