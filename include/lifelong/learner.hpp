// The composition: any model, importance, penalty and optimizer as one learner.
#pragma once

#include <array>
#include <concepts>
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
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/importance/estimation.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/policy.hpp>
#include <lifelong/importance/scope.hpp>
#include <lifelong/learner/consolidation.hpp>
#include <lifelong/learner/finite.hpp>
#include <lifelong/learner/kernels.hpp>
#include <lifelong/learner/options.hpp>
#include <lifelong/learner/parts.hpp>
#include <lifelong/learner/roles.hpp>
#include <lifelong/learner/state.hpp>
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
/// An error leaves the learner as it was before the call that threw (`fit`: before the step that threw). The one
/// exception is a step so large that θ itself overflows, which is reported in the same step but not undone.
///
/// The first four parts satisfy `ParameterModel`, `ImportancePolicy`, `PenaltyPolicy` and `OptimizerPolicy`; `fit` and
/// `step(batch)` take a `DifferentiableModel`. Further parts follow in any order, at most one of each: an
/// `ExecutionBackend` (else `backend::Serial`), a `RehearsalPolicy` (else none), a `MemoryLimit` (else none).
template <class Model, class Importance, class Penalty, class Optimizer, class... Further>
class Learner : public LearnerParts<Model, Importance, Penalty, Optimizer, Further...> {
  using Parts = LearnerParts<Model, Importance, Penalty, Optimizer, Further...>;
  using T = typename Model::value_type;
  using Rehearsal = typename Parts::Rehearsal;
  static constexpr bool on_device = DeviceBackend<typename Parts::Backend>;

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

  /// True if data alone say what Ω is, and no path that a task's end would have to close.
  static constexpr bool updates_from_data =
      AnchoredPenalty<Penalty> && detail::is_estimated<Importance, Model> && !detail::has_contribution<Importance>;

 public:
  using value_type = T;
  using Backend = typename Parts::Backend;
  using State = LearnerState<Parts>;

  /// Takes its parts over; further parts that are not given are made by default. \throws InvalidArgument for a setting
  /// outside its domain, OutOfMemory if its arrays do not fit into memory, or not into the limit.
  explicit Learner(Model model, Importance importance, Penalty penalty, Optimizer optimizer, Further... further)
      : Learner(std::move(model), std::move(importance), std::move(penalty), std::move(optimizer),
                detail::part_or_default<Backend>(further...), detail::part_or_default<Rehearsal>(further...),
                detail::part_or_default<MemoryLimit>(further...), Made{}) {}
  explicit Learner(Model model, Importance importance, Penalty penalty,
                   Optimizer optimizer) requires(sizeof...(Further) > 0)
      : Learner(std::move(model), std::move(importance), std::move(penalty), std::move(optimizer), Further{}...) {}

  /// Takes one step with a gradient of the task's loss, as long as the parameters and not penalised: the three lines
  /// for people with a training loop of their own. It lies where the parameters do. Returns the penalty's value before
  /// the step. \throws ShapeMismatch for another length, NumericError naming the parameter if the gradient is not
  /// finite.
  double step(std::span<const T> gradient) {
    detail::require_size("gradient", gradient.size(), parameter_count());
    check_finite(gradient, "the gradient of ");
    const double structured = structured_gradient();
    const auto optimizer = this->optimizer_.template kernel<T>(state_.optimizer.pointers(), state_.optimizer_steps + 1);
    const auto importance = importance_kernel(state_.task_steps + 1);
    const auto penalty = penalty_kernel();
    const double value =
        loop()(detail::FusedStep<T, std::remove_const_t<decltype(optimizer)>, std::remove_const_t<decltype(penalty)>,
                                 std::remove_const_t<decltype(importance)>>{theta(), gradient.data(), optimizer,
                                                                            penalty, importance});
    if (!(value - value == 0)) check_finite(this->parameters(), "the step was too large: ");
    ++state_.optimizer_steps;
    ++state_.task_steps;
    return value + penalty_constant() + structured;
  }

  /// The learner's own array for gradients, where the backend has its arrays: written by you and handed to `step`, it
  /// saves one of yours. Other calls overwrite it.
  [[nodiscard]] std::span<T> gradient() { return {gradient_.data(), gradient_.size()}; }

  /// Takes one step on a batch of the model's own kind. \throws as `step(gradient)`, and NumericError for a loss that
  /// is not finite.
  template <class B>
  requires(!std::convertible_to<const B&, std::span<const T>>) StepResult step(const B& batch) {
    static_assert(detail::require_differentiable_model<Model, B>());
    const double loss = this->rehearsal_.gradient(state_.rehearsal, this->backend_, this->model_, batch, gradient());
    if (!(loss - loss == 0))
      detail::raise<NumericError>("the loss is " + detail::text(loss) + " in step " +
                                  std::to_string(state_.optimizer_steps + 1));
    return {loss, step(std::span<const T>(gradient()))};
  }

