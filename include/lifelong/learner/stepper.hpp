// SPDX-License-Identifier: MIT
// The arrays of a learner, and what a step does with them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/elementwise.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/learner/finite.hpp>
#include <lifelong/learner/kernels.hpp>
#include <lifelong/learner/not_copied.hpp>
#include <lifelong/learner/ordinary.hpp>
#include <lifelong/learner/parts.hpp>
#include <lifelong/learner/state.hpp>
#include <lifelong/learner/structured.hpp>
#include <lifelong/penalty/policy.hpp>

namespace lifelong {

/// Steps with gradients that are given, and the arrays behind them. Base of `Learner`, which adds batches and tasks;
/// its members are the learner's.
template <class... PartTypes>
class Stepper : public LearnerParts<PartTypes...> {
  using Parts = LearnerParts<PartTypes...>;
  using T = typename Parts::Model::value_type;
  static constexpr bool on_device = DeviceBackend<typename Parts::Backend>;

 public:
  using value_type = T;
  using typename Parts::Backend;
  using typename Parts::Importance;
  using typename Parts::Penalty;
  using State = LearnerState<Parts>;

  /// Takes one step with a gradient of the task's loss, which is as long as the parameters, lies where they lie, and
  /// does not include the penalty. This is for people with a training loop of their own. Returns the penalty's value
  /// before the step. \throws ShapeMismatch for another length, NumericError naming the parameter if the gradient is
  /// not finite, or if the step would leave a parameter or an array of a policy that is not. Then nothing has changed.
  double step(std::span<const T> gradient) {
    require_same_model();
    detail::require_size("gradient", gradient.size(), parameter_count());
    const double structured = structured_gradient();
    bool ordinary = is_ordinary(gradient, "the gradient of ");
    if constexpr (StructuredPenalty<Penalty>)
      ordinary = is_ordinary({penalty_gradient_.data(), parameter_count()}, "the penalty's gradient of ") && ordinary;
    if (!(ordinary && is_ordinary())) return step_carefully(gradient, structured);
    const double value = take_step(gradient, structured);
    if (!detail::is_finite(value)) detail::raise<NumericError>(fault_of_step(value));
    return value;
  }

  /// θ. With a `DeviceBackend` its elements are not for the host to read.
  [[nodiscard]] std::span<T> parameters() {
    parameters_seen_ = true;
    return this->model_.parameters();
  }

  /// The learner's own array for gradients, where the backend has its arrays: written by you and handed to `step`, it
  /// saves one of yours. Other calls overwrite it.
  [[nodiscard]] std::span<T> gradient() { return {gradient_.data(), gradient_.size()}; }

  /// The penalty's value at the present parameters, λ and ½ included.
  [[nodiscard]] double penalty_value() {
    require_same_model();
    const double structured = structured_gradient();
    return elementwise_penalty() + penalty_constant() + structured;
  }

  /// Forgets the optimizer's arrays and step count.
  void reset_optimizer() {
    state_.optimizer.clear();
    state_.optimizer_steps = 0;
  }

  /// Ω, as long as the parameters; 0 before the first task has ended. Elements are T, or of a compact penalty
  /// `Bfloat16`, which turn into float by themselves. For backends on the host; `copy_importance` is for all.
  [[nodiscard]] auto importance() const requires(AnchoredPenalty<Penalty> && !on_device) {
    return std::span(state_.penalty.template get<Penalty::anchored.importance>());
  }
  /// θ*, as long as the parameters. For backends on the host.
  [[nodiscard]] std::span<const T> anchor() const requires(AnchoredPenalty<Penalty> && !on_device) {
    return state_.penalty.template get<Penalty::anchored.anchor>();
  }
  /// Copies Ω to the host. \throws ShapeMismatch unless `out` is as long as the parameters.
  void copy_importance(std::span<T> out) requires AnchoredPenalty<Penalty> {
    require_same_model();
    detail::require_size("the array for the importance", out.size(), parameter_count());
    auto& omega = state_.penalty.template get<Penalty::anchored.importance>();
    using Omega = std::remove_pointer_t<decltype(omega.data())>;
    loop().each(detail::Copy<T, Omega, T>{omega.data(), gradient_.data()});
    detail::copy_out(this->backend_, gradient_.data(), out, "the importance");
  }

