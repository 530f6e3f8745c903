// SPDX-License-Identifier: MIT
// Accuracies in the course of training, and the metrics that need more than the ends of tasks.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>

namespace lifelong {

/// A_kj(n): test accuracy, from 0 to 1, on task j at the n-th moment of learning task k, for the tasks 1 to k that are
/// learned or being learned. The more moments there are, the more of the stability gap is seen: accuracies on old tasks
/// fall in the first steps of a new one and partly come back, which the ends of tasks do not show. De Lange et al.,
/// "Continual evaluation for lifelong learning: identifying the stability gap", ICLR 2023.
class LearningCurves {
 public:
  /// Begins the next task with the accuracies before its first step, on all tasks up to and with this one.
  /// \throws ShapeMismatch unless there are as many as tasks; InvalidArgument for an accuracy outside [0, 1].
  void begin_task(std::span<const double> accuracies) {
    check(accuracies, tasks_.size() + 1);
    tasks_.emplace_back();
    tasks_.back().emplace_back(accuracies.begin(), accuracies.end());
  }
  /// Adds a later moment of the present task; the last one is its end. \throws as `begin_task`, and InvalidArgument
  /// before it.
  void add(std::span<const double> accuracies) {
    if (tasks_.empty()) detail::raise<InvalidArgument>("LearningCurves.add: begin_task comes first");
    check(accuracies, tasks_.size());
    tasks_.back().emplace_back(accuracies.begin(), accuracies.end());
  }
  void begin_task(std::initializer_list<double> accuracies) {
    begin_task(std::span<const double>(accuracies.begin(), accuracies.size()));
  }
  void add(std::initializer_list<double> accuracies) {
    add(std::span<const double>(accuracies.begin(), accuracies.size()));
  }

  /// Tasks that were begun, T.
  [[nodiscard]] std::size_t tasks() const { return tasks_.size(); }

  /// min-ACC = 1/(T-1) sum_{j<T} min A_kj(n) over all moments after task j had ended (De Lange 2023, eq. 2): how low
  /// each old task has ever fallen; no value for T < 2.
  [[nodiscard]] std::optional<double> min_accuracy() const {
    if (tasks() < 2) return std::nullopt;
    double sum = 0;
    for (std::size_t j = 0; j + 1 < tasks(); ++j) {
      double least = 1;
      for (std::size_t k = j + 1; k < tasks(); ++k)
        for (const std::vector<double>& moment : tasks_[k]) least = moment[j] < least ? moment[j] : least;
      sum += least;
    }
    return sum / static_cast<double>(tasks() - 1);
  }

  /// WC-ACC = 1/T A_TT(end) + (1 - 1/T) min-ACC (De Lange 2023, eq. 3): a lower bound of the average accuracy at all
  /// times, for a learner that can be asked at any; no value for T < 2.
  [[nodiscard]] std::optional<double> worst_case_accuracy() const {
    const std::optional<double> least = min_accuracy();
    if (!least) return std::nullopt;
    const double share = 1 / static_cast<double>(tasks());
    return share * tasks_.back().back().back() + (1 - share) * *least;
  }

  /// 1/(T-1) sum_{k>1} (min(a_k(0), a_k(end)) - min_n a_k(n)), where a_k(n) is the mean of A_kj(n) over the tasks j <
  /// k: how far old tasks fall while a new one is learned below both where they were and where they end. What is lost
  /// for good is not in it, that is forgetting. At least 0, and 0 if there are no moments between; no value for T < 2.
  /// Our own measure of what De Lange 2023 shows in figures.
  [[nodiscard]] std::optional<double> stability_gap() const {
    if (tasks() < 2) return std::nullopt;
    double sum = 0;
    for (std::size_t k = 1; k < tasks(); ++k) {
      const double before = on_old_tasks(k, 0), after = on_old_tasks(k, tasks_[k].size() - 1);
      double least = before < after ? before : after;
      const double without_gap = least;
      for (std::size_t n = 0; n < tasks_[k].size(); ++n)
        least = on_old_tasks(k, n) < least ? on_old_tasks(k, n) : least;
      sum += without_gap - least;
    }
    return sum / static_cast<double>(tasks() - 1);
  }

  /// LCA = 1/T sum_k 1/(B+1) sum_{n=0..B} A_kk(n): the mean accuracy on the task that is being learned over its
  /// moments, the one before its first step included, which is large if tasks are learned fast. With a moment after
  /// each of the first B steps it is LCA_B of Chaudhry et al., "Efficient lifelong learning with A-GEM", ICLR 2019,
  /// eq. 5. \throws InvalidArgument before the first task.
  [[nodiscard]] double area() const {
    if (tasks_.empty()) detail::raise<InvalidArgument>("LearningCurves.area needs at least one task");
    double sum = 0;
    for (const Moments& moments : tasks_) {
      double of_task = 0;
      for (const std::vector<double>& moment : moments) of_task += moment.back();
      sum += of_task / static_cast<double>(moments.size());
    }
    return sum / static_cast<double>(tasks());
  }

 private:
  using Moments = std::vector<std::vector<double>>;

  [[nodiscard]] double on_old_tasks(std::size_t k, std::size_t n) const {
    double sum = 0;
    for (std::size_t j = 0; j < k; ++j) sum += tasks_[k][n][j];
    return sum / static_cast<double>(k);
  }

  static void check(std::span<const double> accuracies, std::size_t tasks) {
    detail::require_size("a moment of LearningCurves", accuracies.size(), tasks);
    for (std::size_t j = 0; j < tasks; ++j)
      detail::require_between(("the accuracy on task " + std::to_string(j)).c_str(), accuracies[j], 0, 1);
  }

  std::vector<Moments> tasks_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
