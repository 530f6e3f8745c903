// SPDX-License-Identifier: MIT
// Examples of tasks that have ended, drawn for a step that must not harm them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/rehearsal/by_task.hpp>
#include <lifelong/rehearsal/draw.hpp>
#include <lifelong/rehearsal/joined_batch.hpp>
#include <lifelong/rehearsal/memory.hpp>

namespace lifelong::rehearsal {

/// A memory from which batches of examples of finished tasks are taken, and the number of steps, which the draws follow
/// from. It owns the batch and the work arrays, and allocates nothing after `prepare`.
template <Selection Choice, class T, class S = T>
class EpisodicMemory {
 public:
  [[nodiscard]] const Memory<ByTask<Choice>, T, S>& memory() const LIFELONG_LIFETIME_BOUND { return memory_; }
  /// Steps that were taken.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  /// Tasks that have ended, with examples or without.
  [[nodiscard]] std::uint32_t finished() const { return memory_.selection().present(); }

  /// The first finished task from number `task` on that has examples; `finished()` if there is none.
  [[nodiscard]] std::uint32_t next_task(std::uint32_t task) const {
    std::uint32_t next = finished();
    for (const std::uint32_t of : memory_.selection().tasks())
      if (of >= task && of < next) next = of;
    return next;
  }

  /// Makes the memory, if it is still empty, and room for a step with `batch` in which at most `batch_size` examples
  /// are drawn at a time. `capacity_name` reads like `Gem.capacity`. \throws as `Memory::prepare`, and InvalidArgument
  /// for another capacity than that of a memory which holds something.
  void prepare(const MemoryOptions& options, std::size_t batch_size, const Batch<T>& batch, const char* capacity_name) {
    if (memory_.seen() == 0) memory_ = Memory<ByTask<Choice>, T, S>(options);
    if (memory_.capacity() != options.capacity)
      detail::raise<InvalidArgument>("the memory has a capacity of " + std::to_string(memory_.capacity()) +
                                     " examples and holds " + std::to_string(memory_.size()) + ", so " + capacity_name +
                                     " cannot become " + std::to_string(options.capacity));
    memory_.prepare(batch);
    const std::size_t places = memory_.examples().places(), most = batch_size < places ? batch_size : places;
    detail::with_memory(
        [&] {
          slots_.reserve(places);
          chosen_.reserve(most);
          draw_.reserve(places, most);
        },
        [] { return "no memory to draw examples from a memory"; });
    joined_.reserve(most, memory_.examples().shape());
  }

  /// `count` examples of the tasks number `first` .. `end`-1, drawn without replacement; all of them in the order of
  /// their slots if there are no more; none, if there is none. Valid until the next call.
  [[nodiscard]] Batch<T> examples_of(std::uint32_t first, std::uint32_t end, const Random& random,
                                     std::size_t count) LIFELONG_LIFETIME_BOUND {
    const std::span<const std::uint32_t> tasks = memory_.selection().tasks();
    slots_.clear();
    for (std::size_t i = 0; i < tasks.size(); ++i)
      if (tasks[i] >= first && tasks[i] < end) slots_.push_back(static_cast<std::uint32_t>(i));
    if (slots_.empty()) return {};
    if (slots_.size() <= count) return joined_.of(memory_.examples(), slots_);
    chosen_.clear();
    for (const std::uint32_t k : draw_(random, steps_, slots_.size(), count)) chosen_.push_back(slots_[k]);
    return joined_.of(memory_.examples(), chosen_);
  }

  /// A step on `batch` was taken.
  void keep(const Batch<T>& batch) {
    memory_.keep(batch);
    ++steps_;
  }
  void end_task() { memory_.end_task(); }

  [[nodiscard]] std::size_t bytes() const { return memory_.bytes(); }
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    number("steps", steps_);
    memory_.visit(array, number);
  }

 private:
  Memory<ByTask<Choice>, T, S> memory_;
  std::uint64_t steps_ = 0;
  std::vector<std::uint32_t> slots_, chosen_;
  Draw draw_;
  JoinedBatch<T> joined_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