  /// Sets Ω by hand, one value per parameter, on the host, and the anchor to where θ is now.
  /// \throws ShapeMismatch for another length, NumericError for a value that is not finite, also in the type that Ω is
  /// kept in.
  void set_importance(std::span<const T> importance) requires AnchoredPenalty<Penalty> {
    require_same_model();
    detail::require_size("importance", importance.size(), parameter_count());
    detail::copy_in(this->backend_, importance, gradient_.data(), "the importance");
    auto& omega = state_.penalty.template get<Penalty::anchored.importance>();
    using Omega = std::remove_pointer_t<decltype(omega.data())>;
    const detail::Found bad = detail::find_beyond(loop(), gradient_.data(), detail::largest<T, Omega>());
    if (bad.any) refuse_importance(bad);
    penalty_seen_ = true;
    loop().each(detail::Copy<T, T, Omega>{gradient_.data(), omega.data()});
    loop().each(detail::Copy<T>{theta(), state_.penalty.template get<Penalty::anchored.anchor>().data()});
    state_.penalty.numbers() = {};
  }

  /// Copies to the host the parameters to use for task number `task`, from 0: θ, unless the penalty says otherwise for
  /// tasks with parameters of their own that have ended. \throws ShapeMismatch unless `out` is as long as the
  /// parameters.
  void copy_parameters(std::size_t task, std::span<T> out) {
    require_same_model();
    detail::require_size("the array for the parameters", out.size(), parameter_count());
    const auto penalty = penalty_kernel();
    using Kernel = std::remove_const_t<decltype(penalty)>;
    if constexpr (detail::kernel_knows_tasks<Kernel, T>) {
      if (task >= state_.tasks)
        return detail::copy_out(this->backend_, static_cast<const T*>(theta()), out, "the parameters");
      loop().each(detail::TaskParameters<T, Kernel>{theta(), gradient_.data(), penalty, task});
      detail::copy_out(this->backend_, static_cast<const T*>(gradient_.data()), out, "the parameters");
    } else {
      detail::copy_out(this->backend_, static_cast<const T*>(theta()), out, "the parameters");
    }
  }

  /// All that the learner remembers beside its model and settings. A state of a learner of the same types, settings and
  /// number of parameters may be assigned to it.
  [[nodiscard]] State& state() {
    require_same_model();
    penalty_seen_ = parameters_seen_ = true;
    return state_;
  }

  /// Tasks consolidated so far.
  [[nodiscard]] std::size_t tasks() const { return state_.tasks; }

  /// Bytes kept between steps beside the parameters and their gradient: importance, anchor, path, optimizer arrays,
  /// memories. Does not grow with the number of tasks, unless a part keeps something of each
  /// (`nn::KroneckerSum::exact`).
  [[nodiscard]] std::size_t state_bytes() const { return state_.bytes(); }

  /// Bytes of memory per parameter, the model's parameters and the gradient included: 4 bytes for each array of float,
  /// 2 for each in bfloat16. Not included: what the model keeps beside its parameters, batches, what
  /// estimators take while they work, and a state that is not made of named arrays.
  [[nodiscard]] static constexpr std::size_t bytes_per_parameter() { return State::bytes_per_parameter(); }

 protected:
  Stepper(typename Parts::Model model, Importance importance, Penalty penalty, typename Parts::Optimizer optimizer,
          Backend backend, typename Parts::Rehearsal rehearsal, MemoryLimit limit)
      : Parts(std::move(model), std::move(importance), std::move(penalty), std::move(optimizer), std::move(backend),
              std::move(rehearsal), limit) {
    require_within_limit(parameter_count());
    detail::with_memory([&] { resize(parameter_count()); },
                        [&] { return State::bill(parameter_count()) + ", more than there is"; });
    start_parameters(0);
  }

  LIFELONG_RARE void reserve(std::size_t parameters) {
    state_.reserve(parameters);
    gradient_.reserve(parameters);
    partials_.reserve(chunk_count(parameters));
  }
  /// New elements are zero.
  LIFELONG_RARE void resize(std::size_t parameters) {
    state_.resize(parameters);
    gradient_.resize(parameters);
    partials_.resize(chunk_count(parameters));
  }
  void require_within_limit(std::size_t parameters) const {
    if (this->limit_.bytes != MemoryLimit{}.bytes && parameters > this->limit_.bytes / bytes_per_parameter())
      refuse_size(parameters);
  }
  [[noreturn]] LIFELONG_RARE void refuse_size(std::size_t parameters) const {
    detail::raise<OutOfMemory>(State::bill(parameters) + ", and the limit is " +
                               detail::bytes_text(static_cast<double>(this->limit_.bytes)));
  }

  /// \throws ShapeMismatch if the model has changed its size behind the learner's back.
  void require_same_model() {
    if (parameter_count() != gradient_.size()) refuse_other_size();
  }
  [[noreturn]] LIFELONG_RARE void refuse_other_size() {
    detail::raise<ShapeMismatch>("the model has " + std::to_string(parameter_count()) +
                                 " parameters where the learner has arrays for " + std::to_string(gradient_.size()) +
                                 ": let learner.grow(outputs) grow it, or make a new learner");
  }

