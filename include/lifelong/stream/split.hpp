// SPDX-License-Identifier: MIT
// Tasks that bring new classes, as in split MNIST.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/task.hpp>

namespace lifelong {
namespace stream {

/// How `split` makes its tasks.
struct SplitOptions {
  Scenario scenario = Scenario::task;
  std::vector<std::size_t> classes_per_task = {};  ///< how many new classes each task brings; empty: all the same
  std::vector<std::int32_t> order = {};            ///< the classes in the order in which they come; empty: 0, 1, 2, ...
  std::optional<std::uint64_t> shuffle = {};       ///< a seed that shuffles `order`
  bool keep_labels = false;  ///< the data's labels stay, where else classes are numbered as they come: 0, 1, 2, ...
};

}  // namespace stream

namespace detail {

/// Classes in the order in which they come, and where each class stands there.
class ClassOrder {
 public:
  /// \throws InvalidArgument, which names it, for a class that is listed twice.
  explicit ClassOrder(std::vector<std::int32_t> classes) : classes_(std::move(classes)) {
    for (std::size_t p = 0; p < classes_.size(); ++p) places_.push_back({classes_[p], p});
    std::sort(places_.begin(), places_.end());
    for (std::size_t k = 1; k < places_.size(); ++k)
      if (places_[k].first == places_[k - 1].first)
        raise<InvalidArgument>("split: class " + std::to_string(places_[k].first) + " is twice in SplitOptions.order");
  }

  [[nodiscard]] std::size_t size() const { return classes_.size(); }
  [[nodiscard]] std::int32_t operator[](std::size_t place) const { return classes_[place]; }

  /// Where class `label` stands; size() if it is not listed.
  [[nodiscard]] std::size_t place(std::int32_t label) const {
    if (label >= 0 && static_cast<std::size_t>(label) < size() && classes_[static_cast<std::size_t>(label)] == label)
      return static_cast<std::size_t>(label);
    const auto found = std::lower_bound(places_.begin(), places_.end(), std::pair(label, std::size_t{0}));
    return found != places_.end() && found->first == label ? found->second : size();
  }

  /// Whether each class stands at its own number.
  [[nodiscard]] bool is_plain() const {
    for (std::size_t p = 0; p < size(); ++p)
      if (classes_[p] != static_cast<std::int32_t>(p)) return false;
    return true;
  }

  /// Whether the `count` classes from `first` on follow each other: 4, 5, 6.
  [[nodiscard]] bool is_range(std::size_t first, std::size_t count) const {
    for (std::size_t p = first + 1; p < first + count; ++p)
      if (classes_[p] != classes_[p - 1] + 1) return false;
    return true;
  }

  /// `classes 2 to 3`, `classes 7, 0`
  [[nodiscard]] std::string name(std::size_t first, std::size_t count) const {
    constexpr std::size_t most = 10;
    std::string text = "classes " + std::to_string(classes_[first]);
    if (count > 1 && is_range(first, count)) return text + " to " + std::to_string(classes_[first + count - 1]);
    for (std::size_t p = 1; p < count && p < most; ++p) text += ", " + std::to_string(classes_[first + p]);
    return count > most ? text + ", ..." : text;
  }

