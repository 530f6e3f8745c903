// SPDX-License-Identifier: MIT
// How a learner trains and consolidates, and what it tells about it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include <lifelong/core/error.hpp>
#include <lifelong/optimizer/schedule.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>

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
  optimizer::Schedule schedule = {};       ///< of the learning rate over the steps of the call; by default it stays
  LastBatch last_batch = LastBatch::keep;  ///< what becomes of examples that do not fill a batch
  /// The call ends after so many steps if its epochs do not end before; 0 is no limit. Endless examples need one. The
  /// schedule, unless it has `steps` of its own, spans the steps that epochs and limit allow.
  std::size_t steps = 0;
  /// Continues the last call of `fit` since a task ended where it was interrupted: by a limit in steps, a stop or an
  /// exception, or because the learner comes from a checkpoint that was written in the callback. Examples and the other
  /// options are those of that call, but the limit may be higher: so a task can be trained in portions. Without it a
  /// call is a new one, and begins an epoch that was left in the middle again, in the same order.
  bool resume = false;
};

/// Where `Learner::fit` is; handed to its callback after every step.
struct FitProgress {
  std::size_t epoch;  ///< from 0
  std::size_t epochs;
  std::size_t step;         ///< steps done in this call, from 1
  std::size_t steps;        ///< steps of this call in all
  double loss;              ///< mean loss of the batch, before its step
  double penalty;           ///< the penalty's value, before the step
  std::size_t batches = 0;  ///< steps of an epoch; endless examples have an epoch that does not end

  /// Whether this step was the last of its epoch.
  [[nodiscard]] bool ends_epoch() const { return batches > 0 && step % batches == 0; }
};

/// What a callback of `Learner::fit` returns, unless it returns nothing: whether training goes on.
enum class FitSignal { go_on, stop };

/// How a call of `Learner::fit` ended.
struct FitResult {
  std::size_t steps;  ///< steps done, those before a resumption included
  bool stopped;       ///< true if the callback ended it before its last step
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

/// Hands `progress` to a callback, or an observer. One that returns nothing lets training go on.
template <class OnStep>
FitSignal notify(OnStep& on_step, const FitProgress& progress) {
  using Returned = decltype(on_step(progress));
  static_assert(std::is_void_v<Returned> || std::is_same_v<Returned, FitSignal>,
                "the callback of fit returns nothing, or a FitSignal: FitSignal::stop ends the training");
  if constexpr (std::is_same_v<Returned, FitSignal>) {
    return on_step(progress);
  } else {
    on_step(progress);
    return FitSignal::go_on;
  }
}

/// \throws InvalidArgument for options that leave no step, or no end, of a task of so many examples.
LIFELONG_RARE inline void require_steps(std::size_t examples, const FitOptions& options) {
  if (examples == endless && options.steps == 0)
    raise<InvalidArgument>("fit: the examples are endless; say after how many steps to end: FitOptions.steps");
  if (examples == endless && options.shuffle)
    raise<InvalidArgument>("fit: the examples are endless and cannot be shuffled; say .shuffle = false");
  if (options.last_batch == LastBatch::drop && examples < options.batch_size)
    raise<InvalidArgument>("FitOptions.last_batch: drop leaves no batch of " + std::to_string(examples) +
                           " examples, because the batch_size is " + std::to_string(options.batch_size));
}

/// Steps of so many epochs, at most `limit` if that is not 0. \throws InvalidArgument if they are too many to count.
inline std::size_t steps_of(std::size_t epochs, std::size_t batches, std::size_t limit) {
  const bool countable = epochs <= static_cast<std::size_t>(-1) / batches;
  if (limit > 0 && (!countable || limit < epochs * batches)) return limit;
  if (!countable)
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
