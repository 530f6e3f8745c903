// SPDX-License-Identifier: MIT
// Tasks that share their outputs, each with its own part of the examples: one recording, place or season after the
// other. The answers may be targets or classes.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/task.hpp>

namespace lifelong {

namespace detail {

/// Examples by task: `numbers[t]` are those of task t.
using Division = std::vector<std::vector<std::size_t>>;

/// A stream of the parts of `data` in Scenario::domain.
template <class S>
Stream<S> divided_stream(const SplitData<S>& data, Division train, Division test, std::vector<std::string> names) {
  std::vector<Task<S>> tasks;
  for (std::size_t t = 0; t < names.size(); ++t)
    tasks.push_back({std::move(names[t]), Examples<S>(data.train).subset(std::move(train[t])),
                     Examples<S>(data.test).subset(std::move(test[t]))});
  const std::size_t outputs = data.train.targets() != 0 ? data.train.targets() : classes(data);
  return {std::move(tasks), outputs, Scenario::domain};
}

/// The task that `task_of` gives each example. \throws InvalidArgument for fewer examples than tasks, and, which names
/// it, for an example of none of `tasks`.
template <class S, class TaskOf>
Division division(const Dataset<S>& part, const char* name, std::size_t tasks, const TaskOf& task_of) {
  if (tasks > part.size())
    raise<InvalidArgument>("divided: " + std::to_string(part.size()) + " " + name + " examples are too few for " +
                           std::to_string(tasks) + " tasks");
  Division numbers(tasks);
  for (std::size_t i = 0; i < part.size(); ++i) {
    const std::size_t task = task_of(part, i);
    if (task >= tasks)
      raise<InvalidArgument>("divided: " + std::string(name) + " example " + std::to_string(i) + " is of task " +
                             std::to_string(task) + ", but there are only " + std::to_string(tasks));
    numbers[task].push_back(i);
  }
  return numbers;
}

/// One feature of an example of `part`, which is one of `data`, as a model reads it. \throws InvalidArgument unless it
/// is a number.
template <class S>
double feature_of(const SplitData<S>& data, const Dataset<S>& part, std::size_t i, std::size_t feature) {
  const double value = static_cast<double>(part.input(i)[feature]) * part.scale();
  if (!is_finite(value))
    raise<InvalidArgument>("divided: feature " + std::to_string(feature) + " of " +
                           (&part == &data.train ? "train" : "test") + " example " + std::to_string(i) + " is " +
                           text(value));
  return value;
}

/// \throws InvalidArgument unless both parts have the feature.
template <class S>
void require_feature(const SplitData<S>& data, std::size_t feature) {
  require_index("an example's features", feature, std::min(data.train.features(), data.test.features()));
}

/// `sizes[t]` examples for task t, from the first on. \throws ShapeMismatch unless the sizes add up to all examples.
inline Division consecutive(std::span<const std::size_t> sizes, std::size_t examples, const char* name) {
  Division numbers;
  std::size_t first = 0;
  for (const std::size_t size : sizes) {
    if (size > examples - first) break;
    numbers.emplace_back();
    for (const std::size_t end = first + size; first < end; ++first) numbers.back().push_back(first);
  }
  if (numbers.size() != sizes.size() || first != examples)
    raise<ShapeMismatch>("divided: the sizes of the " + std::to_string(sizes.size()) + " tasks do not add up to the " +
                         std::to_string(examples) + " " + name + " examples");
  return numbers;
}

/// ` < 2`, ` in [2, 7)`, ` >= 7`
inline std::string bounds_text(const std::vector<double>& bounds, std::size_t t) {
  if (bounds.empty()) return "";
  if (t == 0) return " < " + text(bounds.front());
  if (t == bounds.size()) return " >= " + text(bounds.back());
  return " in [" + text(bounds[t - 1]) + ", " + text(bounds[t]) + ")";
}

inline std::vector<std::string> numbered_names(std::size_t tasks) {
  std::vector<std::string> names;
  for (std::size_t t = 0; t < tasks; ++t) names.push_back("part " + std::to_string(t));
  return names;
}

}  // namespace detail

namespace stream {

/// Divides the examples among `tasks` tasks with the same outputs: example i of a part of the data, `data.train` or
/// `data.test`, is of the task that `task_of(part, i)` says, a number below `tasks`. The tasks are lazy: each holds one
/// list of example numbers, and its examples keep their order. \throws InvalidArgument, which names it, for an example
/// of a task that there is not, or a task without train or test examples; ShapeMismatch if train and test differ in
/// shape.
template <class S, class TaskOf>
[[nodiscard]] Stream<S> divided(const SplitData<S>& data, std::size_t tasks, const TaskOf& task_of) {
  static_assert(std::convertible_to<std::invoke_result_t<const TaskOf&, const Dataset<S>&, std::size_t>, std::size_t>,
                "divided: task_of(part, i) must return the number of a task");
  const auto task = [&](const Dataset<S>& part, std::size_t i) { return static_cast<std::size_t>(task_of(part, i)); };
  auto train = detail::division(data.train, "train", tasks, task);
  auto test = detail::division(data.test, "test", tasks, task);
  return detail::divided_stream(data, std::move(train), std::move(test), detail::numbered_names(tasks));
}

/// Divides the examples in the order in which they are stored, as of recordings one after the other: task t has the
/// next `train_sizes[t]` and `test_sizes[t]` of them. \throws ShapeMismatch for sizes that do not add up to all
/// examples, or different numbers of tasks; and as `divided`.
template <class S>
[[nodiscard]] Stream<S> divided_by_ranges(const SplitData<S>& data, const std::vector<std::size_t>& train_sizes,
                                          const std::vector<std::size_t>& test_sizes) {
  detail::require_size("divided: test_sizes", test_sizes.size(), train_sizes.size());
  auto train = detail::consecutive(train_sizes, data.train.size(), "train");
  auto test = detail::consecutive(test_sizes, data.test.size(), "test");
  return detail::divided_stream(data, std::move(train), std::move(test), detail::numbered_names(train_sizes.size()));
}

/// Divides the examples by the value of one feature, such as the number of a machine: a task for each value that train
/// examples have, smallest first. The feature stays among the inputs. \throws InvalidArgument for a feature that there
/// is not, a value that is not finite, a test example with a value that no train example has; and as `divided`.
template <class S>
[[nodiscard]] Stream<S> divided_by_values(const SplitData<S>& data, std::size_t feature) {
  detail::require_feature(data, feature);
  std::vector<double> values;
  for (std::size_t i = 0; i < data.train.size(); ++i)
    values.push_back(detail::feature_of(data, data.train, i, feature));
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  const auto task = [&](const Dataset<S>& part, std::size_t i) {
    const double value = detail::feature_of(data, part, i, feature);
    const auto found = std::lower_bound(values.begin(), values.end(), value);
    if (found == values.end() || *found != value)
      detail::raise<InvalidArgument>("divided: feature " + std::to_string(feature) + " of test example " +
                                     std::to_string(i) + " is " + detail::text(value) + ", which no train example has");
    return static_cast<std::size_t>(found - values.begin());
  };
  std::vector<std::string> names;
  for (const double value : values) names.push_back("feature " + std::to_string(feature) + " = " + detail::text(value));
  auto train = detail::division(data.train, "train", values.size(), task);
  auto test = detail::division(data.test, "test", values.size(), task);
  return detail::divided_stream(data, std::move(train), std::move(test), std::move(names));
}

/// Divides the examples by where one feature lies between `bounds`, which ascend: task 0 has those below the first,
/// task t those from bounds[t-1] up to and without bounds[t], the last those from the last bound on. \throws
/// InvalidArgument for a feature that there is not, a value that is not finite, bounds that do not ascend; and as
/// `divided`.
template <class S>
[[nodiscard]] Stream<S> divided_by_bounds(const SplitData<S>& data, std::size_t feature,
                                          const std::vector<double>& bounds) {
  detail::require_feature(data, feature);
  const std::size_t tasks = bounds.size() + 1;
  std::vector<std::string> names;
  for (std::size_t t = 0; t < tasks; ++t) {
    if (t < bounds.size() && (!detail::is_finite(bounds[t]) || (t > 0 && !(bounds[t] > bounds[t - 1]))))
      detail::raise<InvalidArgument>("divided: bound " + std::to_string(t) + " is " + detail::text(bounds[t]) +
                                     ", but bounds are finite and ascend");
    names.push_back("feature " + std::to_string(feature) + detail::bounds_text(bounds, t));
  }
  const auto task = [&](const Dataset<S>& part, std::size_t i) {
    const double value = detail::feature_of(data, part, i, feature);
    return static_cast<std::size_t>(std::upper_bound(bounds.begin(), bounds.end(), value) - bounds.begin());
  };
  auto train = detail::division(data.train, "train", tasks, task);
  auto test = detail::division(data.test, "test", tasks, task);
  return detail::divided_stream(data, std::move(train), std::move(test), std::move(names));
}

}  // namespace stream
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
