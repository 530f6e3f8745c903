// SPDX-License-Identifier: MIT
// Steps that a device takes while the host goes on.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include <lifelong/backend/backend.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/learner/kernels.hpp>
#include <lifelong/learner/ordinary.hpp>
#include <lifelong/learner/stepper.hpp>
#include <lifelong/penalty/policy.hpp>

namespace lifelong {

/// Adds to a `Stepper` steps that nobody waits for, where the backend can enqueue them. Base of `Learner`; its members
/// are the learner's.
template <class... PartTypes>
class EnqueuedSteps : public Stepper<PartTypes...> {
  using Base = Stepper<PartTypes...>;
  using T = typename Base::value_type;
  static constexpr bool enqueues =
      DeviceBackend<typename Base::Backend> && requires(const typename Base::Backend& backend) {
    backend.take_ledger();
    { backend.is_capturing() } -> std::convertible_to<bool>;
  };

 public:
  /// Enqueues `step(gradient)` on the backend's stream and does not wait: one launch, one pass over the arrays, in
  /// which the gradient is checked as well. A value of the gradient that is not finite, or above 2²⁴, counts as 0, and
  /// `finish_steps` reports it. Ask that at the latest before you read results; the steps count as taken. A call after
  /// the end of a task, or after `parameters()`, waits: it looks whether steps can overflow.
  ///
  /// The call may be captured in a CUDA graph, right after a step that was not. Every run of the graph is then a step
  /// of its own, with its own number (Adam's correction goes on); it costs a call of the host between two kernels. The
  /// learner must stay where it is, and must not be consolidated or grown by other calls while a graph runs.
  ///
  /// A step that might overflow (see `Learner`) is taken by `step`, which waits. \throws ShapeMismatch for another
  /// length; InvalidArgument if such a step is to be captured, or the first one of a learner.
  void enqueue_step(std::span<const T> gradient) requires enqueues {
    static_assert(!StructuredPenalty<typename Base::Penalty>, "a structured penalty finds its gradient on the host");
    this->require_same_model();
    detail::require_size("gradient", gradient.size(), this->parameter_count());
    const bool capturing = this->backend_.is_capturing();
    if (capturing) {
      if (this->penalty_seen_ || this->parameters_seen_)
        detail::raise<InvalidArgument>(
            "enqueue_step: take a step before the one that a graph captures. It looks whether steps can overflow, "
            "which "
            "has to wait for the device");
    } else if (!this->is_ordinary()) {
      finish_steps();
      this->step(gradient);
      return;
    }
    if (this->reset_optimizer_first_.value) this->reset_optimizer();
    this->reset_optimizer_first_.value = false;
    if constexpr (FreezableModel<typename Base::Model>) {
      bool begins = true;
      for (const ParameterRange range : this->model_.learning()) {
        enqueue_range(gradient, range.first, range.end - range.first, begins);
        begins = false;
      }
    } else {
      enqueue_range(gradient, 0, this->parameter_count(), true);
    }
  }

  /// Waits for the steps that were enqueued. Returns the penalty's value before the last of them; that of now if there
  /// were none. \throws NumericError if the gradient of one was not finite or above 2²⁴, or its penalty is not finite;
  /// it names the first such step. The steps are taken all the same, as `enqueue_step` says.
  double finish_steps() requires enqueues {
    const auto ledger = this->backend_.take_ledger();
    if (ledger.steps == 0) return this->penalty_value();
    if (ledger.first_bad > 0) {
      this->penalty_seen_ = this->parameters_seen_ = true;
      const std::uint64_t step = this->state_.optimizer_steps - ledger.steps + ledger.first_bad;
      detail::raise<NumericError>("in step " + std::to_string(step) + ", which was enqueued, " +
                                  "a value of the gradient is not finite or above 2^24, or the penalty is not finite. "
                                  "Such values of the gradient counted as 0. `step` names the parameter");
    }
    this->last_penalty_ = ledger.value;
    return ledger.value + this->penalty_constant();
  }

 protected:
  using Base::Base;

 private:
  void enqueue_range(std::span<const T> gradient, std::size_t first, std::size_t count, bool begins_step) {
    this->backend_.template enqueue<T>(
        first, count,
        [this, gradient, begins_step] {
          if (begins_step) {
            ++this->state_.optimizer_steps;
            ++this->state_.task_steps;
          }
          return this->template fused_step<true>(gradient, this->state_.optimizer_steps, this->state_.task_steps);
        },
        begins_step);
  }
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
