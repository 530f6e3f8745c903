// SPDX-License-Identifier: MIT
// A stream of tasks, and what a learner knows of them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/stream/examples.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong {

/// What changes from task to task (van de Ven and Tolias, "Three scenarios for continual learning", 2019).
enum class Scenario {
  domain,            ///< the inputs: all tasks share the same outputs
  task,              ///< the outputs, and the task is known: its own range of outputs is active
  class_incremental  ///< the outputs, and the task is not known: all outputs are active
};

/// One task of a stream.
template <class S>
struct Task {
  std::string name;
  Examples<S> train;
  Examples<S> test;
};

/// Tasks in the order in which a learner meets them. Copying a stream copies views, never examples.
template <class S>
class Stream {
 public:
  /// `outputs` is the number of network outputs that all tasks together need.
  /// \throws InvalidArgument without tasks or outputs, and, which names the task, for one without examples in train or
  /// test or with a label or range of active outputs beyond `outputs`; ShapeMismatch, which names the task, if
  /// features, targets or known shapes differ.
  Stream(std::vector<Task<S>> tasks, std::size_t outputs, Scenario scenario = Scenario::domain)
      : tasks_(std::move(tasks)), outputs_(outputs), scenario_(scenario) {
    if (tasks_.empty()) detail::raise<InvalidArgument>("a Stream needs at least 1 task");
    if (outputs == 0) detail::raise<InvalidArgument>("a Stream needs at least 1 output");
    std::vector<std::size_t> shape;
    for (const Task<S>& task : tasks_) {
      for (const auto* part : {&task.train, &task.test}) {
        const std::string of_task =
            std::string(part == &task.train ? "train" : "test") + " of task '" + task.name + "'";
        if (part->size() == 0) detail::raise<InvalidArgument>(of_task + " has no examples");
        require_like_first(task.name, *part);
        shape = detail::common_shape(shape, part->shape(), of_task);
        require_outputs(of_task, *part);
      }
    }
  }

  [[nodiscard]] std::size_t size() const { return tasks_.size(); }
  /// \throws InvalidArgument unless task < size().
  [[nodiscard]] const Task<S>& operator[](std::size_t task) const LIFELONG_LIFETIME_BOUND {
    detail::require_index("Stream", task, tasks_.size());
    return tasks_[task];
  }
  [[nodiscard]] auto begin() const LIFELONG_LIFETIME_BOUND { return tasks_.begin(); }
  [[nodiscard]] auto end() const LIFELONG_LIFETIME_BOUND { return tasks_.end(); }

  /// Number of network outputs needed: classes (domain), classes of all tasks together (else), or targets (regression).
  [[nodiscard]] std::size_t outputs() const { return outputs_; }
  /// Inputs per example, the same in all tasks.
  [[nodiscard]] std::size_t features() const { return tasks_.front().train.features(); }
  [[nodiscard]] Scenario scenario() const { return scenario_; }

 private:
  void require_like_first(const std::string& name, const Examples<S>& examples) const {
    const Examples<S>& first = tasks_.front().train;
    if (examples.features() != first.features() || examples.targets() != first.targets())
      detail::raise<ShapeMismatch>("task '" + name + "' has " + std::to_string(examples.features()) + " features and " +
                                   std::to_string(examples.targets()) + " targets, task '" + tasks_.front().name +
                                   "' has " + std::to_string(first.features()) + " and " +
                                   std::to_string(first.targets()));
  }

  /// Looks at single labels only if the largest of the data is too large, which another task may have.
  void require_outputs(const std::string& of_task, const Examples<S>& examples) const {
    const OutputRange active = examples.active();
    if (active.first > outputs_ || active.count > outputs_ - active.first)
      detail::raise<InvalidArgument>("the active outputs of " + of_task + " are " + detail::text(active) +
                                     " where the stream has " + std::to_string(outputs_) + " outputs");
    const std::int64_t end = static_cast<std::int64_t>(examples.data().classes()) + examples.label_offset();
    if (examples.targets() != 0 || (end >= 0 && static_cast<std::size_t>(end) <= outputs_)) return;
    for (std::size_t i = 0; i < examples.size(); ++i)
      if (static_cast<std::size_t>(examples.label(i)) >= outputs_)
        detail::raise<InvalidArgument>("the label of example " + std::to_string(i) + " of " + of_task + " is " +
                                       std::to_string(examples.label(i)) + " where the stream has " +
                                       std::to_string(outputs_) + " outputs");
  }

  std::vector<Task<S>> tasks_;
  std::size_t outputs_;
  Scenario scenario_;
};

namespace detail {

/// Number of classes of train and test together.
template <class S>
std::size_t classes(const SplitData<S>& data) {
  return data.train.classes() > data.test.classes() ? data.train.classes() : data.test.classes();
}

/// A stream whose task t has all of `data` through `maps[t]`, with outputs as the scenario needs them.
template <class S>
Stream<S> mapped_stream(const SplitData<S>& data, const std::vector<FeatureMap>& maps, std::vector<std::string> names,
                        Scenario scenario) {
  const bool shared = scenario == Scenario::domain;
  const bool regression = data.train.targets() != 0;
  if (regression && !shared) raise<InvalidArgument>("real targets allow only Scenario::domain");
  const std::size_t outputs = regression ? data.train.targets() : classes(data);
  if (!shared && outputs * maps.size() > 0x7FFFFFFF)
    raise<InvalidArgument>(std::to_string(maps.size()) + " tasks of " + std::to_string(outputs) +
                           " outputs each are more than 2^31 - 1");

  std::vector<Task<S>> tasks;
  for (std::size_t t = 0; t < maps.size(); ++t) {
    const auto first = static_cast<std::int32_t>(shared ? 0 : t * outputs);
    const OutputRange active = scenario == Scenario::task
                                   ? OutputRange{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(outputs)}
                                   : OutputRange{};
    const auto view = [&](const Dataset<S>& part) {
      const Examples<S> examples = Examples<S>(part).mapped(maps[t]);
      return shared ? examples : examples.relabeled(first, active);
    };
    tasks.push_back({std::move(names[t]), view(data.train), view(data.test)});
  }
  return {std::move(tasks), shared ? outputs : outputs * maps.size(), scenario};
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
