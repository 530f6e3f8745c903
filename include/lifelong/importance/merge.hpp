// SPDX-License-Identifier: MIT
// How the importances of several tasks become one.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <string>

#include <lifelong/core/error.hpp>

namespace lifelong::importance {

/// Ω ← keep · Ω + add · F for the importance F of the task that just ended.
struct MergeWeights {
  double keep = 1;
  double add = 1;
};

/// A rule for the two weights, which is made by name: `Merge::sum()`, `Merge::decay(0.9)`, ...
class Merge {
 public:
  /// Ω = Σ_k F_k: every task counts fully (EWC after Huszár 2018, MAS, SI).
  static constexpr Merge sum() { return Merge(Rule::decay, 1); }
  /// Ω ← γ Ω + F: older tasks fade (online EWC, Schwarz 2018, eq. 9; γ is not applied to the penalty a second time).
  static constexpr Merge decay(double gamma) { return Merge(Rule::decay, gamma); }
  /// Ω = 1/T Σ_k F_k: Ω does not grow with the number of tasks (UCL's baselines; for tasks with equally many classes
  /// also PyCIL's average by class ratio).
  static constexpr Merge mean() { return Merge(Rule::mean, 1); }
  /// Ω ← (1-α) Ω + α F from Ω = 0: a moving average, in which even the first task counts only α (FACIL, CapyMOA).
  static constexpr Merge average(double alpha) { return Merge(Rule::average, alpha); }
  /// Ω ← (1-α) Ω + α F from Ω = F of the first task, which thus counts (1-α)^(T-1) (Avalanche's MAS).
  static constexpr Merge average_from_first(double alpha) { return Merge(Rule::average_from_first, alpha); }
  /// Ω = F of the last task alone.
  static constexpr Merge last() { return Merge(Rule::decay, 0); }

  /// The weights for a task before which `consolidated` tasks were merged.
  [[nodiscard]] constexpr MergeWeights weights(std::size_t consolidated) const {
    if (rule_ == Rule::decay) return {weight_, 1};
    if (rule_ == Rule::average_from_first && consolidated == 0) return {0, 1};
    if (rule_ != Rule::mean) return {1 - weight_, weight_};
    const double tasks = static_cast<double>(consolidated) + 1;
    return {(tasks - 1) / tasks, 1 / tasks};
  }

  /// \throws InvalidArgument unless 0 <= γ <= 1 and 0 <= α <= 1.
  void validate() const {
    const std::string name = rule_ == Rule::decay ? "Merge::decay(gamma)" : "Merge::average(alpha)";
    detail::require_between(name.c_str(), weight_, 0, 1);
  }

  /// `sum`, `decay 0.9`, `mean`, `average 0.5`, `average 0.5 from the first` or `last`.
  [[nodiscard]] std::string text() const {
    if (rule_ == Rule::mean) return "mean";
    if (rule_ == Rule::average) return "average " + detail::exact_text(weight_);
    if (rule_ == Rule::average_from_first) return "average " + detail::exact_text(weight_) + " from the first";
    return weight_ == 1 ? "sum" : weight_ == 0 ? "last" : "decay " + detail::exact_text(weight_);
  }

  friend constexpr bool operator==(const Merge&, const Merge&) = default;

 private:
  enum class Rule { decay, mean, average, average_from_first };
  constexpr Merge(Rule rule, double weight) : rule_(rule), weight_(weight) {}
  Rule rule_;
  double weight_;  // γ or α
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
