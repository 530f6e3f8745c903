// SPDX-License-Identifier: MIT
// The composition: any model, importance, penalty and optimizer as one learner.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/importance/estimation.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/policy.hpp>
#include <lifelong/importance/scope.hpp>
#include <lifelong/learner/consolidation.hpp>
#include <lifelong/learner/options.hpp>
#include <lifelong/learner/roles.hpp>
#include <lifelong/learner/structured.hpp>
#include <lifelong/learner/trainer.hpp>
#include <lifelong/penalty/none.hpp>
#include <lifelong/penalty/policy.hpp>
#include <lifelong/stream/loader.hpp>

namespace lifelong {

/// Learns task after task: minimises L(θ) + penalty(Ω, θ*), where the importance Ω and the anchor θ* are renewed by
/// `consolidate` whenever the user says that a task ends. The parts are types, so one step is one loop over the
/// parameters; their arrays belong to the learner, lie where the backend wants them, and are zero at first.
///
/// Order of a step: the gradient (of the model, or of a rehearsal), a check that it is finite, then the fused pass
/// (penalty, optimizer, path importance). No allocation per step after the first of its size. Same binary and processor
/// type: bitwise the same result for any number of threads. A learner is not shared between threads; learners do not
/// share anything.
///
/// An error leaves the learner as it was before the call that threw (`fit`: before the step that threw): parameters,
/// importances, the optimizer's arrays, running statistics and random numbers. A step that might overflow, because of a
/// huge gradient, learning rate or importance, is taken with a way back, which costs a copy of all arrays; an optimizer
/// of your own that overflows on ordinary numbers is reported in the same step, but not undone.
///
/// The first four parts satisfy `ParameterModel`, `ImportancePolicy`, `PenaltyPolicy` and `OptimizerPolicy`; `fit` and
/// `step(batch)` take a `DifferentiableModel`. Further parts follow in any order, at most one of each: an
/// `ExecutionBackend` (else `backend::Serial`), a `RehearsalPolicy` (else none), a `MemoryLimit` (else none).
template <class Model, class Importance, class Penalty, class Optimizer, class... Further>
class Learner : public Trainer<Model, Importance, Penalty, Optimizer, Further...> {
  using Base = Trainer<Model, Importance, Penalty, Optimizer, Further...>;
  using T = typename Model::value_type;

  static_assert(
      StructuredPenalty<Penalty> || !detail::estimates_its_own<Importance>,
      "StructuredPenalty: this importance estimates more than one value per parameter and needs a penalty with "
      "State<T>, such as nn::KroneckerPenalty");
  static_assert(!StructuredPenalty<Penalty> || detail::estimates_its_own<Importance>,
                "ImportancePolicy: a penalty with State<T> needs an importance with Estimate<T>, such as "
                "nn::KroneckerFisher");
  static_assert(!ImplicitPenalty<Penalty> || detail::has_rate<Optimizer>,
                "an implicit penalty needs the optimizer's step size: its kernel has to have V rate<V>(i)");
  static_assert(detail::is_estimated<Importance, Model> || detail::has_contribution<Importance>,
                "ImportancePolicy: the importance needs estimate(model, batch, estimation) const, or "
                "kernel<T>(arrays, clock) const which returns a kernel with contribution(i, theta, estimate)");

  /// True if what the importance estimates of its own kind can leave parameters out.
  static constexpr bool restricts_factors =
      NamedModel<Model> && requires(const Importance& importance, const Scope& scope, const Layout& layout,
                                    detail::EstimateOf<Importance, T>& own) {
    importance.restrict_to(scope, layout, own);
  };

  /// True if data alone say what Ω is, and no path that a task's end would have to close.
  static constexpr bool updates_from_data =
      AnchoredPenalty<Penalty> && detail::is_estimated<Importance, Model> && !detail::has_contribution<Importance>;

 public:
  using typename Base::Backend;
  using typename Base::Rehearsal;
  using typename Base::State;

  /// Takes its parts over; further parts that are not given are made by default. \throws InvalidArgument for a setting
  /// outside its domain, or an importance that does not fit the model's loss or outputs; OutOfMemory if its arrays do
  /// not fit into memory, or not into the limit.
  explicit Learner(Model model, Importance importance, Penalty penalty, Optimizer optimizer, Further... further)
      : Base(std::move(model), std::move(importance), std::move(penalty), std::move(optimizer),
             detail::part_or_default<Backend>(further...), detail::part_or_default<Rehearsal>(further...),
             detail::part_or_default<MemoryLimit>(further...)) {}
  /// The same with all further parts made by default.
  explicit Learner(Model model, Importance importance, Penalty penalty,
                   Optimizer optimizer) requires(sizeof...(Further) > 0)
      : Learner(std::move(model), std::move(importance), std::move(penalty), std::move(optimizer), Further{}...) {}

