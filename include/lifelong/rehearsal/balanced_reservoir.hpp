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
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
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
    const std::size_t c = find(arrival.label);
    if (c == labels_.size()) add_class(arrival.label);
    ++seen_[c];
    const std::size_t size = arrival.labels.size();
    if (size < arrival.capacity) {
      ++kept_[c];
      return size;
    }
    mark_largest();
    if (full_[c] == 0) return replace_of_largest(arrival, c);
    const std::uint64_t k = arrival.below(seen_[c]);
    return k < kept_[c] ? nth(arrival.labels, k, [&](std::size_t of) { return of == c; }) : Arrival::no_slot;
  }

  [[nodiscard]] std::size_t slots(std::size_t capacity) const { return capacity; }
  [[nodiscard]] std::size_t bytes() const { return labels_.size() * (sizeof(std::int32_t) + 1 + 2 * 8); }

  /// Makes room for as many classes as the batch can bring. \throws InvalidArgument, which names it, for a sample
  /// without a label; OutOfMemory.
  template <class T>
  void prepare(const Batch<T>& batch) {
    for (std::size_t n = 0; n < batch.size; ++n)
      if (batch.labels.empty() || batch.labels[n] < 0)
        detail::raise<InvalidArgument>("sample " + std::to_string(batch.context(n, 1).index) +
                                       " has no label, by which a balanced memory keeps examples");
    const std::size_t most = labels_.size() + batch.size;
    detail::with_memory(
        [&] {
          labels_.reserve(most);
          full_.reserve(most);
          seen_.reserve(most);
          kept_.reserve(most);
        },
        [&] { return "no memory for the counts of " + std::to_string(most) + " classes"; });
  }
  void end_task() const {}

  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    std::size_t classes = labels_.size();
    number("classes", classes);
    if (classes == 0) {
      *this = {};
      return;
    }
    array("class_labels", labels_);
    array("class_seen", seen_);
    array("class_full", full_);
  }
  /// Counts the examples of each class. \throws FormatError if no stream fills a memory like this.
  void check(std::uint64_t seen, std::size_t capacity, std::span<const std::int32_t> labels) {
    const auto refuse = [](const std::string& what) {
      detail::raise<FormatError>("the counts of a balanced reservoir's classes: " + what);
    };
    if (seen_.size() != labels_.size() || full_.size() != labels_.size()) refuse("there are not as many of each");
    if (labels.size() != (seen < capacity ? seen : capacity)) refuse("the memory is neither full nor holds all");
    kept_.assign(labels_.size(), 0);
    for (const std::int32_t label : labels) {
      const std::size_t c = find(label);
      if (c == labels_.size()) refuse("label " + std::to_string(label) + " is not among them");
      ++kept_[c];
    }
    for (std::size_t c = 0; c < labels_.size(); ++c) {
      if (kept_[c] > seen_[c] || find(labels_[c]) != c) refuse("label " + std::to_string(labels_[c]));
      seen -= seen_[c];
    }
    if (seen != 0) refuse("they do not add up");
  }

 private:
  [[nodiscard]] std::size_t find(std::int32_t label) const {
    std::size_t c = 0;
    while (c < labels_.size() && labels_[c] != label) ++c;
    return c;
  }
  void add_class(std::int32_t label) {
    labels_.push_back(label);
    full_.push_back(0);
    seen_.push_back(0);
    kept_.push_back(0);
  }
  [[nodiscard]] std::uint64_t largest() const {
    std::uint64_t most = 0;
    for (const std::uint64_t kept : kept_) most = kept > most ? kept : most;
    return most;
  }
  void mark_largest() {
    const std::uint64_t most = largest();
    for (std::size_t c = 0; c < kept_.size(); ++c)
      if (kept_[c] == most) full_[c] = 1;
  }
  /// The slot of example number `k` of the classes for which `counts(class)`.
  template <class Counts>
  [[nodiscard]] std::size_t nth(std::span<const std::int32_t> labels, std::uint64_t k, const Counts& counts) const {
    std::size_t slot = 0;
    for (;; ++slot)
      if (counts(find(labels[slot])) && k-- == 0) return slot;
  }
  std::size_t replace_of_largest(const Arrival& arrival, std::size_t c) {
    const std::uint64_t most = largest();
    std::uint64_t examples = 0;
    for (const std::uint64_t kept : kept_) examples += kept == most ? most : 0;
    const std::size_t slot =
        nth(arrival.labels, arrival.below(examples), [&](std::size_t of) { return kept_[of] == most; });
    --kept_[find(arrival.labels[slot])];
    ++kept_[c];
    return slot;
  }

  std::vector<std::int32_t> labels_;  // of the classes seen, in the order of their first examples
  std::vector<std::uint8_t> full_;    // whether a class has been one of the largest of the full memory
  std::vector<std::uint64_t> seen_, kept_;
};

/// A sample of the examples seen that holds as many of each class as it can; see `BalancedSelection`.
template <class T, class S = T>
using BalancedReservoir = Memory<BalancedSelection, T, S>;

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