  /// Trains on one task, without ending it. `on_step(FitProgress)` is called after every step; an exception it throws
  /// ends the training there. \throws InvalidArgument for a task without examples or a batch size of 0.
  template <class Examples, class OnStep = detail::NoCallback>
  void fit(const Examples& examples, const FitOptions& options = {}, OnStep&& on_step = {}) {
    static_assert(detail::require_example_source<Examples, T>());
    static_assert(detail::require_differentiable_model<Model, Batch<T>>());
    if (examples.size() == 0) detail::raise<InvalidArgument>("fit: the task has no examples");
    detail::require_at_least("FitOptions.batch_size", static_cast<double>(options.batch_size), 1);
    order_.resize(examples.size());
    const BatchLoader loader(examples, options.batch_size, buffer_, this->backend_,
                             std::span<const std::uint32_t>(order_));
    FitProgress progress{0, options.epochs, 0, options.epochs * loader.size(), 0, 0};
    detail::ScheduledRate<Optimizer> rate(this->optimizer_, options.schedule, progress.steps);
    if (options.optimizer_state == OptimizerState::reset) reset_optimizer();
    for (; progress.epoch < options.epochs; ++progress.epoch) {
      for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<std::uint32_t>(i);
      if (options.shuffle)
        Random(options.seed, Purpose::shuffle, state_.epochs_trained).shuffle(std::span<std::uint32_t>(order_));
      for (const Batch<T>& batch : loader) {
        rate.begin_step(progress.step);
        const StepResult result = step(batch);
        ++progress.step;
        progress.loss = result.loss;
        progress.penalty = result.penalty;
        on_step(std::as_const(progress));
      }
      ++state_.epochs_trained;
    }
  }