  /// Ends a task: estimates the importance on it, merges it into Ω and moves the anchor to where θ is now. The task is
  /// an `ExampleSource`, or a range of batches of the model's own kind, which is walked once and whose empty batches
  /// count nothing. Without a task, for an importance that needs no data, such as Synaptic Intelligence.
  /// \throws InvalidArgument for a task without examples, NumericError if an importance is not finite.
  template <class Task>
  void consolidate(Task&& task, const ConsolidateOptions& options = {}) {
    over_batches(task, options, "consolidate", [&](auto&& batches) { end_task(batches); });
  }
  /// Ends a task whose importance needs no data, such as Synaptic Intelligence.
  void consolidate() requires(!detail::is_estimated<Importance, Model>) {
    this->require_same_model();
    end_task(std::array<Batch<T>, 0>{});
  }

  /// Renews the importance from data as it arrives, labelled or not, between tasks or without any: Ω ← keep Ω + add F,
  /// F estimated on `task` (as in `consolidate`) at the present θ; no task is counted. The anchor stays: it says where
  /// the past wants θ to be, and a θ in the middle of learning is no such place. Moving the anchor there would give up
  /// what was lost since. So all of Ω pulls to θ*, with anchors per task to their mean ā, as if F's own anchor lay
  /// there. Before the first task has ended, θ* is θ as the learner was given it. Unlike a task's, repeated updates
  /// need a `keep` below 1, or Ω grows without end: {.keep = 1 - a, .add = a} is a running mean. Aljundi 2018 (MAS on
  /// unlabelled data), `importance::Mas`. \throws InvalidArgument without examples or for a weight below 0,
  /// NumericError if an importance is not finite.
  template <class Task>
  void update_importance(Task&& task, const importance::MergeWeights& weights = {},
                         const ConsolidateOptions& options = {}) requires updates_from_data {
    detail::require_at_least("MergeWeights.keep", weights.keep, 0);
    detail::require_at_least("MergeWeights.add", weights.add, 0);
    over_batches(task, options, "update_importance", [&](auto&& batches) {
      std::size_t samples = 0;
      estimate(batches, "update_importance", samples);
      clear_out_of_scope();
      const T* anchor = this->state_.penalty.template get<Penalty::anchored.anchor>().data();
      check_importance(anchor, weights, "update_importance");
      detail::absorb(this->penalty_, this->state_.penalty, this->loop(), anchor, this->gradient_.data(), weights,
                     this->importance_);
      this->penalty_seen_ = true;
    });
  }

  /// Says which parameters have an importance, from the next consolidation on: outside it is 0. `set_importance` is not
  /// bound by it. \throws InvalidArgument for a name that no block has.
  void restrict_importance(Scope scope) {
    static_assert(NamedModel<Model>, "NamedModel: a scope needs the model's layout(), which names its parameters");
    static_assert(!StructuredPenalty<Penalty> || restricts_factors,
                  "ImportancePolicy: a scope needs the importance's restrict_to(scope, layout, estimate) const");
    const std::string unknown = scope.unknown_name(std::as_const(this->model_).layout());
    if (!unknown.empty()) detail::raise<InvalidArgument>("Scope: the model has no parameters named " + unknown);
    scope_ = std::move(scope);
  }
  /// Which parameters have an importance.
  [[nodiscard]] const Scope& scope() const { return scope_; }

  /// Gives the model `outputs` new outputs when classes arrive. Old parameters, importances, anchors and the
  /// optimizer's arrays stay; of the new parameters the importance is 0 and the anchor where they start. \throws what
  /// the model's `grow` throws, and OutOfMemory; then nothing has changed.
  void grow(std::size_t outputs) {
    static_assert(GrowingModel<Model>, "GrowingModel: the model needs grow(outputs), which appends their parameters");
    this->require_same_model();
    Model grown = this->model_;
    grown.grow(outputs);
    const std::size_t before = this->parameter_count(), after = grown.parameters().size();
    this->require_within_limit(after);
    detail::with_memory([&] { this->reserve(after); }, [&] { return State::bill(after) + ", more than there is"; });
    this->model_ = std::move(grown);
    this->resize(after);
    this->start_parameters(before);
    this->penalty_seen_ = this->parameters_seen_ = true;
  }

  /// One line for a paper's table of settings: every choice that the numbers depend on.
  [[nodiscard]] std::string recipe() const {
    std::string line = this->recipe_of_parts();
    if (scope_.text() != Scope::all().text()) line += "; importance of " + scope_.text();
    if (this->state_.estimated_on > 0)
      line += "; estimated on " + std::to_string(this->state_.estimated_on) + " samples";
    return line;
  }

 private:
  /// Calls `body` with the task as a range of batches.
  template <class Task, class Body>
  void over_batches(Task&& task, const ConsolidateOptions& options, const char* call, const Body& body) {
    this->require_same_model();
    if constexpr (ExampleSource<Task, T>) {
      this->require_task(task, options.batch_size, call);
      detail::require_end(task.size(), call);
      body(detail::batches_for<Model>(task, options.batch_size, this->buffer_, this->backend_));
    } else {
      static_assert(detail::require_batches<Task, T>());
      if constexpr (!detail::is_estimated<Importance, Model>)  // then the range is not walked
        if (!(task.begin() != task.end()))
          detail::raise<InvalidArgument>(std::string(call) + ": the task has no examples");
      body(task);
    }
  }

