// How the importances of several tasks become one.
#pragma once

#include <cstddef>

#include <lifelong/core/error.hpp>

namespace lifelong::importance {

/// Ω ← keep · Ω + add · F for the importance F of the task that just ended.
struct MergeWeights {
  double keep = 1;
  double add = 1;
};

/// A rule for the two weights. Make one by name: `Merge::sum()`, `Merge::decay(0.9)`, `Merge::mean()`, `Merge::last()`.
class Merge {
 public:
  /// Ω = Σ_k F_k: every task counts fully (EWC after Huszár 2018, MAS, SI).
  static constexpr Merge sum() { return Merge(Rule::decay, 1); }
  /// Ω ← γ Ω + F: older tasks fade (online EWC, Schwarz 2018, eq. 9; γ is not applied to the penalty a second time).
  static constexpr Merge decay(double gamma) { return Merge(Rule::decay, gamma); }
  /// Ω = 1/T Σ_k F_k: the size of Ω does not grow with the number of tasks.
  static constexpr Merge mean() { return Merge(Rule::mean, 1); }
  /// Ω = F of the last task alone.
  static constexpr Merge last() { return Merge(Rule::decay, 0); }

  /// The weights for a task when `consolidated` tasks were taken in before it.
  [[nodiscard]] constexpr MergeWeights weights(std::size_t consolidated) const {
    if (rule_ == Rule::decay) return {gamma_, 1};
    const double tasks = static_cast<double>(consolidated) + 1;
    return {(tasks - 1) / tasks, 1 / tasks};
  }

  /// \throws InvalidArgument unless 0 <= γ <= 1.
  void validate() const {
    detail::require_at_least("Merge::decay(gamma)", gamma_, 0);
    detail::require_at_least("1 - Merge::decay(gamma)", 1 - gamma_, 0);
  }

 private:
  enum class Rule { decay, mean };
  constexpr Merge(Rule rule, double gamma) : rule_(rule), gamma_(gamma) {}
  Rule rule_;
  double gamma_;
};

}  // namespace lifelong::importance
