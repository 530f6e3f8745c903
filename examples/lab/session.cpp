// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <lifelong/io/safetensors.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "interrupt.hpp"
#include "results.hpp"

namespace lab {

namespace {

using Json = nlohmann::ordered_json;

/// What is learned before tests are made on all tasks.
struct Lesson {
  std::size_t examples;
  std::size_t seen;  // tasks that have been learned behind it
  std::string text;
};

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

/// The mean importance of each block of parameters, of a learner whose penalty has one for each parameter.
std::map<std::string, double> mean_importances(const lifelong::io::Safetensors& saved) {
  const std::string prefix = "penalty.importance.";
  std::map<std::string, double> means;
  for (const auto& [name, tensor] : saved.tensors()) {
    if (!name.starts_with(prefix)) continue;
    const std::vector<float> values = saved.values<float>(name);
    means[name.substr(prefix.size())] =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  const bool any = std::ranges::any_of(means, [](const auto& mean) { return mean.second != 0; });
  return any ? means : std::map<std::string, double>{};
}

class Session {
 public:
  Session(const Trial& trial, Student& student, std::vector<Lesson> lessons)
      : trial_(trial), student_(student), abilities_(student.abilities()), lessons_(std::move(lessons)) {
    if (!take_up()) outcome_.initial_accuracy = accuracies(trial_.stream.size());
  }

  /// Learns all that is left.
  Outcome finish() {
    try {
      while (go_on())
        if (trial_.checkpoint != nullptr && trial_.checkpoint->is_due()) save();
    } catch (const Interrupted&) {
      if (abilities_.saved_inside || !learning_) save();
      throw;
    }
    if (abilities_.probabilities)
      for (std::size_t task = 0; task < trial_.stream.size(); ++task)
        outcome_.calibration_error.push_back(student_.measure(task, Measure::calibration_error));
    outcome_.parameters = student_.parameters();
    outcome_.state_bytes = student_.state_bytes();
    outcome_.memory_bytes = student_.memory_bytes();
    if (abilities_.in_steps) {
      lifelong::io::Safetensors saved = student_.finished();
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
    if (!announced_) trial_.progress.start_task(lessons_[task_].text);
    announced_ = true;
    const std::size_t until = abilities_.in_steps ? next_pause() : steps_of_task();
    learning_ = true;
    {
      const Stopwatch stopwatch(outcome_.train_seconds);
      student_.learn(task_, Steps{learned_, until});
    }
    learning_ = false;
    learned_ = until;
  }

  void test() {
    const bool ended = learned_ == steps_of_task();
    if (ended || (abilities_.tested_inside && is_test_point()))
      add_moment(accuracies(ended ? trial_.stream.size() : lessons_[task_].seen));
    tested_ = learned_;
  }

  void end_task() {
    {
      const Stopwatch stopwatch(outcome_.importance_seconds);
      student_.end_task(task_);
    }
    trial_.progress.consolidated();
    ++task_;
    learned_ = tested_ = 0;
    announced_ = false;
    if (abilities_.in_steps && trial_.first_task != nullptr && !*trial_.first_task)
      *trial_.first_task = SavedRun{student_.saved(), to_json()};
  }

  [[nodiscard]] std::size_t steps_of_epoch() const { return trial_.options.steps_of_epoch(lessons_[task_].examples); }
  [[nodiscard]] std::size_t steps_of_task() const { return steps_of_epoch() * trial_.options.epochs; }

  /// Whether tests are asked for after the present step.
  [[nodiscard]] bool is_test_point() const {
    const TestAfter& after = trial_.options.test_after;
    return after.kind != TestAfter::task &&
           learned_ % (after.kind == TestAfter::epoch ? steps_of_epoch() : after.count) == 0;
  }
  /// The next step after which the student is tested or can be saved: at the latest the last one of an epoch.
  [[nodiscard]] std::size_t next_pause() const {
    const TestAfter& after = trial_.options.test_after;
    const std::size_t end_of_epoch = (learned_ / steps_of_epoch() + 1) * steps_of_epoch();
    if (after.kind != TestAfter::steps) return end_of_epoch;
    return std::min(end_of_epoch, (learned_ / after.count + 1) * after.count);
  }

  /// On the first `tasks` tasks.
  std::vector<double> accuracies(std::size_t tasks) {
    std::vector<double> row;
    for (std::size_t task = 0; task < tasks; ++task) {
      row.push_back(student_.measure(task, Measure::accuracy));
      trial_.progress.tested(trial_.stream[task].test.size());
    }
    return row;
  }
  /// Adds what was measured after the present step, on the tasks seen, or at the end of a task on all.
  void add_moment(std::vector<double> accuracies) {
    const double epoch = static_cast<double>(learned_) / static_cast<double>(steps_of_epoch());
    const auto seen = static_cast<std::ptrdiff_t>(lessons_[task_].seen);
    outcome_.curve.push_back({task_, epoch, {accuracies.begin(), accuracies.begin() + seen}});
    if (learned_ < steps_of_task()) return;
    outcome_.accuracy_matrix.push_back(std::move(accuracies));
    trial_.progress.end_task(outcome_.curve.back().mean());
  }

  void save() {
    if (abilities_.in_steps && trial_.checkpoint != nullptr) trial_.checkpoint->save({student_.saved(), to_json()});
  }
  [[nodiscard]] Json to_json() const {
    return {{"task", task_}, {"learned", learned_}, {"tested", tested_}, {"outcome", lab::to_json(outcome_)}};
  }

  /// Goes on from the run's checkpoint, or behind the first task that was learned with another strength, which no
  /// strength has a say in. False if there is nothing to go on from.
  bool take_up() {
    if (!abilities_.in_steps) return false;
    std::optional<SavedRun> saved;
    if (trial_.checkpoint != nullptr) saved = trial_.checkpoint->load();
    const bool resumed = saved.has_value();
    if (!resumed && trial_.first_task != nullptr) saved = *trial_.first_task;
    if (!saved) return false;
    student_.restore(saved->student, resumed ? std::vector<std::string>{} : std::vector<std::string>{"strength"});
    saved->session.at("task").get_to(task_);
    saved->session.at("learned").get_to(learned_);
    saved->session.at("tested").get_to(tested_);
    outcome_ = outcome_from_json(saved->session.at("outcome"));
    for (std::size_t task = 0; task < task_; ++task)
      trial_.progress.skip(lessons_[task].examples * trial_.options.epochs);
    trial_.progress.skip(learned_ * trial_.options.batch_size);
    if (resumed) trial_.progress.resume(lessons_[task_].text);
    return true;
  }

  const Trial& trial_;
  Student& student_;
  Abilities abilities_;
  std::vector<Lesson> lessons_;
  Outcome outcome_;
  std::size_t task_ = 0;     // the present one
  std::size_t learned_ = 0;  // steps of it
  std::size_t tested_ = 0;   // steps of it after which all tests were made
  bool learning_ = false;    // now
  bool announced_ = false;   // the present task
};

}  // namespace

Outcome learn_in_sequence(const Trial& trial, Student& student) {
  std::vector<Lesson> lessons;
  for (std::size_t task = 0; task < trial.stream.size(); ++task)
    lessons.push_back({trial.stream[task].train.size(), task + 1,
                       "task " + std::to_string(task + 1) + " of " + std::to_string(trial.stream.size())});
  return Session(trial, student, std::move(lessons)).finish();
}

Outcome learn_together(const Trial& trial, Student& student) {
  std::size_t examples = 0;
  for (const auto& task : trial.stream) examples += task.train.size();
  return Session(trial, student, {{examples, trial.stream.size(), "all tasks"}}).finish();
}

}  // namespace lab
