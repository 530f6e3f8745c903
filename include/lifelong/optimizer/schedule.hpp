// Learning rates that change with the step.
#pragma once

#include <cmath>
#include <cstddef>

#include <lifelong/core/error.hpp>

namespace lifelong::optimizer {

/// How a rate goes from its peak to its end.
enum class Decay {
  none,    ///< it stays
  linear,  ///< in a straight line
  cosine   ///< as half a cosine: slowly, fast, slowly (Loshchilov & Hutter 2017, without restarts)
};

/// The share of the optimizer's learning rate that step t = 0, 1, ... takes: up to 1 in `warmup` equal steps, then down
/// to `final_share` at step `steps`, where it stays. `FitOptions.schedule` takes one, and fills in `steps`; in a loop
/// of one's own it is `learner.optimizer_policy().learning_rate = rate * schedule(t)` before each step.
struct Schedule {
  Decay decay = Decay::none;
  double final_share = 0;
  std::size_t warmup = 0;  ///< steps before the peak; the first has the share 1 / (warmup + 1)
  std::size_t steps = 0;   ///< where the decay ends; 0 in `FitOptions`: at the end of the call

  /// \throws InvalidArgument unless 0 <= final_share <= 1, or for a decay that ends before it has begun.
  void validate() const {
    lifelong::detail::require_at_least("Schedule.final_share", final_share, 0);
    if (final_share > 1)
      lifelong::detail::raise<InvalidArgument>("Schedule.final_share must be at most 1, but is " +
                                               lifelong::detail::text(final_share));
    if (decay != Decay::none && steps <= warmup)
      lifelong::detail::raise<InvalidArgument>("Schedule.steps must be more than Schedule.warmup");
  }

  /// Whether any step takes another share than 1.
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
