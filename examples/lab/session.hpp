// SPDX-License-Identifier: MIT
// A student at work on a trial: it learns, and is tested; times, accuracies and bytes are kept. A session that was
// interrupted goes on where it was.
#pragma once

#include <chrono>
#include <cstddef>
#include <lifelong/evaluation/evaluate.hpp>
#include <lifelong/stream/joined.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "interrupt.hpp"
#include "trial.hpp"

namespace lab {

/// The steps of a task from one moment to another.
struct Steps {
  std::size_t from, until;
};

/// Whatever a method learns with. `learn(source, task, steps)` learns from the examples of a task in these of its
/// steps, or as many of them as are left if it was interrupted; a student that does not learn in steps is asked once,
/// for all. `end_task(source)` is told that another task will follow, `measure(task, metric)` is a metric on the test
/// examples of any task, and whether its outputs have a softmax says `has_probabilities`; it counts its parameters and
/// the bytes that it keeps beside them, those of stored examples apart. The trial's progress is told of every step.
template <class S>
concept Student = requires(S& student, const S& fixed, const Examples& source, std::size_t task, Steps steps) {
  student.learn(source, task, steps);
  student.end_task(source);
  { student.measure(task, lifelong::metric::Accuracy{}) } -> std::same_as<double>;
  { S::has_probabilities } -> std::convertible_to<bool>;
  { fixed.parameters() } -> std::same_as<std::size_t>;
  { student.state_bytes() } -> std::same_as<std::size_t>;
  { student.memory_bytes() } -> std::same_as<std::size_t>;
};

/// A student whose state can be saved between its steps.
template <class S>
concept SteppingStudent = Student<S> &&
    requires(S& student, const lifelong::io::Safetensors& file, const std::vector<std::string>& may_differ) {
  { student.saved() } -> std::same_as<lifelong::io::Safetensors>;
  student.restore(file, may_differ);
  { S::saved_inside } -> std::convertible_to<bool>;   ///< also when it was interrupted inside a call of `learn`
  { S::tested_inside } -> std::convertible_to<bool>;  ///< can be tested before a task has ended
};

/// Task after task, each tested with all before it.
class InSequence {
 public:
  explicit InSequence(const Stream& stream) : stream_(stream) {}
  [[nodiscard]] std::size_t size() const { return stream_.size(); }
  [[nodiscard]] const Examples& source(std::size_t task) const { return stream_[task].train; }
  [[nodiscard]] std::size_t seen(std::size_t task) const { return task + 1; }
  [[nodiscard]] std::string text(std::size_t task) const {
    return "task " + std::to_string(task + 1) + " of " + std::to_string(size());
  }

 private:
  const Stream& stream_;
};

/// All tasks as one.
class Together {
 public:
  explicit Together(const Stream& stream) : stream_(stream), joined_(stream) {}
  [[nodiscard]] std::size_t size() const { return 1; }
  [[nodiscard]] const auto& source(std::size_t) const { return joined_; }
  [[nodiscard]] std::size_t seen(std::size_t) const { return stream_.size(); }
  [[nodiscard]] std::string text(std::size_t) const { return "all tasks"; }

 private:
  const Stream& stream_;
  lifelong::Joined<std::uint8_t> joined_;
};

/// Where a session is, and what it has measured: all that does not depend on who learns.
class SessionState {
 public:
  [[nodiscard]] nlohmann::ordered_json to_json() const;

 protected:
  explicit SessionState(const Trial& trial) : trial_(trial) {}

  void continue_from(const nlohmann::ordered_json& session);

  /// Whether tests are asked for after a step, in a task with so many steps in an epoch.
  [[nodiscard]] bool is_test_point(std::size_t step, std::size_t steps_of_epoch) const;
  /// The next step after which the student is tested or can be saved: at the latest the last one of an epoch.
  [[nodiscard]] std::size_t next_pause(std::size_t steps_of_epoch) const;
  /// Adds what was measured after the present step, on the tasks seen, or at the end of a task on all.
  void add_moment(std::vector<double> accuracies, std::size_t seen, std::size_t steps_of_epoch);
  void begin_next_task();

  const Trial& trial_;
  Outcome outcome_;
  std::size_t task_ = 0;     // the present one
  std::size_t learned_ = 0;  // steps of it
  std::size_t tested_ = 0;   // steps of it after which all tests were made
  bool learning_ = false;    // now
  bool announced_ = false;   // the present task
};

/// The mean importance of each block of parameters, of a learner whose penalty has one for each parameter.
std::map<std::string, double> mean_importances(const lifelong::io::Safetensors& saved);

/// Adds the time that it lives.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;

  double& seconds_;
  Clock::time_point start_ = Clock::now();
};

template <Student S, class Lessons>
class Session : SessionState {
  static constexpr bool in_steps = SteppingStudent<S>;

 public:
  Session(const Trial& trial, S student) : SessionState(trial), student_(std::move(student)), lessons_(trial.stream) {
    if (!take_up()) outcome_.initial_accuracy = accuracies(trial_.stream.size());
  }