  [[nodiscard]] std::size_t parameter_count() { return this->model_.parameters().size(); }
  [[nodiscard]] T* theta() { return this->model_.parameters().data(); }
  [[nodiscard]] Loop<T, Backend> loop() { return {this->backend_, parameter_count(), std::span<double>(partials_)}; }

  /// Runs a kernel over the parameters that learn; returns the sum of what it returned.
  template <class Kernel>
  double over_learning(const Kernel& kernel) {
    const Loop<T, Backend> all = loop();
    if constexpr (FreezableModel<typename Parts::Model>) {
      double total = 0;
      for (const ParameterRange range : this->model_.learning()) total += all.range(range.first, range.end, kernel);
      return total;
    } else {
      return all(kernel);
    }
  }

  [[nodiscard]] auto penalty_kernel() {
    if constexpr (StructuredPenalty<Penalty>)
      return detail::GivenGradient<T>{penalty_gradient_.data()};
    else
      return this->penalty_.template kernel<T>(state_.penalty.pointers());
  }
  [[nodiscard]] auto importance_kernel(std::uint64_t step) {
    if constexpr (detail::has_contribution<Importance>)
      return this->importance_.template kernel<T>(state_.importance.pointers(), Clock{step, state_.tasks});
    else
      return detail::NothingGathered{};
  }
  [[nodiscard]] auto final_importance_kernel() {
    if constexpr (detail::has_contribution<Importance>)
      return detail::final_kernel_of<T>(this->importance_, state_.importance.pointers(),
                                        Clock{state_.task_steps, state_.tasks}, loop());
    else
      return detail::NothingGathered{};
  }

  /// The kernel of step number `step`, number `task_step` of the task.
  template <bool checks>
  [[nodiscard]] auto fused_step(std::span<const T> gradient, std::uint64_t step, std::uint64_t task_step) {
    const auto optimizer = this->optimizer_.template kernel<T>(state_.optimizer.pointers(), step);
    const auto importance = importance_kernel(task_step);
    const auto penalty = penalty_kernel();
    return detail::FusedStep<T, std::remove_const_t<decltype(optimizer)>, std::remove_const_t<decltype(penalty)>,
                             std::remove_const_t<decltype(importance)>, checks>{theta(), gradient.data(), optimizer,
                                                                                penalty, importance};
  }

  /// Gradient of a structured penalty into its array; returns the value. Nothing for the others.
  double structured_gradient() {
    if constexpr (StructuredPenalty<Penalty>)
      return detail::structured_gradient(this->penalty_, state_.penalty, this->backend_,
                                         std::span<const T>(this->parameters()), penalty_gradient_, staging_);
    else
      return 0;
  }
  [[nodiscard]] double penalty_constant() const {
    if constexpr (requires { this->penalty_.constant(state_.penalty.numbers()); })
      return this->penalty_.constant(state_.penalty.numbers());
    else
      return 0;
  }

  void check_finite(std::span<const T> values, const char* what) {
    detail::require_finite(loop(), values, what, this->model_, state_.optimizer_steps + 1);
  }
  [[noreturn]] LIFELONG_RARE void refuse_importance(const detail::Found& bad) {
    detail::raise<NumericError>(
        detail::sentence_of("the importance of ", this->model_, bad, state_.optimizer_steps + 1));
  }

  /// Sets the anchor and the start of the path of the parameters from `first` on to where they are.
  void start_parameters(std::size_t first) {
    const Loop<T, Backend> all = loop();
    if constexpr (AnchoredPenalty<Penalty>)
      all.each_of(first, all.size(),
                  detail::Copy<T>{theta(), state_.penalty.template get<Penalty::anchored.anchor>().data()});
    const auto kernel = importance_kernel(0);
    using Kernel = std::remove_const_t<decltype(kernel)>;
    if constexpr (detail::kernel_restarts<Kernel, T>) {
      all.each_of(first, all.size(), detail::Fill<T>{gradient_.data(), T(0)});
      all.each_of(first, all.size(), detail::Restart<T, Kernel>{theta(), gradient_.data(), kernel});
    }
  }

  /// True if settings, θ and the penalty are such that no step on an ordinary gradient can overflow.
  bool is_ordinary() {
    using Ordinary = detail::Ordinary<T>;
    if (penalty_seen_) {
      penalty_seen_ = false;
      pull_is_ordinary_ = pulls_ordinarily();
      last_penalty_ = elementwise_penalty();
    } else if (parameters_seen_ && ImplicitPenalty<Penalty>) {
      last_penalty_ = elementwise_penalty();  // its pull has no bound
    }
    if (parameters_seen_) parameters_seen_ = loop()(detail::CountBeyond<T>{theta(), Ordinary::parameter}) != 0;
    return !parameters_seen_ && pull_is_ordinary_ && detail::is_within(last_penalty_, Ordinary::penalty) &&
           detail::has_ordinary_rates<T>(this->optimizer_);
  }

