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

/// η(t) for t = 0, 1, ...: up to `peak` in `warmup` equal steps, then down to `peak * final_share` at step `steps`,
/// where it stays. Set it before each step: `learner.optimizer_policy().learning_rate = schedule(t)`.
struct Schedule {
  double peak = 1e-3;
  std::size_t steps = 0;   ///< where the decay ends
  std::size_t warmup = 0;  ///< steps before the peak; the first has peak / (warmup + 1)
  Decay decay = Decay::none;
  double final_share = 0;

  /// \throws InvalidArgument for a peak or share below 0, or a decay that ends before it has begun.
  void validate() const {
    lifelong::detail::require_at_least("Schedule.peak", peak, 0);
    lifelong::detail::require_at_least("Schedule.final_share", final_share, 0);
    if (decay != Decay::none && steps <= warmup)
      lifelong::detail::raise<InvalidArgument>("Schedule.steps must be more than Schedule.warmup");
  }

  /// The rate of step `t`. \throws as `validate`.
  [[nodiscard]] double operator()(std::size_t t) const {
    validate();
    if (t < warmup) return peak * static_cast<double>(t + 1) / static_cast<double>(warmup + 1);
    if (decay == Decay::none) return peak;
    const double done = t >= steps ? 1 : static_cast<double>(t - warmup) / static_cast<double>(steps - warmup);
    const double left = decay == Decay::linear ? 1 - done : (1 + std::cos(pi * done)) / 2;
    return peak * (final_share + (1 - final_share) * left);
  }

 private:
  static constexpr double pi = 3.14159265358979323846;
};

}  // namespace lifelong::optimizer