  /// The importance of the samples of all batches: into `gradient_`, or returned if it is of its own kind.
  template <class Batches>
  auto estimate(Batches& batches, const char* call, std::size_t& samples) {
    return detail::with_memory(
        [&] {
          return detail::estimate_over(this->importance_, this->model_, batches, this->loop(), this->gradient(), call,
                                       samples);
        },
        [&] { return State::bill(this->parameter_count()) + ", and to estimate their importance more than there is"; });
  }
  void clear_out_of_scope() {
    detail::clear_out_of_scope(this->loop(), scope_, std::as_const(this->model_), this->gradient());
  }

  /// Checks the task's importances, which are in `gradient_`, before they are merged into Ω as those of a task that
  /// ended at `theta`.
  LIFELONG_RARE void check_importance(const T* theta, const importance::MergeWeights& weights, const char* call) {
    this->check_finite({theta, this->parameter_count()}, "");
    this->check_finite(this->gradient(), "the importance of ");
    if (!wants_zeros() && detail::all_zero(this->loop(), this->gradient_.data())) refuse_zeros(call);
    const detail::Found overflow = detail::find_overflow(this->penalty_, this->state_.penalty, this->loop(), theta,
                                                         this->gradient_.data(), weights, this->importance_);
    if (overflow.any)
      detail::raise<NumericError>(
          std::string(call) + ": the importance of " + detail::describe(this->model_, overflow.index) +
          ", or its penalty, would be more than the largest number, together with the tasks before");
  }
  /// True if importances of 0 are no mistake: no penalty uses them, or the importance is 0 by its settings.
  [[nodiscard]] bool wants_zeros() const {
    if constexpr (std::is_same_v<Penalty, penalty::None>)
      return true;
    else if constexpr (requires { this->importance_.wants_zeros(); })
      return this->importance_.wants_zeros();
    else
      return false;
  }
  [[noreturn]] LIFELONG_RARE void refuse_zeros(const char* call) {
    detail::raise<NumericError>(
        std::string(call) + ": the importance of all " + std::to_string(this->parameter_count()) +
        " parameters is 0, so nothing of this task would be protected. " +
        (detail::has_contribution<Importance>
             ? "It is gathered while the learner takes steps: have they moved anything in this task?"
             : "Does the importance fit the outputs of the model and its loss, and does the "
               "scope leave any parameter?"));
  }

  /// Nothing is changed before all importances are known to be finite.
  template <class Batches>
  void end_task(Batches&& batches) {
    if constexpr (requires { this->penalty_.require_end(this->state_.penalty.numbers(), this->state_.tasks); })
      this->penalty_.require_end(this->state_.penalty.numbers(), this->state_.tasks);
    std::size_t samples = 0;
    const importance::MergeWeights weights = this->importance_.merge.weights(this->state_.tasks);
    if constexpr (StructuredPenalty<Penalty>) {
      auto factors = estimate(batches, "consolidate", samples);
      if constexpr (restricts_factors)
        this->importance_.restrict_to(scope_, std::as_const(this->model_).layout(), factors);
      if constexpr (requires { this->penalty_.require_some(factors); }) this->penalty_.require_some(factors);
      this->check_finite({this->theta(), this->parameter_count()}, "");
      const std::span<const T> theta(this->theta(), this->parameter_count());
      detail::with_memory(
          [&] {
            this->penalty_.absorb(this->state_.penalty, factors,
                                  detail::on_host<T>(this->backend_, theta, this->staging_), weights);
          },
          [&] {
            return State::bill(this->parameter_count()) + ", and the factors of the importance more than there is";
          });
    } else {
      if constexpr (detail::is_estimated<Importance, Model>) estimate(batches, "consolidate", samples);
      const auto kernel = this->final_importance_kernel();
      detail::contribute(this->loop(), this->theta(), this->gradient(), kernel);
      clear_out_of_scope();
      check_importance(this->theta(), weights, "consolidate");
      detail::absorb(this->penalty_, this->state_.penalty, this->loop(), this->theta(), this->gradient_.data(), weights,
                     this->importance_);
      detail::settle(
          this->penalty_, this->state_.penalty, [&](const auto& each) { this->over_learning(each); }, this->theta(),
          this->state_.tasks);
      detail::restart(this->loop(), this->theta(), this->gradient_.data(), kernel);
    }
    this->rehearsal_.end_task(this->state_.rehearsal, this->model_);
    this->penalty_seen_ = true;
    ++this->state_.tasks;
    this->state_.task_steps = 0;
    this->state_.fit_steps = 0;
    this->state_.estimated_on = samples;
  }

  Scope scope_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
