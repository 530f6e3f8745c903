// SPDX-License-Identifier: MIT
// A student at work on a trial: it learns, and is tested; times, accuracies and bytes are kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <lifelong/stream/joined.hpp>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "trial.hpp"

namespace lab {

/// Whatever a method learns with. `learn(source, task, epoch_ended)` learns the examples of a task; if it learns them
/// epoch by epoch, and can be tested in between, it calls `epoch_ended()` after each. `end_task(source)` is told that
/// another task will follow, `accuracy(task)` is that on the test examples of any task; and it counts its parameters
/// and the bytes that it keeps beside them, those of stored examples apart. The trial's progress is told of every step.
template <class S>
concept Student = requires(S& student, const S& fixed, const Examples& source, std::size_t task, void (*ended)()) {
  student.learn(source, task, ended);
  student.end_task(source);
  { student.accuracy(task) } -> std::same_as<double>;
  { fixed.parameters() } -> std::same_as<std::size_t>;
  { student.state_bytes() } -> std::same_as<std::size_t>;
  { student.memory_bytes() } -> std::same_as<std::size_t>;
};

template <Student S>
class Session {
 public:
  Session(const Trial& trial, S student) : trial_(trial), student_(std::move(student)) {
    outcome_.initial_accuracy = accuracies(trial_.stream.size());
  }

  /// `seen` tasks will have been learned at the end of this one.
  template <class Source>
  void learn(const Source& source, std::size_t task, std::size_t seen) {
    const Options& options = trial_.options;
    const auto start = Clock::now();
    double test_seconds = 0;
    std::size_t epochs = 0;
    student_.learn(source, task, [&] {
      if (++epochs == options.epochs || !options.test_epochs) return;  // the last is tested with the task
      const auto test_start = Clock::now();
      outcome_.curve.push_back({task, epochs, mean_of(accuracies(seen))});
      test_seconds += seconds_since(test_start);
    });
    outcome_.train_seconds += seconds_since(start) - test_seconds;
  }

  void end_task(const Examples& source) {
    const auto start = Clock::now();
    student_.end_task(source);
    outcome_.importance_seconds += seconds_since(start);
    trial_.progress.consolidated();
  }

  /// Adds a row to the accuracy matrix after a task; `seen` tasks have been learned.
  void test(std::size_t task, std::size_t seen) {
    const std::vector<double>& row = outcome_.accuracy_matrix.emplace_back(accuracies(trial_.stream.size()));
    const double mean = mean_of(std::span(row).first(seen));
    outcome_.curve.push_back({task, trial_.options.epochs, mean});
    trial_.progress.end_task(mean);
  }

  [[nodiscard]] Outcome outcome() {
    outcome_.parameters = student_.parameters();
    outcome_.state_bytes = student_.state_bytes();
    outcome_.memory_bytes = student_.memory_bytes();
    return outcome_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  static double mean_of(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }

  /// On the first `tasks` tasks.
  std::vector<double> accuracies(std::size_t tasks) {
    std::vector<double> row;
    for (std::size_t task = 0; task < tasks; ++task) {
      row.push_back(student_.accuracy(task));
      trial_.progress.tested(trial_.stream[task].test.size());
    }
    return row;
  }

  const Trial& trial_;
  S student_;
  Outcome outcome_;
};

/// Task after task. The end of the last task, such as its importance, would not be used any more and is left out.
template <class S>
Outcome learn_in_sequence(const Trial& trial, S student) {
  Session session(trial, std::move(student));
  const std::size_t tasks = trial.stream.size();
  for (std::size_t task = 0; task < tasks; ++task) {
    trial.progress.start_task("task " + std::to_string(task + 1) + " of " + std::to_string(tasks));
    session.learn(trial.stream[task].train, task, task + 1);
    session.test(task, task + 1);
    if (task + 1 < tasks) session.end_task(trial.stream[task].train);
  }
  return session.outcome();
}

/// All tasks at once.
template <class S>
Outcome learn_together(const Trial& trial, S student) {
  Session session(trial, std::move(student));
  trial.progress.start_task("all tasks");
  session.learn(lifelong::Joined(trial.stream), 0, trial.stream.size());
  session.test(0, trial.stream.size());
  return session.outcome();
}

}  // namespace lab