  State state_;
  ArrayOf<Backend, T> gradient_;
  ArrayOf<Backend, T> penalty_gradient_;  // of a structured penalty alone
  AlignedVector<T> staging_;              // for a structured penalty whose backend is not the host's
  std::vector<double> partials_;
  detail::NotCopied<bool> reset_optimizer_first_;  // the next step that is taken begins with an optimizer like new
  bool penalty_seen_ = false;                      // Ω, θ* or λ may be others than in the last step
  bool parameters_seen_ = true;                    // and so may θ
  double last_penalty_ = 0;                        // without what does not depend on θ

 private:
  LIFELONG_ONE_COPY double take_step(std::span<const T> gradient, double structured) {
    if (reset_optimizer_first_.value) reset_optimizer();
    reset_optimizer_first_.value = false;
    last_penalty_ = over_learning(fused_step<false>(gradient, state_.optimizer_steps + 1, state_.task_steps + 1));
    ++state_.optimizer_steps;
    ++state_.task_steps;
    return last_penalty_ + penalty_constant() + structured;
  }

  /// True if all values are ordinary. \throws NumericError if one is not even finite.
  bool is_ordinary(std::span<const T> values, const char* what) {
    if (loop()(detail::CountBeyond<T>{values.data(), detail::Ordinary<T>::gradient}) == 0) return true;
    check_finite(values, what);
    return false;
  }
  /// The penalty's value without what does not depend on θ or is structured.
  double elementwise_penalty() {
    const auto penalty = penalty_kernel();
    return loop()(detail::PenaltyValue<T, std::remove_const_t<decltype(penalty)>>{theta(), penalty});
  }
  bool pulls_ordinarily() {
    if constexpr (AnchoredPenalty<Penalty> && !ImplicitPenalty<Penalty>) {
      const auto kernel = penalty_kernel();
      const T* anchor = state_.penalty.template get<Penalty::anchored.anchor>().data();
      return loop()(detail::CountPullsBeyond<T, std::remove_const_t<decltype(kernel)>>{anchor, kernel,
                                                                                       detail::Ordinary<T>::pull}) == 0;
    } else {
      return true;
    }
  }

  /// Takes a step that might overflow, and takes it back if it does. It costs a copy of all arrays.
  LIFELONG_RARE double step_carefully(std::span<const T> gradient, double structured) {
    const auto out_of_memory = [&] {
      return State::bill(parameter_count()) + ", and for a step that may overflow as much again";
    };
    ArrayOf<Backend, T> parameters;
    State before = detail::with_memory(
        [&] {
          parameters.resize(parameter_count());
          return state_;
        },
        out_of_memory);
    loop().each(detail::Copy<T>{theta(), parameters.data()});
    const bool reset = reset_optimizer_first_.value;
    const double value = take_step(gradient, structured);
    const std::string fault = fault_of_step(value);
    if (fault.empty()) return value;
    loop().each(detail::Copy<T>{parameters.data(), theta()});
    state_ = std::move(before);
    reset_optimizer_first_.value = reset;
    penalty_seen_ = true;
    detail::raise<NumericError>(fault);
  }

  /// What is not finite after a step that has been taken, as a sentence; empty if all is well.
  LIFELONG_RARE std::string fault_of_step(double value) {
    const std::uint64_t step = state_.optimizer_steps;
    std::string fault;
    const auto look = [&](const std::string& what, const auto* values) {
      if (!fault.empty()) return;
      const detail::Found found = detail::find_beyond(loop(), values);
      if (found.any)
        fault = detail::sentence_of(what.c_str(), this->model_, found, step).insert(0, "the step was too large: ");
    };
    look("", static_cast<const T*>(theta()));
    state_.visit(
        [&]<class Values>(const std::string& name, Values& values) {
          if constexpr (std::is_same_v<Values, ArrayOf<Backend, T>> ||
                        std::is_same_v<Values, ArrayOf<Backend, Bfloat16>>)
            if (values.size() == parameter_count()) look(name + " of ", std::as_const(values).data());
        },
        [](const std::string&, auto&) {});
    if (fault.empty() && !detail::is_finite(value))
      fault = "the penalty is " + detail::text(value) + " in step " + std::to_string(step);
    return fault;
  }

  bool pull_is_ordinary_ = true;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
