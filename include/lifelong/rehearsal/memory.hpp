// SPDX-License-Identifier: MIT
// A memory of examples: which of those that arrive stay is the choice of its selection.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/rehearsal/stored_examples.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>

namespace lifelong::rehearsal {

/// Settings of a `Memory`.
struct MemoryOptions {
  std::size_t capacity = 500;  ///< examples it has room for, of a ring for each task; at most 2^32
  std::uint64_t seed = 0;      ///< which examples stay follows from it and from their numbers
  double scale = 1.0 / 255;    ///< of inputs that are stored as bytes; others have none

  /// \throws InvalidArgument for a capacity of 0 or above 2^32, or a scale that is not finite and above 0.
  void validate() const {
    detail::require_between("MemoryOptions.capacity", static_cast<double>(capacity), 1, 0x1p32);
    detail::require_positive("MemoryOptions.scale", scale);
  }
};

/// An example that asks a selection for a slot.
struct Arrival {
  static constexpr std::size_t no_slot = static_cast<std::size_t>(-1);

  std::uint64_t number;                  ///< examples seen before it
  std::int32_t label;                    ///< -1 if it has none
  std::size_t capacity;                  ///< that of the memory
  std::span<const std::int32_t> labels;  ///< of the examples in the slots 0 .. size-1
  Random random;                         ///< draw `number` is this example's own

  /// Uniform in [0, bound), by this example's draw; for a bound above 2^32 too. The bias is below bound / 2^64.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) const {
    const std::uint64_t x = random.bits(number), low = 0xFFFFFFFFULL;
    const std::uint64_t middle = (x >> 32) * (bound & low) + (((x & low) * (bound & low)) >> 32);
    return (x >> 32) * (bound >> 32) + (middle >> 32) + (((x & low) * (bound >> 32) + (middle & low)) >> 32);
  }
};

/// Which examples of a stream a memory keeps. `place(arrival)` is the slot for an example: the number of examples kept
/// so far to add it, a smaller one to replace the example there, `Arrival::no_slot` to leave it; it does not throw.
/// `prepare(batch)` checks a batch before its examples arrive, and makes room, so that `place` need not;
/// `places(capacity)` is how many slots there have to be; `end_task()` is told when a task ends; `check(seen, capacity,
/// labels)` throws FormatError if what `visit` has read is impossible. `name` is what recipes call it.
template <class S>
concept Selection = std::copyable<S> && requires(S& selection, const S& fixed, const Arrival& arrival,
                                                 const Batch<float>& batch, std::span<const std::int32_t> labels) {
  { S::name } -> std::convertible_to<const char*>;
  { selection.place(arrival) } -> std::same_as<std::size_t>;
  { fixed.places(std::size_t{}) } -> std::same_as<std::size_t>;
  { fixed.bytes() } -> std::convertible_to<std::size_t>;
  selection.prepare(batch);
  selection.end_task();
  selection.check(std::uint64_t{}, std::size_t{}, labels);
};

/// Examples of a stream that stay, as copies: an `ExampleSource` that a learner can be trained on, and a `PolicyState`
/// that checkpoints keep. Which of them stay depends on the seed and on the order of examples, and not on how they come
/// in batches. Examples of weight 0 do not count; any other counts once, whatever its weight, which is kept. Inputs are
/// stored as S; see `StoredExamples`.
template <Selection Choice, class T, class S = T>
class Memory {
 public:
  /// Without room for any example.
  Memory() = default;
  /// \throws InvalidArgument for a setting outside its domain.
  explicit Memory(const MemoryOptions& options)
      : capacity_(options.capacity), seed_(options.seed), examples_(options.scale) {
    options.validate();
  }

