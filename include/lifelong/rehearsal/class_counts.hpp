// SPDX-License-Identifier: MIT
// How many examples a memory keeps of each class, for selections that balance them.
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

/// The classes that a memory has seen, numbered in the order of their first examples, and how many examples it keeps of
/// each. It allocates in `reserve` alone.
class ClassCounts {
 public:
  /// Classes seen.
  [[nodiscard]] std::size_t size() const { return labels_.size(); }
  [[nodiscard]] std::int32_t label(std::size_t c) const { return labels_[c]; }
  [[nodiscard]] std::uint64_t kept(std::size_t c) const { return kept_[c]; }
  /// Number of the class with this label; size() if it was not seen.
  [[nodiscard]] std::size_t find(std::int32_t label) const {
    std::size_t c = 0;
    while (c < labels_.size() && labels_[c] != label) ++c;
    return c;
  }
  /// Examples that are kept of a largest class.
  [[nodiscard]] std::uint64_t largest() const {
    std::uint64_t most = 0;
    for (const std::uint64_t kept : kept_) most = kept > most ? kept : most;
    return most;
  }

  /// Makes room for as many new classes as the batch can bring. \throws InvalidArgument, which names it, for a sample
  /// without a label; OutOfMemory.
  template <class T>
  void reserve(const Batch<T>& batch) {
    for (std::size_t n = 0; n < batch.size; ++n)
      if (batch.labels.empty() || batch.labels[n] < 0)
        detail::raise<InvalidArgument>("sample " + std::to_string(batch.context(n, 1).index) +
                                       " has no label, by which a balanced memory keeps examples");
    const std::size_t most = labels_.size() + batch.size;
    detail::with_memory(
        [&] {
          labels_.reserve(most);
          kept_.reserve(most);
        },
        [&] { return "no memory for the counts of " + std::to_string(most) + " classes"; });
  }
  /// A class that was not seen before.
  void add_class(std::int32_t label) {
    labels_.push_back(label);
    kept_.push_back(0);
  }
  /// One more example of class `c` is kept.
  void add(std::size_t c) { ++kept_[c]; }
  /// A random slot of those that hold the largest classes, each equally likely, which an example of class `c` takes.
  [[nodiscard]] std::size_t replace_of_largest(const Arrival& arrival, std::size_t c) {
    const std::uint64_t most = largest();
    std::uint64_t examples = 0;
    for (const std::uint64_t kept : kept_) examples += kept == most ? most : 0;
    const std::size_t slot =
        nth(arrival.labels, arrival.below(examples), [&](std::size_t of) { return kept_[of] == most; });
    --kept_[find(arrival.labels[slot])];
    ++kept_[c];
    return slot;
  }
  /// The slot of example number `k` of the classes for which `counts(class)`.
  template <class Counts>
  [[nodiscard]] std::size_t nth(std::span<const std::int32_t> labels, std::uint64_t k, const Counts& counts) const {
    std::size_t slot = 0;
    for (;; ++slot)
      if (counts(find(labels[slot])) && k-- == 0) return slot;
  }

  [[nodiscard]] std::size_t bytes() const { return labels_.size() * (sizeof(std::int32_t) + sizeof(std::uint64_t)); }
  /// See `PolicyState`; what is kept follows from the memory's examples, see `count`.
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    std::size_t classes = labels_.size();
    number("classes", classes);
    if (classes > 0)
      array("class_labels", labels_);
    else
      labels_.clear();
  }
  /// Counts the examples of each class of a full memory, or one that holds all it has seen. \throws FormatError for
  /// another number of examples, a label twice, or an example of none of the classes.
  void count(std::uint64_t seen, std::size_t capacity, std::span<const std::int32_t> labels) {
    if (labels.size() != (seen < capacity ? seen : capacity)) refuse("the memory is neither full nor holds all");
    kept_.assign(labels_.size(), 0);
    for (const std::int32_t label : labels) {
      const std::size_t c = find(label);
      if (c == labels_.size()) refuse("label " + std::to_string(label) + " is not among them");
      ++kept_[c];
    }
    for (std::size_t c = 0; c < labels_.size(); ++c)
      if (find(labels_[c]) != c) refuse("label " + std::to_string(labels_[c]) + " is there twice");
  }
  [[noreturn]] static void refuse(const std::string& what) {
    detail::raise<FormatError>("the classes of a balanced memory: " + what);
  }

 private:
  std::vector<std::int32_t> labels_;
  std::vector<std::uint64_t> kept_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
