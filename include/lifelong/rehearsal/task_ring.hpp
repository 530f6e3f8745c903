// SPDX-License-Identifier: MIT
// The last examples of each task.
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

/// The last `capacity` examples of each task, as GEM keeps them (Lopez-Paz and Ranzato 2017). A task begins at the
/// start of a ring of its own, directly behind the examples that the tasks before have kept, so no slot is ever read
/// that was not written. (GEM's code goes on in the middle of the ring, and trains on what lies there.) A task without
/// examples has no ring. Memory grows with the number of tasks.
class LastOfTask {
 public:
  static constexpr const char* name = "ring per task";

  [[nodiscard]] std::size_t place(const Arrival& arrival) {
    capacity_ = arrival.capacity;
    return first(ends_.size()) + static_cast<std::size_t>(arrivals_++ % capacity_);
  }

  [[nodiscard]] std::size_t places(std::size_t capacity) const { return first(ends_.size()) + capacity; }
  [[nodiscard]] std::size_t bytes() const { return ends_.size() * sizeof(std::uint64_t); }
  /// Makes room for the end of the task that the batch belongs to. \throws OutOfMemory.
  template <class T>
  void prepare(const Batch<T>&) {
    detail::with_memory([&] { ends_.reserve(ends_.size() + 1); }, [] { return "no memory for the end of a task"; });
  }
  void end_task() {
    if (arrivals_ > 0) ends_.push_back(first(ends_.size()) + present());
    arrivals_ = 0;
  }

  /// Tasks that have ended and had examples.
  [[nodiscard]] std::size_t tasks() const { return ends_.size(); }
  /// Slot of the first example of task number `task`, up to tasks(), which is the present one.
  [[nodiscard]] std::size_t first(std::size_t task) const {
    return task == 0 ? 0 : static_cast<std::size_t>(ends_[task - 1]);
  }

  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    std::size_t tasks = ends_.size();
    number("arrivals", arrivals_);
    number("ended_tasks", tasks);
    if (tasks > 0)
      array("task_ends", ends_);
    else
      ends_.clear();
  }
  /// \throws FormatError if no stream fills a memory like this.
  void check(std::uint64_t, std::size_t capacity, std::span<const std::int32_t> labels) {
    std::uint64_t begin = 0;
    for (const std::uint64_t end : ends_) {
      if (end <= begin || end - begin > capacity) refuse("a task ends at " + std::to_string(end));
      begin = end;
    }
    capacity_ = capacity;
    if (begin > labels.size() || labels.size() - begin != present())
      refuse("it has " + std::to_string(labels.size()) + " examples");
  }

 private:
  /// Examples of the present task that are kept.
  [[nodiscard]] std::uint64_t present() const { return arrivals_ < capacity_ ? arrivals_ : capacity_; }
  [[noreturn]] static void refuse(const std::string& what) {
    detail::raise<FormatError>("the memory of the last examples of each task is damaged: " + what);
  }

  std::vector<std::uint64_t> ends_;  // slots behind the last example of each task that has ended
  std::uint64_t arrivals_ = 0;       // examples of the present task
  std::uint64_t capacity_ = 0;       // that of the memory
};

/// The last examples of each task; see `LastOfTask`.
template <class T, class S = T>
using TaskRing = Memory<LastOfTask, T, S>;

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
