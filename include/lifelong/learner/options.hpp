// SPDX-License-Identifier: MIT
// How a learner trains and consolidates, and what it tells about it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/optimizer/schedule.hpp>

namespace lifelong {

/// Whether the optimizer's arrays live on when a new task begins.
enum class OptimizerState {
  keep,  ///< they do: the default, see `optimizer::Adam`
  reset  ///< they start at zero, as if the optimizer were made anew for every task
};

/// How `Learner::fit` trains.
struct FitOptions {
  std::size_t epochs = 1;
  std::size_t batch_size = 128;
  bool shuffle = true;     ///< a new order every epoch, a function of seed and epoch; else the order of the source
  std::uint64_t seed = 1;  ///< of the order
  OptimizerState optimizer_state = OptimizerState::keep;
  optimizer::Schedule schedule = {};  ///< of the learning rate over the steps of the call; by default it stays
  /// Continues the last call of `fit` since a task ended where it was interrupted, by an exception or because the
  /// learner comes from a checkpoint that was written in the callback. Examples and the other options are those of that
  /// call.
  bool resume = false;
};

/// Where `Learner::fit` is; handed to its callback after every step.
struct FitProgress {
  std::size_t epoch;  ///< from 0
  std::size_t epochs;
  std::size_t step;   ///< steps done in this call, from 1
  std::size_t steps;  ///< steps of this call in all
  double loss;        ///< mean loss of the batch, before its step
  double penalty;     ///< the penalty's value, before the step
};

/// How `Learner::consolidate` reads a task.
struct ConsolidateOptions {
  std::size_t batch_size = 256;  ///< speed and memory only, except for `importance::BatchFisher`, which it defines
};

/// Loss and penalty of one step, both before the step.
struct StepResult {
  double loss;
  double penalty;
};

namespace detail {

struct NoCallback {
  void operator()(const FitProgress&) const {}
};

/// Steps of so many epochs. \throws InvalidArgument if they are too many to count.
inline std::size_t steps_of(std::size_t epochs, std::size_t batches) {
  if (epochs > static_cast<std::size_t>(-1) / batches)
    raise<InvalidArgument>("fit: " + std::to_string(epochs) + " epochs of " + std::to_string(batches) +
                           " batches are more steps than can be counted");
  return epochs * batches;
}

/// Sets a flag for as long as it lives.
class Flag {
 public:
  Flag(bool& flag, bool value) : flag_(flag) { flag_ = value; }
  ~Flag() { flag_ = false; }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;

 private:
  bool& flag_;
};

/// Says that a call of `fit` is running. \throws InvalidArgument if one is running already.
class Occupied : Flag {
 public:
  explicit Occupied(bool& flag) : Flag(free(flag), true) {}

 private:
  static bool& free(bool& flag) {
    if (flag) raise<InvalidArgument>("fit: the learner is in the middle of another call of fit, which called this one");
    return flag;
  }
};

/// Lets an optimizer's learning rate follow a schedule, and gives it back at the end.
template <class Optimizer>
class ScheduledRate {
 public:
  /// \throws InvalidArgument as the schedule, or if the rate is to change and there is none.
  /// `unscheduled` holds the optimizer's own rate meanwhile.
  ScheduledRate(Optimizer& optimizer, std::optional<double>& unscheduled, optimizer::Schedule schedule,
                std::size_t steps)
      : optimizer_(optimizer), unscheduled_(unscheduled), schedule_(schedule), changes_(schedule.changes()) {
    changes_ = changes_ && steps > 0;
    if (!changes_) return;
    if (schedule_.steps == 0) schedule_.steps = steps;
    schedule_.validate();
    if constexpr (requires { optimizer.learning_rate; })
      unscheduled_ = optimizer.learning_rate;
    else
      raise<InvalidArgument>("FitOptions.schedule needs an optimizer with a learning_rate");
  }
  ScheduledRate(const ScheduledRate&) = delete;
  ScheduledRate& operator=(const ScheduledRate&) = delete;
  ~ScheduledRate() {
    set(1);
    unscheduled_.reset();
  }

  /// The rate of step `step` of the call, from 0.
  void begin_step(std::size_t step) {
    if (changes_) set(schedule_(step));
  }

 private:
  void set(double share) {
    if constexpr (requires { optimizer_.learning_rate; })
      if (changes_) optimizer_.learning_rate = *unscheduled_ * share;
  }

  Optimizer& optimizer_;
  std::optional<double>& unscheduled_;
  optimizer::Schedule schedule_;
  bool changes_;
};

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