  [[nodiscard]] std::size_t size() const { return examples_.size(); }
  [[nodiscard]] std::size_t features() const { return examples_.features(); }
  [[nodiscard]] std::size_t targets() const { return examples_.targets(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  /// How many examples have arrived.
  [[nodiscard]] std::uint64_t seen() const { return seen_; }
  /// The arrays of the examples.
  [[nodiscard]] const StoredExamples<T, S>& examples() const LIFELONG_LIFETIME_BOUND { return examples_; }
  [[nodiscard]] const Choice& selection() const LIFELONG_LIFETIME_BOUND { return selection_; }

  /// Fills `row` with example `i`. \throws as `StoredExamples::read`.
  void read(std::size_t i, ExampleRow<T> row) const { examples_.read(i, row); }

  /// Lets the examples of a batch arrive, in their order. `outputs` are a model's for them, as many for each, and are
  /// kept if there are any. \throws InvalidArgument for a memory without capacity, for an input that S has no value
  /// for, or an example that the selection cannot take; NumericError for one that is not finite; ShapeMismatch for
  /// another shape than before; OutOfMemory. Then nothing has changed.
  void push(const Batch<T>& batch, std::span<const T> outputs = {}) {
    if (batch.size == 0) return;
    detail::require_finite_values(batch);
    if (outputs.size() % batch.size != 0)
      detail::refuse_size("the array of outputs", outputs.size(),
                          "multiples of " + std::to_string(batch.size) + " are needed");
    for (const T weight : batch.weights)
      detail::require_at_least("a weight of the batch", static_cast<double>(weight), 0);
    prepare(batch, outputs.size() / batch.size);
    keep(batch, outputs);
  }

  /// Lets all examples of a source arrive, in its order. \throws as the other `push`; then the examples of the batches
  /// before have arrived. InvalidArgument for a source without end.
  template <class Examples>
  requires(ExampleSource<Examples, T>) void push(const Examples& examples) {
    constexpr std::size_t batch_size = 256;
    detail::require_end(examples.size(), "Memory.push");
    BatchBuffer<T> buffer;
    const backend::Serial serial;
    for (const Batch<T>& batch : BatchLoader<T, Examples, backend::Serial>(examples, batch_size, buffer, serial))
      push(batch);
  }

  /// Checks a batch of finite values, and makes room for its examples with `outputs` outputs each, so that `keep` does
  /// not fail. \throws as `push`.
  void prepare(const Batch<T>& batch, std::size_t outputs = 0) {
    if (batch.size == 0) return;
    if (capacity_ == 0) detail::raise<InvalidArgument>("the memory has no capacity: make it with MemoryOptions");
    detail::check_sizes(batch);
    if (batch.features == 0) detail::raise<ShapeMismatch>("an example for the memory has no features");
    examples_.require_storable(batch);
    selection_.prepare(batch);
    examples_.reserve(selection_.places(capacity_), StoredExamples<T, S>::shape_of(batch, outputs));
  }
  /// Lets the examples of a batch arrive that `prepare` has seen. It does not throw.
  void keep(const Batch<T>& batch, std::span<const T> outputs = {}) {
    const std::size_t width = batch.size == 0 ? 0 : outputs.size() / batch.size;
    const Random random(seed_, Purpose::memory);
    for (std::size_t n = 0; n < batch.size; ++n) {
      if (!batch.weights.empty() && batch.weights[n] == 0) continue;
      const std::int32_t label = batch.labels.empty() ? -1 : batch.labels[n];
      const std::size_t slot = selection_.place({seen_++, label, capacity_, examples_.labels(), random});
      if (slot != Arrival::no_slot) examples_.write(slot, batch, n, outputs.subspan(n * width, width));
    }
  }

  /// A task has ended. It does not throw.
  void end_task() { selection_.end_task(); }

  /// A memory does not depend on the number of parameters.
  void resize(std::size_t) {}
  /// Bytes of the examples with all that belongs to them, and of what the selection knows.
  [[nodiscard]] std::size_t bytes() const { return examples_.bytes() + selection_.bytes(); }

  /// See `PolicyState`. \throws FormatError for what does not belong together.
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    number("capacity", capacity_);
    number("seed", seed_);
    number("seen", seen_);
    examples_.visit(array, number);
    selection_.visit(array, number);
    selection_.check(seen_, capacity_, examples_.labels());
  }

 private:
  std::size_t capacity_ = 0;
  std::uint64_t seed_ = 0, seen_ = 0;
  StoredExamples<T, S> examples_;
  Choice selection_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
