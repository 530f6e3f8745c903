// SPDX-License-Identifier: MIT
// Ends a call of fit when nothing improves any more.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <lifelong/core/error.hpp>
#include <lifelong/learner/options.hpp>

namespace lifelong::observer {

/// When `EarlyStopping` stops.
struct EarlyStoppingOptions {
  std::size_t patience = 5;    ///< so many measurements in a row that are no improvement
  double min_improvement = 0;  ///< by how much a value is below the best one to be an improvement, in its own unit
  std::size_t every = 0;       ///< steps from one measurement to the next; 0: one at the end of every epoch
};

/// What is measured by default: the mean of the losses of the steps since the last measurement.
struct TrainingLoss {};

/// Measures a value, of which less is better, and says stop after `patience` measurements in a row that are not more
/// than `min_improvement` below the best one so far:
///
///     observer::EarlyStopping stopper({.patience = 3}, [&] { return 1 - accuracy(learner.model(), held_out); });
///
/// Without a callable the value is the mean training loss, without the penalty. The learner stays as it is after the
/// last step, not as it was at the best measurement. The same object may watch one call of `fit` after the other: it
/// begins anew with each, but goes on with a call that is resumed. What it has seen is not in a checkpoint: a new
/// object that watches a resumed call begins anew. It costs nothing per step but what the callable does.
template <class Value = TrainingLoss>
class EarlyStopping {
 public:
  /// \throws InvalidArgument for a patience of 0, or an improvement that is not a finite number of at least 0.
  explicit EarlyStopping(const EarlyStoppingOptions& options = {}, Value value = {})
      : options_(options), value_(std::move(value)) {
    lifelong::detail::require_at_least("EarlyStopping.patience", static_cast<double>(options.patience), 1);
    lifelong::detail::require_at_least("EarlyStopping.min_improvement", options.min_improvement, 0);
  }

  /// \throws NumericError for a value that is not finite; InvalidArgument if no epoch ends within the call, but values
  /// are to be measured then.
  FitSignal operator()(const FitProgress& at) {
    if (at.step <= seen_.last_step) seen_ = {};
    if (options_.every == 0 && at.steps < at.batches) refuse(at);
    seen_.last_step = at.step;
    seen_.sum += at.loss;
    ++seen_.count;
    const bool due = options_.every == 0 ? at.ends_epoch() : at.step % options_.every == 0;
    return due && !improves(at.step) && seen_.waited >= options_.patience ? FitSignal::stop : FitSignal::go_on;
  }

  /// The best value so far; nothing before the first measurement.
  [[nodiscard]] std::optional<double> best() const {
    return seen_.best_step == 0 ? std::nullopt : std::optional<double>(seen_.best);
  }
  /// The step that it was measured after; 0 before the first measurement.
  [[nodiscard]] std::size_t best_step() const { return seen_.best_step; }

 private:
  /// Of one call of `fit`.
  struct Seen {
    double best = 0;
    std::size_t best_step = 0, last_step = 0, waited = 0;
    double sum = 0;  // of the losses since the last measurement
    std::size_t count = 0;
  };

  double measure() {
    if constexpr (std::is_same_v<Value, TrainingLoss>)
      return seen_.sum / static_cast<double>(seen_.count);
    else
      return static_cast<double>(value_());
  }

  bool improves(std::size_t step) {
    const double value = measure();
    seen_.sum = 0;
    seen_.count = 0;
    if (!lifelong::detail::is_finite(value))
      lifelong::detail::raise<NumericError>("EarlyStopping: the value is " + lifelong::detail::text(value) +
                                            " after step " + std::to_string(step));
    if (seen_.best_step > 0 && !(value < seen_.best - options_.min_improvement)) {
      ++seen_.waited;
      return false;
    }
    seen_.best = value;
    seen_.best_step = step;
    seen_.waited = 0;
    return true;
  }

  [[noreturn]] LIFELONG_RARE static void refuse(const FitProgress& at) {
    lifelong::detail::raise<InvalidArgument>("EarlyStopping.every: no epoch ends within the " +
                                             std::to_string(at.steps) +
                                             " steps of this call, so say how many steps there are between two "
                                             "measurements");
  }

  EarlyStoppingOptions options_;
  Value value_;
  Seen seen_;
};

}  // namespace lifelong::observer

#include <lifelong/config/pop_macros.hpp>
