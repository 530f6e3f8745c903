// SPDX-License-Identifier: MIT
// A task boundary where something new begins, which shows in a loss that rises.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

#include <lifelong/core/error.hpp>
#include <lifelong/trigger/window.hpp>

namespace lifelong::trigger {

/// The Page-Hinkley test: it is true when the loss has risen above its running mean for good. With l̄_t the mean of the
/// losses since it was last true, m_t = Σ_{s<=t} (l_s - l̄_s - δ) and M_t = min_{s<=t} m_s, it is true when m_t - M_t >
/// h and at least `warm_up` losses were seen; then all sums start anew. Page 1954, Hinkley 1971; in this one-sided form
/// Gama et al. 2004. It keeps four numbers and costs O(1) per step.
///
/// The test notices a change late: by then the learner has taken some steps on the new data. Consolidate on examples
/// from before (a `RecentExamples` that is long compared to the delay), or use `LossPlateau`, which is true before the
/// change.
class LossDrift {
 public:
  /// When a rise counts.
  struct Options {
    double threshold;          ///< h, in units of the loss: larger means fewer false alarms and later ones
    double tolerance = 0.005;  ///< δ, a rise per step that does not count
    std::size_t warm_up = 30;  ///< losses before the mean is trusted
  };

  /// \throws InvalidArgument unless h > 0, δ >= 0, both finite, and `warm_up` >= 1.
  explicit LossDrift(const Options& options) : options_(options) {
    lifelong::detail::require_positive("LossDrift.threshold", options.threshold);
    lifelong::detail::require_at_least("LossDrift.tolerance", options.tolerance, 0);
    lifelong::detail::require_at_least("LossDrift.warm_up", static_cast<double>(options.warm_up), 1);
  }

  /// Call it with the loss of every step. It returns true if something new has begun.
  /// \throws NumericError for a loss that is not finite, or too large to be added to the others; it does not count.
  bool operator()(double loss) {
    detail::require_finite_loss("LossDrift", loss);
    Sums next = sums_;
    ++next.count;
    next.mean += (loss - next.mean) / static_cast<double>(next.count);
    next.rise += loss - next.mean - options_.tolerance;
    if (next.rise < next.least) next.least = next.rise;
    if (!lifelong::detail::is_finite(next.rise - next.least))
      lifelong::detail::raise<NumericError>("LossDrift: the sum of the losses overflows at a loss of " +
                                            lifelong::detail::text(loss));
    sums_ = next;
    if (sums_.count < options_.warm_up || !(sums_.rise - sums_.least > options_.threshold)) return false;
    sums_ = {};
    return true;
  }

 private:
  struct Sums {
    std::size_t count = 0;
    double mean = 0;
    double rise = 0;   // m_t
    double least = 0;  // M_t, with m_0 = 0
  };
  Options options_;
  Sums sums_;
};

}  // namespace lifelong::trigger

#include <lifelong/config/pop_macros.hpp>
