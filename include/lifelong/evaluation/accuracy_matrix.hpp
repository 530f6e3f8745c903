// SPDX-License-Identifier: MIT
// The accuracy on every task after every task, and the metrics that follow from it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>

namespace lifelong {

/// R(i, j): test accuracy, from 0 to 1, on task j after learning task i, where i and j count from 0. One row is added
/// after each task. Metrics are over the T tasks learned so far, T = rows(); in their formulas tasks count from 1 as in
/// the papers: Lopez-Paz and Ranzato, "Gradient episodic memory for continual learning", NIPS 2017 (average accuracy,
/// backward and forward transfer); Chaudhry et al., "Riemannian walk for incremental learning", ECCV 2018 (forgetting).
class AccuracyMatrix {
 public:
  /// An empty matrix for a stream of `tasks` tasks. \throws InvalidArgument for 0 tasks.
  explicit AccuracyMatrix(std::size_t tasks) : tasks_(tasks) {
    if (tasks == 0) detail::raise<InvalidArgument>("AccuracyMatrix needs at least 1 task");
  }

  /// Sets b, the accuracies of the untrained model, which only `forward_transfer` needs.
  /// \throws ShapeMismatch unless there is one accuracy per task; InvalidArgument for an accuracy outside [0, 1].
  void set_initial(std::span<const double> accuracies) {
    check(accuracies);
    initial_.resize(tasks_);
    for (std::size_t j = 0; j < tasks_; ++j) initial_[j] = accuracies[j];
  }
  void set_initial(std::initializer_list<double> accuracies) {
    set_initial(std::span<const double>(accuracies.begin(), accuracies.size()));
  }

  /// Adds the accuracies on all tasks, also on those yet to come, after learning the next task.
  /// \throws InvalidArgument if the matrix is full or for an accuracy outside [0, 1]; ShapeMismatch unless there is one
  /// accuracy per task.
  void add_row(std::span<const double> accuracies) {
    if (rows() == tasks_)
      detail::raise<InvalidArgument>("AccuracyMatrix already has a row for each of its " + std::to_string(tasks_) +
                                     " tasks");
    check(accuracies);
    const std::size_t first = values_.size();
    values_.resize(first + tasks_);
    for (std::size_t j = 0; j < tasks_; ++j) values_[first + j] = accuracies[j];
  }
  void add_row(std::initializer_list<double> accuracies) {
    add_row(std::span<const double>(accuracies.begin(), accuracies.size()));
  }

  [[nodiscard]] std::size_t tasks() const { return tasks_; }
  /// Tasks learned so far, T.
  [[nodiscard]] std::size_t rows() const { return values_.size() / tasks_; }

  /// R(i, j). \throws InvalidArgument unless i < rows() and j < tasks().
  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const {
    if (i >= rows() || j >= tasks_)
      detail::raise<InvalidArgument>("AccuracyMatrix has no element (" + std::to_string(i) + ", " + std::to_string(j) +
                                     "): it is " + std::to_string(rows()) + " x " + std::to_string(tasks_));
    return at(i, j);
  }

  /// ACC = 1/T sum_{j<=T} R_Tj. \throws InvalidArgument before the first row.
  [[nodiscard]] double average_accuracy() const {
    require_row("average_accuracy");
    return average_of_seen(rows() - 1);
  }

  /// 1/T sum_i (1/i sum_{j<=i} R_ij), the mean of the average accuracies after each task, called average incremental
  /// accuracy by Rebuffi et al. (iCaRL, CVPR 2017). \throws InvalidArgument before the first row.
  [[nodiscard]] double running_average() const {
    require_row("running_average");
    double sum = 0;
    for (std::size_t i = 0; i < rows(); ++i) sum += average_of_seen(i);
    return sum / static_cast<double>(rows());
  }

  /// min_{j<=T} R_Tj, the accuracy on the task that is known worst. \throws InvalidArgument before the first row.
  [[nodiscard]] double worst_accuracy() const {
    require_row("worst_accuracy");
    double worst = at(rows() - 1, 0);
    for (std::size_t j = 1; j < rows(); ++j) worst = at(rows() - 1, j) < worst ? at(rows() - 1, j) : worst;
    return worst;
  }

  /// 1/T sum_i R_ii, which says how well each task was known right after it was learned. \throws InvalidArgument before
  /// the first row.
  [[nodiscard]] double learning_accuracy() const {
    require_row("learning_accuracy");
    double sum = 0;
    for (std::size_t i = 0; i < rows(); ++i) sum += at(i, i);
    return sum / static_cast<double>(rows());
  }

  /// BWT = 1/(T-1) sum_{j<T} (R_Tj - R_jj), negative if tasks were forgotten; no value for T < 2.
  [[nodiscard]] std::optional<double> backward_transfer() const {
    if (rows() < 2) return std::nullopt;
    double sum = 0;
    for (std::size_t j = 0; j + 1 < rows(); ++j) sum += at(rows() - 1, j) - at(j, j);
    return sum / static_cast<double>(rows() - 1);
  }

  /// FWT = 1/(T-1) sum_{1<j<=T} (R_{j-1,j} - b_j), what earlier tasks gave to later ones before these were learned; no
  /// value for T < 2 or without `set_initial`. It has no meaning where later tasks use outputs that were never trained
  /// before.
  [[nodiscard]] std::optional<double> forward_transfer() const {
    if (rows() < 2 || initial_.empty()) return std::nullopt;
    double sum = 0;
    for (std::size_t j = 1; j < rows(); ++j) sum += at(j - 1, j) - initial_[j];
    return sum / static_cast<double>(rows() - 1);
  }