  /// Learns all that is left.
  Outcome finish() {
    try {
      while (go_on()) save_if_due();
    } catch (const Interrupted&) {
      if constexpr (in_steps)
        if (S::saved_inside || !learning_) save();
      throw;
    }
    if constexpr (S::has_probabilities)
      for (std::size_t task = 0; task < trial_.stream.size(); ++task)
        outcome_.calibration_error.push_back(student_.measure(task, lifelong::metric::CalibrationError{}));
    outcome_.parameters = student_.parameters();
    outcome_.state_bytes = student_.state_bytes();
    outcome_.memory_bytes = student_.memory_bytes();
    if constexpr (in_steps) {
      lifelong::io::Safetensors saved = student_.saved();
      outcome_.importance = mean_importances(saved);
      if (trial_.keep_student) trial_.keep_student(std::move(saved));
    }
    return outcome_;
  }

 private:
  /// Does the next piece of work, whole or not at all. False if there is none: the end of the last task, such as its
  /// importance, would not be used any more and is left out.
  bool go_on() {
    if (tested_ < learned_)
      test();
    else if (learned_ < steps_of_task())
      learn();
    else if (task_ + 1 < lessons_.size())
      end_task();
    else
      return false;
    return true;
  }

  void learn() {
    if (!announced_) trial_.progress.start_task(lessons_.text(task_));
    announced_ = true;
    const std::size_t until = in_steps ? next_pause(steps_of_epoch()) : steps_of_task();
    learning_ = true;
    {
      const Stopwatch stopwatch(outcome_.train_seconds);
      student_.learn(lessons_.source(task_), task_, Steps{learned_, until});
    }
    learning_ = false;
    learned_ = until;
  }

  void test() {
    const std::size_t seen = lessons_.seen(task_);
    const bool ended = learned_ == steps_of_task();
    if (ended || (is_tested_inside() && is_test_point(learned_, steps_of_epoch())))
      add_moment(accuracies(ended ? trial_.stream.size() : seen), seen, steps_of_epoch());
    tested_ = learned_;
  }

  void end_task() {
    {
      const Stopwatch stopwatch(outcome_.importance_seconds);
      if constexpr (requires { student_.end_task(lessons_.source(task_)); }) student_.end_task(lessons_.source(task_));
    }
    begin_next_task();
    if constexpr (in_steps)
      if (trial_.first_task != nullptr && !*trial_.first_task)
        *trial_.first_task = SavedRun{student_.saved(), to_json()};
  }

  [[nodiscard]] std::size_t steps_of_epoch() const {
    return trial_.options.steps_of_epoch(lessons_.source(task_).size());
  }
  [[nodiscard]] std::size_t steps_of_task() const { return steps_of_epoch() * trial_.options.epochs; }
  static constexpr bool is_tested_inside() {
    if constexpr (in_steps) return S::tested_inside;
    return false;
  }

  /// On the first `tasks` tasks.
  std::vector<double> accuracies(std::size_t tasks) {
    std::vector<double> row;
    for (std::size_t task = 0; task < tasks; ++task) {
      row.push_back(student_.measure(task, lifelong::metric::Accuracy{}));
      trial_.progress.tested(trial_.stream[task].test.size());
    }
    return row;
  }

  void save_if_due() {
    if constexpr (in_steps)
      if (trial_.checkpoint != nullptr && trial_.checkpoint->is_due()) save();
  }
  void save() {
    if constexpr (in_steps)
      if (trial_.checkpoint != nullptr) trial_.checkpoint->save({student_.saved(), to_json()});
  }

  /// Goes on from the run's checkpoint, or behind the first task that was learned with another strength, which no
  /// strength has a say in. False if there is nothing to go on from.
  bool take_up() {
    if constexpr (in_steps) {
      std::optional<SavedRun> saved;
      if (trial_.checkpoint != nullptr) saved = trial_.checkpoint->load();
      const bool resumed = saved.has_value();
      if (!resumed && trial_.first_task != nullptr) saved = *trial_.first_task;
      if (!saved) return false;
      student_.restore(saved->student, resumed ? std::vector<std::string>{} : std::vector<std::string>{"strength"});
      continue_from(saved->session);
      for (std::size_t task = 0; task < task_; ++task)
        trial_.progress.skip(lessons_.source(task).size() * trial_.options.epochs);
      trial_.progress.skip(learned_ * trial_.options.batch_size);
      if (resumed) trial_.progress.resume(lessons_.text(task_));
      return true;
    }
    return false;
  }

  S student_;
  Lessons lessons_;
};

/// Task after task.
template <Student S>
Outcome learn_in_sequence(const Trial& trial, S student) {
  return Session<S, InSequence>(trial, std::move(student)).finish();
}

/// All tasks at once.
template <Student S>
Outcome learn_together(const Trial& trial, S student) {
  return Session<S, Together>(trial, std::move(student)).finish();
}

}  // namespace lab
