// SPDX-License-Identifier: MIT
// A task boundary where learning has settled, which shows in a loss that is low and steady.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>

#include <lifelong/core/error.hpp>
#include <lifelong/trigger/window.hpp>

namespace lifelong::trigger {

/// It is true when the last `window` losses have mean < `mean_threshold` and variance < `variance_threshold`: something
/// has been learned and is worth keeping. After that it waits for a peak, a window whose mean exceeds the plateau's
/// mean plus its standard deviation because something new has come, before it can be true again. So one plateau counts
/// once, however long it is. Aljundi, Kelchtermans & Tuytelaars, "Task-free continual learning", CVPR 2019.
///
/// The variance is 1/W Σ (l - mean)². The window slides on at a plateau and is never emptied. It keeps `window` numbers
/// and costs O(window) per step.
class LossPlateau {
 public:
  /// Both thresholds are in units of the loss (squared for the variance), so there is no default for them.
  struct Options {
    std::size_t window = 20;  ///< losses looked at, W
    double mean_threshold;
    double variance_threshold;
  };

  /// \throws InvalidArgument for a window of 0 or a threshold that is not a finite number above 0; OutOfMemory.
  explicit LossPlateau(const Options& options) : options_(checked(options)), losses_(options.window) {}

  /// Call it with the loss of every step. It returns true if it is time to consolidate.
  /// \throws NumericError for a loss that is not finite, which does not count.
  bool operator()(double loss) {
    detail::require_finite_loss("LossPlateau", loss);
    losses_.push(loss);
    if (!losses_.full()) return false;
    const double mean = losses_.mean();
    if (mean > peak_) waits_ = false;
    if (waits_) return false;
    const double variance = losses_.variance();
    if (!(mean < options_.mean_threshold && variance < options_.variance_threshold)) return false;
    peak_ = mean + std::sqrt(variance);
    waits_ = true;
    return true;
  }

  /// True from a plateau until the next peak; in that time the trigger stays false.
  [[nodiscard]] bool waits_for_peak() const { return waits_; }

 private:
  static const Options& checked(const Options& options) {
    lifelong::detail::require_at_least("LossPlateau.window", static_cast<double>(options.window), 1);
    lifelong::detail::require_positive("LossPlateau.mean_threshold", options.mean_threshold);
    lifelong::detail::require_positive("LossPlateau.variance_threshold", options.variance_threshold);
    return options;
  }

  Options options_;
  detail::Window losses_;
  bool waits_ = false;
  double peak_ = 0;  // while waiting: the mean that a window has to exceed
};

}  // namespace lifelong::trigger

#include <lifelong/config/pop_macros.hpp>