  /// F = 1/(T-1) sum_{j<T} (max_{l<T} R_lj - R_Tj), by Chaudhry 2018. It starts from the best accuracy of any earlier
  /// row, so it is at least -BWT; there is no value for T < 2. Others use the word differently: see
  /// `forgetting_since_learned` and `forgetting_from_best`.
  [[nodiscard]] std::optional<double> forgetting() const {
    if (rows() < 2) return std::nullopt;
    double sum = 0;
    for (std::size_t j = 0; j + 1 < rows(); ++j) sum += forgotten(j);
    return sum / static_cast<double>(rows() - 1);
  }

  /// 1/(T-1) sum_{j<T} (R_jj - R_Tj), which Avalanche and Renate call forgetting: what was lost since each task was
  /// learned, -BWT; no value for T < 2.
  [[nodiscard]] std::optional<double> forgetting_since_learned() const {
    const std::optional<double> transfer = backward_transfer();
    if (!transfer) return std::nullopt;
    return -*transfer;
  }

  /// 1/(T-1) sum_{j<T} (max_{l<=T} R_lj - R_Tj), which Mammoth calls forgetting. The last row counts too, so that it is
  /// never negative and a task that has become better counts 0; no value for T < 2.
  [[nodiscard]] std::optional<double> forgetting_from_best() const {
    if (rows() < 2) return std::nullopt;
    double sum = 0;
    for (std::size_t j = 0; j + 1 < rows(); ++j) sum += forgotten(j) > 0 ? forgotten(j) : 0;
    return sum / static_cast<double>(rows() - 1);
  }

  /// max_{j<T} (max_{l<T} R_lj - R_Tj), forgetting of the task that was forgotten most (Chaudhry et al., "Efficient
  /// lifelong learning with A-GEM", ICLR 2019); no value for T < 2.
  [[nodiscard]] std::optional<double> worst_forgetting() const {
    if (rows() < 2) return std::nullopt;
    double worst = forgotten(0);
    for (std::size_t j = 1; j + 1 < rows(); ++j) worst = forgotten(j) > worst ? forgotten(j) : worst;
    return worst;
  }

  /// 1/T sum_{j<=T} (a_j - R_jj), how much worse each task was learned in its turn than by a reference that had its
  /// `accuracies` a on all tasks, such as joint training; it is negative where the stream helped. Chaudhry 2018 takes,
  /// for each j, a reference that was trained on the tasks 1 to j. \throws ShapeMismatch unless there is one accuracy
  /// per task; InvalidArgument for an accuracy outside [0, 1] and before the first row.
  [[nodiscard]] double intransigence(std::span<const double> accuracies) const {
    check(accuracies);
    require_row("intransigence");
    double sum = 0;
    for (std::size_t j = 0; j < rows(); ++j) sum += accuracies[j] - at(j, j);
    return sum / static_cast<double>(rows());
  }

  /// The matrix in percent, with tasks counted from 1, one line per row. The initial row, if it was set, comes first as
  /// task 0.
  [[nodiscard]] std::string to_string() const {
    std::string text = "after \\ on";
    for (std::size_t j = 1; j <= tasks_; ++j) text += cell(static_cast<double>(j), 7, 0);
    text += '\n';
    if (!initial_.empty()) append_line(text, 0, initial_.data());
    for (std::size_t i = 0; i < rows(); ++i) append_line(text, i + 1, values_.data() + i * tasks_);
    return text;
  }

  /// Writes `to_string()`.
  template <class Char, class Traits>
  friend std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& out,
                                                      const AccuracyMatrix& matrix) {
    return out << matrix.to_string().c_str();
  }

 private:
  [[nodiscard]] double at(std::size_t i, std::size_t j) const { return values_[i * tasks_ + j]; }

  [[nodiscard]] double average_of_seen(std::size_t i) const {
    double sum = 0;
    for (std::size_t j = 0; j <= i; ++j) sum += at(i, j);
    return sum / static_cast<double>(i + 1);
  }

  /// max_{l<T} R_lj - R_Tj
  [[nodiscard]] double forgotten(std::size_t j) const {
    double best = at(0, j);
    for (std::size_t l = 1; l + 1 < rows(); ++l) best = at(l, j) > best ? at(l, j) : best;
    return best - at(rows() - 1, j);
  }

  void check(std::span<const double> accuracies) const {
    detail::require_size("a row of AccuracyMatrix", accuracies.size(), tasks_);
    for (std::size_t j = 0; j < tasks_; ++j)
      detail::require_between(("the accuracy on task " + std::to_string(j)).c_str(), accuracies[j], 0, 1);
  }

  void require_row(const char* metric) const {
    if (rows() == 0)
      detail::raise<InvalidArgument>("AccuracyMatrix." + std::string(metric) + " needs at least one row");
  }

  static std::string cell(double value, int width, int decimals) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%*.*f", width, decimals, value);
    return buffer;
  }

  void append_line(std::string& text, std::size_t row, const double* accuracies) const {
    text += cell(static_cast<double>(row), 10, 0);
    for (std::size_t j = 0; j < tasks_; ++j) text += cell(100 * accuracies[j], 7, 1);
    text += '\n';
  }

  std::size_t tasks_;
  std::vector<double> initial_;
  std::vector<double> values_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
