// SPDX-License-Identifier: MIT
// A selection that knows of which task each example is.
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

/// Keeps what `Choice` keeps, and of each example the number of its task, which the calls of `end_task` count. So
/// methods that ask for examples of tasks which have ended work with any memory: a ring for each task, or a reservoir
/// whose capacity is that of all tasks, in which examples of the present task take the place of older ones and count
/// once it has ended. 4 bytes for each example.
template <Selection Choice>
class ByTask {
 public:
  static constexpr const char* name = Choice::name;

  [[nodiscard]] std::size_t place(const Arrival& arrival) {
    const std::size_t slot = choice_.place(arrival);
    if (slot == tasks_.size())
      tasks_.push_back(present_);
    else if (slot != Arrival::no_slot)
      tasks_[slot] = present_;
    return slot;
  }

  [[nodiscard]] std::size_t places(std::size_t capacity) const { return choice_.places(capacity); }
  [[nodiscard]] std::size_t bytes() const { return choice_.bytes() + tasks_.size() * sizeof(std::uint32_t); }
  /// Makes room for the examples of the batch. \throws what `Choice` does; OutOfMemory.
  template <class T>
  void prepare(const Batch<T>& batch) {
    choice_.prepare(batch);
    const std::size_t most = tasks_.size() + batch.size;
    if (most <= tasks_.capacity()) return;
    detail::with_memory([&] { tasks_.reserve(most + tasks_.size()); },
                        [&] { return "no memory for the tasks of " + std::to_string(most) + " examples"; });
  }
  void end_task() {
    choice_.end_task();
    ++present_;
  }

  [[nodiscard]] const Choice& choice() const LIFELONG_LIFETIME_BOUND { return choice_; }
  /// Number of the present task, which is how many have ended.
  [[nodiscard]] std::uint32_t present() const { return present_; }
  /// The task of each example, by its slot.
  [[nodiscard]] std::span<const std::uint32_t> tasks() const LIFELONG_LIFETIME_BOUND { return tasks_; }

  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    choice_.visit(array, number);
    std::size_t examples = tasks_.size();
    number("present_task", present_);
    number("examples_of_tasks", examples);
    if (examples > 0)
      array("example_tasks", tasks_);
    else
      tasks_.clear();
  }
  /// \throws FormatError if no stream fills a memory like this.
  void check(std::uint64_t seen, std::size_t capacity, std::span<const std::int32_t> labels) {
    choice_.check(seen, capacity, labels);
    if (tasks_.size() != labels.size())
      detail::raise<FormatError>("the memory has the tasks of " + std::to_string(tasks_.size()) + " examples, and " +
                                 std::to_string(labels.size()) + " examples");
    for (const std::uint32_t task : tasks_)
      if (task > present_)
        detail::raise<FormatError>("the memory has an example of task " + std::to_string(task) + " in task " +
                                   std::to_string(present_));
  }

 private:
  Choice choice_;
  std::vector<std::uint32_t> tasks_;
  std::uint32_t present_ = 0;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