  /// Ends a task: estimates the importance on it, merges it into Ω and moves the anchor to where θ is now. The task is
  /// an `ExampleSource`, or a range of batches of the model's own kind, which is walked once and whose empty batches
  /// count nothing. Without a task, for an importance that needs no data, such as Synaptic Intelligence.
  /// \throws InvalidArgument for a task without examples, NumericError if an importance is not finite.
  template <class Task>
  void consolidate(Task&& task, const ConsolidateOptions& options = {}) {
    over_batches(task, options, "consolidate", [&](auto&& batches) { end_task(batches); });
  }
  void consolidate() requires(!detail::is_estimated<Importance, Model>) { end_task(std::array<Batch<T>, 0>{}); }

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
      check_finite(gradient(), "the importance of ");
      const T* anchor = state_.penalty.template get<Penalty::anchored.anchor>().data();
      detail::absorb(this->penalty_, state_.penalty, loop(), anchor, gradient_.data(), weights, this->importance_);
    });
  }

  /// The penalty's value at the present parameters, λ and ½ included.
  [[nodiscard]] double penalty_value() {
    const double structured = structured_gradient();
    const auto penalty = penalty_kernel();
    return loop()(detail::PenaltyValue<T, std::remove_const_t<decltype(penalty)>>{theta(), penalty}) +
           penalty_constant() + structured;
  }

  /// Says which parameters have an importance, from the next consolidation on: outside it is 0. `set_importance` is not
  /// bound by it. \throws InvalidArgument for a name that no block has.
  void restrict_importance(Scope scope) {
    static_assert(NamedModel<Model>, "NamedModel: a scope needs the model's layout(), which names its parameters");
    const std::string unknown = scope.unknown_name(std::as_const(this->model_).layout());
    if (!unknown.empty()) detail::raise<InvalidArgument>("Scope: the model has no parameters named " + unknown);
    scope_ = std::move(scope);
  }

  /// Gives the model `outputs` new outputs when classes arrive. Old parameters, importances, anchors and the
  /// optimizer's arrays stay; of the new parameters the importance is 0 and the anchor where they start. \throws what
  /// the model's `grow` throws, and OutOfMemory; then nothing has changed.
  void grow(std::size_t outputs) {
    static_assert(GrowingModel<Model>, "GrowingModel: the model needs grow(outputs), which appends their parameters");
    Model grown = this->model_;
    grown.grow(outputs);
    const std::size_t before = parameter_count(), after = grown.parameters().size();
    require_within_limit(after);
    detail::with_memory([&] { reserve(after); }, [&] { return State::bill(after) + ", more than there is"; });
    this->model_ = std::move(grown);
    resize(after);
    start_parameters(before);
  }

  /// Forgets the optimizer's arrays and step count.
  void reset_optimizer() {
    if constexpr (requires { state_.optimizer.clear(); })
      state_.optimizer.clear();
    else
      (state_.optimizer = {}).resize(parameter_count());
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
    detail::require_size("the array for the importance", out.size(), parameter_count());
    auto& omega = state_.penalty.template get<Penalty::anchored.importance>();
    using Omega = std::remove_pointer_t<decltype(omega.data())>;
    loop()(detail::Copy<T, Omega, T>{omega.data(), gradient_.data()});
    detail::copy_out(this->backend_, gradient_.data(), out);
  }

  /// Sets Ω by hand, one value per parameter, on the host, and the anchor to where θ is now.
  /// \throws ShapeMismatch for another length, NumericError for a value that is not finite.
  void set_importance(std::span<const T> importance) requires AnchoredPenalty<Penalty> {
    detail::require_size("importance", importance.size(), parameter_count());
    detail::copy_in(this->backend_, importance, gradient_.data());
    check_finite(gradient(), "the importance of ");
    auto& omega = state_.penalty.template get<Penalty::anchored.importance>();
    using Omega = std::remove_pointer_t<decltype(omega.data())>;
    loop()(detail::Copy<T, T, Omega>{gradient_.data(), omega.data()});
    loop()(detail::Copy<T>{theta(), state_.penalty.template get<Penalty::anchored.anchor>().data()});
    state_.penalty.numbers() = {};
  }

  /// Copies to the host the parameters to use for task number `task`, from 0: θ, unless the penalty says otherwise for
  /// tasks with parameters of their own. \throws ShapeMismatch unless `out` is as long as the parameters.
  void copy_parameters(std::size_t task, std::span<T> out) {
    detail::require_size("the array for the parameters", out.size(), parameter_count());
    const auto penalty = penalty_kernel();
    using Kernel = std::remove_const_t<decltype(penalty)>;
    if constexpr (detail::kernel_knows_tasks<Kernel, T>) {
      loop()(detail::TaskParameters<T, Kernel>{theta(), gradient_.data(), penalty, task});
      detail::copy_out(this->backend_, static_cast<const T*>(gradient_.data()), out);
    } else {
      detail::copy_out(this->backend_, static_cast<const T*>(theta()), out);
    }
  }

  /// All that the learner remembers beside its model and settings. A state of a learner of the same types, settings and
  /// number of parameters may be assigned to it.
  [[nodiscard]] State& state() { return state_; }

  /// One line for a paper's table of settings: every choice that the numbers depend on.
  [[nodiscard]] std::string recipe() const {
    std::string line = this->recipe_of_parts();
    if (scope_.text() != Scope::all().text()) line += "; importance of " + scope_.text();
    if (state_.estimated_on > 0) line += "; estimated on " + std::to_string(state_.estimated_on) + " samples";
    return line;
  }

  /// Tasks consolidated so far.
  [[nodiscard]] std::size_t tasks() const { return state_.tasks; }

  /// Bytes kept between steps beside the parameters and their gradient: importance, anchor, path, optimizer arrays,
  /// memories. Does not grow with the number of tasks, unless a part keeps something of each
  /// (`nn::KroneckerSum::exact`).
  [[nodiscard]] std::size_t state_bytes() const { return state_.bytes(); }

  /// Bytes of memory per parameter, the model's parameters and the gradient included: 4 bytes for each array of float,
  /// 2 for each in bfloat16. Not included: what the model keeps beside its parameters, batches, up to three arrays that
  /// estimators take while they work, and a state that is not made of named arrays.
  [[nodiscard]] static constexpr std::size_t bytes_per_parameter() { return State::bytes_per_parameter(); }

 private:
  struct Made {};
  Learner(Model model, Importance importance, Penalty penalty, Optimizer optimizer, Backend backend,
          Rehearsal rehearsal, MemoryLimit limit, Made)
      : Parts(std::move(model), std::move(importance), std::move(penalty), std::move(optimizer), std::move(backend),
              std::move(rehearsal), limit) {
    require_within_limit(parameter_count());
    detail::with_memory([&] { resize(parameter_count()); },
                        [&] { return State::bill(parameter_count()) + ", more than there is"; });
    start_parameters(0);
  }

  void reserve(std::size_t parameters) {
    state_.reserve(parameters);
    gradient_.reserve(parameters);
    partials_.reserve(chunk_count(parameters));
  }
  /// New elements are zero.
  void resize(std::size_t parameters) {
    state_.resize(parameters);
    gradient_.resize(parameters);
    partials_.resize(chunk_count(parameters));
  }
  void require_within_limit(std::size_t parameters) const {
    if (this->limit_.bytes != MemoryLimit{}.bytes && parameters > this->limit_.bytes / bytes_per_parameter())
      detail::raise<OutOfMemory>(State::bill(parameters) + ", and the limit is " +
                                 detail::bytes_text(static_cast<double>(this->limit_.bytes)));
  }

  [[nodiscard]] std::size_t parameter_count() { return this->model_.parameters().size(); }
  [[nodiscard]] T* theta() { return this->model_.parameters().data(); }
  [[nodiscard]] Loop<T, Backend> loop() { return {this->backend_, parameter_count(), std::span<double>(partials_)}; }

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

  /// Calls `body` with the task as a range of batches.
  template <class Task, class Body>
  void over_batches(Task&& task, const ConsolidateOptions& options, const char* call, const Body& body) {
    if constexpr (ExampleSource<Task, T>) {
      if (task.size() == 0) detail::raise<InvalidArgument>(std::string(call) + ": the task has no examples");
      detail::require_at_least("ConsolidateOptions.batch_size", static_cast<double>(options.batch_size), 1);
      body(BatchLoader(task, options.batch_size, buffer_, this->backend_));
    } else {
      static_assert(detail::require_batches<Task, T>());
      body(task);
    }
  }

  /// The importance of the samples of all batches: into `gradient_`, or returned if it is of its own kind.
  template <class Batches>
  auto estimate(Batches& batches, const char* call, std::size_t& samples) {
    return detail::with_memory(
        [&] {
          return detail::estimate_over(this->importance_, this->model_, batches, loop(), gradient(), call, samples);
        },
        [&] { return State::bill(parameter_count()) + ", and to estimate their importance more than there is"; });
  }
  void clear_out_of_scope() { detail::clear_out_of_scope(loop(), scope_, std::as_const(this->model_), gradient()); }

  /// Nothing is changed before all importances are known to be finite.
  template <class Batches>
  void end_task(Batches&& batches) {
    std::size_t samples = 0;
    const importance::MergeWeights weights = this->importance_.merge.weights(state_.tasks);
    if constexpr (StructuredPenalty<Penalty>) {
      auto factors = estimate(batches, "consolidate", samples);
      if constexpr (NamedModel<Model>)
        this->importance_.restrict_to(scope_, std::as_const(this->model_).layout(), factors);
      this->penalty_.absorb(state_.penalty, factors, detail::on_host<T>(this->backend_, this->parameters(), staging_),
                            weights);
    } else {
      if constexpr (detail::is_estimated<Importance, Model>) estimate(batches, "consolidate", samples);
      const auto kernel = final_importance_kernel();
      detail::contribute(loop(), theta(), gradient(), kernel);
      clear_out_of_scope();
      check_finite(gradient(), "the importance of ");
      detail::absorb(this->penalty_, state_.penalty, loop(), theta(), gradient_.data(), weights, this->importance_);
      detail::settle(this->penalty_, state_.penalty, loop(), theta());
      detail::restart(loop(), theta(), gradient_.data(), kernel);
    }
    this->rehearsal_.end_task(state_.rehearsal, this->model_);
    ++state_.tasks;
    state_.task_steps = 0;
    state_.estimated_on = samples;
  }

  /// Sets the anchor and the start of the path of the parameters from `first` on to where they are.
  void start_parameters(std::size_t first) {
    const Loop<T, Backend> all = loop();
    if constexpr (AnchoredPenalty<Penalty>)
      all.range(first, all.size(),
                detail::Copy<T>{theta(), state_.penalty.template get<Penalty::anchored.anchor>().data()});
    const auto kernel = importance_kernel(0);
    using Kernel = std::remove_const_t<decltype(kernel)>;
    if constexpr (detail::kernel_restarts<Kernel, T>) {
      all.range(first, all.size(), detail::Fill<T>{gradient_.data(), T(0)});
      all.range(first, all.size(), detail::Restart<T, Kernel>{theta(), gradient_.data(), kernel});
    }
  }

  State state_;
  ArrayOf<Backend, T> gradient_;
  ArrayOf<Backend, T> penalty_gradient_;  // of a structured penalty alone
  AlignedVector<T> staging_;              // for a structured penalty whose backend is not the host's
  std::vector<double> partials_;
  BatchBuffer<T> buffer_;
  std::vector<std::uint32_t> order_;
  Scope scope_;
};

}  // namespace lifelong
