// SPDX-License-Identifier: MIT
// How a learner trains and consolidates, and what it tells about it.
#pragma once

#include <cstddef>
#include <cstdint>

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

/// Lets an optimizer's learning rate follow a schedule, and gives it back at the end.
template <class Optimizer>
class ScheduledRate {
 public:
  /// \throws InvalidArgument as the schedule, or if the rate is to change and there is none.
  ScheduledRate(Optimizer& optimizer, optimizer::Schedule schedule, std::size_t steps)
      : optimizer_(optimizer), schedule_(schedule), changes_(schedule.changes()) {
    changes_ = changes_ && steps > 0;
    if (!changes_) return;
    if (schedule_.steps == 0) schedule_.steps = steps;
    schedule_.validate();
    if constexpr (requires { optimizer.learning_rate; })
      rate_ = optimizer.learning_rate;
    else
      raise<InvalidArgument>("FitOptions.schedule needs an optimizer with a learning_rate");
  }
  ScheduledRate(const ScheduledRate&) = delete;
  ScheduledRate& operator=(const ScheduledRate&) = delete;
  ~ScheduledRate() { set(1); }

  /// The rate of step `step` of the call, from 0.
  void begin_step(std::size_t step) {
    if (changes_) set(schedule_(step));
  }

 private:
  void set(double share) {
    if constexpr (requires { optimizer_.learning_rate; })
      if (changes_) optimizer_.learning_rate = rate_ * share;
  }

  Optimizer& optimizer_;
  optimizer::Schedule schedule_;
  bool changes_;
  double rate_ = 0;
};

}  // namespace detail
}  // namespace lifelong
