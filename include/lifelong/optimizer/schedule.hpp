// SPDX-License-Identifier: MIT
// Learning rates that change with the step.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <string>

#include <lifelong/core/error.hpp>

namespace lifelong::optimizer {

/// How a rate falls from its peak to its end.
enum class Decay {
  none,    ///< it stays as it is
  linear,  ///< in a straight line
  cosine   ///< as half a cosine: slowly, fast, slowly (Loshchilov & Hutter 2017, without restarts)
};

/// The share of the optimizer's learning rate that step t = 0, 1, ... takes. It rises to 1 in `warmup` equal steps,
/// then falls to `final_share` at step `steps`, where it stays. `FitOptions.schedule` is a schedule whose `steps` `fit`
/// fills in; in a loop of your own, set `learner.optimizer_policy().learning_rate = rate * schedule(t)` before each
/// step.
struct Schedule {
  Decay decay = Decay::none;
  double final_share = 0;
  std::size_t warmup = 0;  ///< steps before the peak; the first has the share 1 / (warmup + 1)
  std::size_t steps = 0;   ///< where the decay ends; 0 in `FitOptions` means at the end of the call

  /// \throws InvalidArgument unless 0 <= final_share <= 1, and for a decay that ends before it has begun.
  void validate() const {
    lifelong::detail::require_between("Schedule.final_share", final_share, 0, 1);
    if (decay != Decay::none && steps <= warmup)
      lifelong::detail::raise<InvalidArgument>("Schedule.steps must be more than Schedule.warmup, but they are " +
                                               std::to_string(steps) + " and " + std::to_string(warmup));
  }

  /// Whether any step takes a share other than 1.
  [[nodiscard]] bool changes() const { return warmup > 0 || (decay != Decay::none && final_share != 1); }

  /// The share of step `t`. \throws as `validate`.
  [[nodiscard]] double operator()(std::size_t t) const {
    validate();
    if (t < warmup) return static_cast<double>(t + 1) / static_cast<double>(warmup + 1);
    if (decay == Decay::none) return 1;
    const double done = t >= steps ? 1 : static_cast<double>(t - warmup) / static_cast<double>(steps - warmup);
    return 1 - (1 - final_share) * (decay == Decay::linear ? done : (1 - std::cos(pi * done)) / 2);
  }

 private:
  static constexpr double pi = 3.14159265358979323846;
};

}  // namespace lifelong::optimizer

#include <lifelong/config/pop_macros.hpp>
