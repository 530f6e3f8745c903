// SPDX-License-Identifier: MIT
// Tasks that bring new classes, as in split MNIST.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/task.hpp>

namespace lifelong {

namespace detail {

/// \throws InvalidArgument, which names it, for a class below `classes` that has no examples in `train`.
template <class S>
void require_all_classes(const Dataset<S>& train, std::size_t classes) {
  const std::size_t looked_at =
      classes < train.size() + 1 ? classes : train.size() + 1;  // one of these must be missing
  std::vector<bool> seen(looked_at);
  for (const std::int32_t label : train.labels())
    if (static_cast<std::size_t>(label) < looked_at) seen[static_cast<std::size_t>(label)] = true;
  for (std::size_t c = 0; c < looked_at; ++c)
    if (!seen[c])
      raise<InvalidArgument>("split: class " + std::to_string(c) + " of " + std::to_string(classes) +
                             " has no train examples");
}

}  // namespace detail

namespace stream {

/// How `split` makes its tasks.
struct SplitOptions {
  Scenario scenario = Scenario::task;
};

/// Divides the classes among `tasks` tasks in order: with 10 classes and 5 tasks, task t has classes 2t and 2t+1 (Zenke
/// et al. 2017). Labels are class numbers, except in Scenario::domain, where they count from 0 within the task. The
/// tasks are lazy: each holds one list of example numbers. \throws InvalidArgument for 0 tasks, classes not divisible
/// by tasks, a class without train examples, a task without test examples, or real targets; ShapeMismatch if train and
/// test differ in shape.
template <class S>
[[nodiscard]] Stream<S> split(const SplitData<S>& data, std::size_t tasks, SplitOptions options = {}) {
  const std::size_t classes = detail::classes(data);
  if (classes == 0 || data.train.targets() + data.test.targets() != 0)
    detail::raise<InvalidArgument>("split needs examples with class labels");
  if (tasks == 0 || classes % tasks != 0)
    detail::raise<InvalidArgument>("split cannot divide " + std::to_string(classes) + " classes evenly among " +
                                   std::to_string(tasks) + " tasks");
  detail::require_all_classes(data.train, classes);
  const std::size_t each = classes / tasks;
  const bool shared = options.scenario == Scenario::domain;

  const auto divide = [&](const Dataset<S>& part) {
    std::vector<std::vector<std::size_t>> numbers(tasks);
    for (std::size_t i = 0; i < part.size(); ++i)
      numbers[static_cast<std::size_t>(part.labels()[i]) / each].push_back(i);
    std::vector<Examples<S>> views;
    for (std::size_t t = 0; t < tasks; ++t) {
      const OutputRange own{static_cast<std::uint32_t>(t * each), static_cast<std::uint32_t>(each)};
      const auto offset = shared ? -static_cast<std::int32_t>(own.first) : 0;
      views.push_back(Examples<S>(part)
                          .subset(std::move(numbers[t]))
                          .relabeled(offset, options.scenario == Scenario::task ? own : OutputRange{}));
    }
    return views;
  };
  std::vector<Examples<S>> train = divide(data.train), test = divide(data.test);

  std::vector<Task<S>> parts;
  for (std::size_t t = 0; t < tasks; ++t) {
    const std::string last = each > 1 ? " to " + std::to_string((t + 1) * each - 1) : "";
    parts.push_back({"classes " + std::to_string(t * each) + last, std::move(train[t]), std::move(test[t])});
  }
  return {std::move(parts), shared ? each : classes, options.scenario};
}

}  // namespace stream
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