 private:
  std::vector<std::int32_t> classes_;
  std::vector<std::pair<std::int32_t, std::size_t>> places_;  // of the classes, smallest first
};

/// \throws InvalidArgument, which names it, for a class that has no examples in `train`, or that has examples in `part`
/// and is not listed.
template <class S>
void require_classes(const Dataset<S>& train, const Dataset<S>& test, const ClassOrder& order) {
  std::vector<bool> seen(order.size());
  for (const Dataset<S>* part : {&train, &test})
    for (const std::int32_t label : part->labels()) {
      const std::size_t place = order.place(label);
      if (place == order.size())
        raise<InvalidArgument>("split: class " + std::to_string(label) + " has " + (part == &train ? "train" : "test") +
                               " examples, but is not in SplitOptions.order");
      if (part == &train) seen[place] = true;
    }
  for (std::size_t place = 0; place < order.size(); ++place)
    if (!seen[place])
      raise<InvalidArgument>("split: class " + std::to_string(order[place]) + " of " + std::to_string(order.size()) +
                             " has no train examples");
}

/// \throws InvalidArgument, which names it, for an example with the label that is ignored.
template <class S>
void require_no_ignored(const Dataset<S>& part, const char* name) {
  const std::span<const std::int32_t> labels = part.labels();
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] == ignored_label)
      raise<InvalidArgument>(std::string("split: ") + name + " example " + std::to_string(i) + " has the label " +
                             std::to_string(ignored_label) + ", which belongs to no task");
}

/// The classes of `data` in the order that the options ask for. \throws InvalidArgument as `split`.
template <class S>
ClassOrder class_order(const SplitData<S>& data, const stream::SplitOptions& options) {
  require_no_ignored(data.train, "train");
  require_no_ignored(data.test, "test");
  std::vector<std::int32_t> order = options.order;
  if (order.empty()) {
    // With one class more than there are train examples, one has none, whatever the rest.
    const std::size_t all = classes(data), looked_at = std::min(all, data.train.size() + 1);
    std::vector<bool> seen(looked_at);
    for (const std::int32_t label : data.train.labels())
      if (static_cast<std::size_t>(label) < looked_at) seen[static_cast<std::size_t>(label)] = true;
    for (std::size_t c = 0; c < looked_at; ++c) {
      if (!seen[c])
        raise<InvalidArgument>("split: class " + std::to_string(c) + " of " + std::to_string(all) +
                               " has no train examples");
      order.push_back(static_cast<std::int32_t>(c));
    }
  }
  if (options.shuffle) Random(*options.shuffle, Purpose::classes).shuffle(std::span(order.data(), order.size()));
  ClassOrder found(std::move(order));
  if (!options.order.empty()) require_classes(data.train, data.test, found);
  return found;
}

/// How many classes each task has. \throws InvalidArgument as `split`.
inline std::vector<std::size_t> classes_per_task(std::size_t classes, std::size_t tasks,
                                                 const stream::SplitOptions& options) {
  if (options.classes_per_task.empty()) {
    if (tasks == 0 || classes % tasks != 0)
      raise<InvalidArgument>(
          "split cannot divide " + std::to_string(classes) + " classes evenly among " + std::to_string(tasks) +
          " tasks" + (tasks == 0 || tasks > classes ? "" : "; SplitOptions.classes_per_task divides them unevenly"));
    return std::vector<std::size_t>(tasks, classes / tasks);
  }
  if (options.classes_per_task.size() != tasks)
    raise<InvalidArgument>("SplitOptions.classes_per_task has " + std::to_string(options.classes_per_task.size()) +
                           " sizes for " + std::to_string(tasks) + " tasks");
  std::size_t rest = classes;
  std::string sum;
  for (const std::size_t size : options.classes_per_task) {
    sum += (sum.empty() ? "" : " + ") + std::to_string(size);
    if (size == 0) raise<InvalidArgument>("SplitOptions.classes_per_task has a task of 0 classes: " + sum);
    if (size > rest)
      raise<InvalidArgument>("SplitOptions.classes_per_task needs " + sum + " classes, but there are " +
                             std::to_string(classes));
    rest -= size;
  }
  if (rest != 0)
    raise<InvalidArgument>("SplitOptions.classes_per_task needs " + sum + " classes, but there are " +
                           std::to_string(classes));
  return options.classes_per_task;
}

/// `part` with its classes numbered as they come; itself if they are so already, or are to be kept.
template <class S>
Dataset<S> in_order(const Dataset<S>& part, const ClassOrder& order, bool keep) {
  if (keep || order.is_plain()) return part;
  std::vector<std::int32_t> labels;
  for (const std::int32_t label : part.labels()) labels.push_back(static_cast<std::int32_t>(order.place(label)));
  return part.with_labels(std::move(labels));
}

}  // namespace detail

namespace stream {

/// Divides the classes among `tasks` tasks in order: with 10 classes and 5 tasks, task t has classes 2t and 2t+1 (Zenke
/// et al. 2017). `options` can set another order, and sizes that differ: `split(data, 3, {.classes_per_task = {5, 3,
/// 2}, .shuffle = 1})`.
///
/// Labels count the classes as they come, so that task t has a range of outputs of its own: without `order` and
/// `shuffle` they are the class numbers. In Scenario::domain they count from 0 within each task, and the outputs are
/// those of the largest task. With `keep_labels` they stay the data's.
///
/// The tasks are lazy: each holds one list of example numbers, and new labels take 4 bytes per example for all tasks
/// together. The order depends on (seed, number of classes) alone.
/// \throws InvalidArgument for 0 tasks or a task of 0 classes, sizes that do not add up to the number of classes,
/// classes not divisible by tasks, a class that is listed twice, not listed or without train examples, a task without
/// test examples, kept labels that are no range of outputs (Scenario::task) or that tasks would share
/// (Scenario::domain), or real targets; ShapeMismatch if train and test differ in shape.
template <class S>
[[nodiscard]] Stream<S> split(const SplitData<S>& data, std::size_t tasks, const SplitOptions& options = {}) {
  if (detail::classes(data) == 0 || data.train.targets() + data.test.targets() != 0)
    detail::raise<InvalidArgument>("split needs examples with class labels");
  const bool shared = options.scenario == Scenario::domain, own = options.scenario == Scenario::task;
  if (shared && options.keep_labels)
    detail::raise<InvalidArgument>("SplitOptions.keep_labels: in Scenario::domain labels count from 0 in each task");
  const detail::ClassOrder order = detail::class_order(data, options);
  const std::vector<std::size_t> sizes = detail::classes_per_task(order.size(), tasks, options);

  std::vector<std::size_t> first(tasks), task_of;  // the place of a task's first class; the task of each place
  for (std::size_t t = 0; t < tasks; ++t) {
    first[t] = task_of.size();
    task_of.insert(task_of.end(), sizes[t], t);
    if (own && options.keep_labels && !order.is_range(first[t], sizes[t]))
      detail::raise<InvalidArgument>("SplitOptions.keep_labels: " + order.name(first[t], sizes[t]) + " of task " +
                                     std::to_string(t) + " are no range of outputs");
  }

  const auto divide = [&](const Dataset<S>& part) {
    std::vector<std::vector<std::size_t>> numbers(tasks);
    for (std::size_t i = 0; i < part.size(); ++i) numbers[task_of[order.place(part.labels()[i])]].push_back(i);
    const Examples<S> all(detail::in_order(part, order, options.keep_labels));
    std::vector<Examples<S>> views;
    for (std::size_t t = 0; t < tasks; ++t) {
      const auto from = static_cast<std::int32_t>(first[t]);
      const OutputRange range{static_cast<std::uint32_t>(options.keep_labels ? order[first[t]] : from),
                              static_cast<std::uint32_t>(sizes[t])};
      views.push_back(all.subset(std::move(numbers[t])).relabeled(shared ? -from : 0, own ? range : OutputRange{}));
    }
    return views;
  };
  std::vector<Examples<S>> train = divide(data.train), test = divide(data.test);

  std::vector<Task<S>> parts;
  for (std::size_t t = 0; t < tasks; ++t)
    parts.push_back({order.name(first[t], sizes[t]), std::move(train[t]), std::move(test[t])});
  const std::size_t outputs = shared                ? *std::max_element(sizes.begin(), sizes.end())
                              : options.keep_labels ? detail::classes(data)
                                                    : order.size();
  return {std::move(parts), outputs, options.scenario};
}

}  // namespace stream
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
