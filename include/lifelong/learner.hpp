// The composition: any model, importance, penalty and optimizer as one learner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/compact.hpp>
#include <lifelong/core/concepts.hpp>
#include <lifelong/core/elementwise.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/fused_step.hpp>
#include <lifelong/core/loader.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/policy_state.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/core/requirements.hpp>
#include <lifelong/core/scope.hpp>
#include <lifelong/importance/merge.hpp>

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
  double final_rate = 1;  ///< the learning rate falls linearly from itself towards this share of itself
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

/// What an importance estimates when a task ends: one value per parameter, or something of its own.
template <class Importance, class T>
struct EstimateOf {
  using type = std::span<T>;
};
template <class Importance, class T = float>
concept estimates_its_own = requires {
  typename Importance::template Estimate<T>;
};
template <class Importance, class T>
requires estimates_its_own<Importance, T>
struct EstimateOf<Importance, T> {
  using type = typename Importance::template Estimate<T>&;
};

/// True if the importance looks at data when a task ends.
template <class Importance, class Model, class T = typename Model::value_type>
concept is_estimated = requires(const Importance& importance, Model& model, std::span<const Batch<T>> batches,
                                typename EstimateOf<Importance, T>::type out) {
  importance.estimate(model, batches, out);
};

/// What a penalty keeps between steps: named arrays, or a state of its own.
template <class Penalty, class T>
struct PenaltyStateOf {
  using type = PolicyState<Penalty, T>;
};
template <class Penalty, class T>
requires is_structured<Penalty, T>
struct PenaltyStateOf<Penalty, T> {
  struct type : Penalty::template State<T> {
    static constexpr std::size_t bytes_per_parameter = 0;
    void resize(std::size_t) {}
    static std::string bill() { return ""; }
  };
};

/// One line about a policy.
template <class Policy>
std::string recipe_of(const Policy& policy, const char* otherwise) {
  if constexpr (requires {
                  { policy.recipe() } -> std::convertible_to<std::string>;
                })
    return policy.recipe();
  else
    return otherwise;
}

/// Position of the array called `name` among those a policy asked for, -1 if there is none.
template <class Policy>
constexpr int array_index(std::string_view name) {
  int k = 0;
  for (const char* array : arrays_of<Policy>()) {
    if (name == array) return k;
    ++k;
  }
  return -1;
}

/// True if the penalty keeps an importance Ω and an anchor θ*.
template <class Penalty>
inline constexpr bool is_anchored = array_index<Penalty>("importance") >= 0 && array_index<Penalty>("anchor") >= 0;

/// Lets an optimizer's learning rate fall, and gives it back at the end.
template <class Optimizer>
class FallingRate {
 public:
  /// \throws InvalidArgument unless 0 <= `share` <= 1, or if the rate is to fall and there is none.
  FallingRate(Optimizer& optimizer, double share) : optimizer_(optimizer), share_(share) {
    require_at_least("FitOptions.final_rate", share, 0);
    require_at_least("1 - FitOptions.final_rate", 1 - share, 0);
    if constexpr (requires { optimizer.learning_rate; })
      rate_ = optimizer.learning_rate;
    else if (share != 1)
      raise<InvalidArgument>("FitOptions.final_rate needs an optimizer with a learning_rate");
  }
  FallingRate(const FallingRate&) = delete;
  FallingRate& operator=(const FallingRate&) = delete;
  ~FallingRate() { set(0); }

  /// The rate when the part `done` of all steps is done.
  void set(double done) {
    if constexpr (requires { optimizer_.learning_rate; })
      if (share_ != 1) optimizer_.learning_rate = rate_ * (1 - (1 - share_) * done);
  }

 private:
  Optimizer& optimizer_;
  double share_, rate_ = 0;
};

struct NoCallback {
  void operator()(const FitProgress&) const {}
};

}  // namespace detail

/// Learns task after task: minimises L(θ) + penalty(Ω, θ*), where the importance Ω and the anchor θ* are renewed by
/// `consolidate` whenever the user says that a task ends. The four parts are types, so one step is one loop over the
/// parameters; their arrays belong to the learner and are zero at first.
///
/// Order of a step: the model's gradient, a check that it is finite, then the fused pass (penalty, optimizer, path
/// importance). No allocation per step after the first of its size. Same binary and processor type: bitwise the same
/// result for any number of threads. A learner is not shared between threads; learners do not share anything.
///
/// An error leaves the learner as it was before the call that threw (`fit`: before the step that threw). The one
/// exception is a step so large that θ itself overflows, which is reported in the same step but not undone.
///
/// The parts satisfy `ParameterModel`, `ImportancePolicy`, `PenaltyPolicy`, `OptimizerPolicy` and `ExecutionBackend`;
/// `fit` and `step(batch)` take a `DifferentiableModel`.
template <class Model, class Importance, class Penalty, class Optimizer, class Backend = backend::Serial>
class Learner {
  static_assert(detail::require_parameter_model<Model>());
  static_assert(detail::require_importance<Importance>());
  static_assert(detail::require_penalty<Penalty>());
  static_assert(detail::require_optimizer<Optimizer>());
  static_assert(detail::require_backend<Backend>());
  static_assert(
      StructuredPenalty<Penalty> || !detail::estimates_its_own<Importance>,
      "StructuredPenalty: this importance estimates more than one value per parameter and needs a penalty with "
      "State<T>, such as nn::KroneckerPenalty");
  static_assert(!StructuredPenalty<Penalty> || detail::estimates_its_own<Importance>,
                "ImportancePolicy: a penalty with State<T> needs an importance with Estimate<T>, such as "
                "nn::KroneckerFisher");
  static_assert(detail::is_estimated<Importance, Model> || detail::has_contribution<Importance>,
                "ImportancePolicy: the importance needs estimate(model, batches, out) const, or view<T>(arrays) const "
                "which returns a kernel with contribution(i, theta, estimate)");

  /// True if data alone say what Ω is, and no path that a task's end would have to close.
  static constexpr bool updates_from_data =
      detail::is_anchored<Penalty> && detail::is_estimated<Importance, Model> && !detail::has_contribution<Importance>;

 public:
  using value_type = typename Model::value_type;
  using T = value_type;

  /// Takes its parts over. \throws InvalidArgument for a setting outside its domain, OutOfMemory if its arrays do not
  /// fit into memory, or not into `limit`.
  explicit Learner(Model model, Importance importance, Penalty penalty, Optimizer optimizer, Backend backend = {},
                   MemoryLimit limit = {})
      : model_(std::move(model)),
        importance_(std::move(importance)),
        penalty_(std::move(penalty)),
        optimizer_(std::move(optimizer)),
        backend_(std::move(backend)),
        limit_(limit) {
    importance_.validate();
    penalty_.validate();
    optimizer_.validate();
    require_within_limit(parameter_count());
    detail::with_memory([&] { resize(parameter_count()); },
                        [&] { return memory_bill(parameter_count()) + ", more than there is"; });
    start_parameters(0);
  }

  /// Takes one step with a gradient of the task's loss, as long as the parameters and not penalised: the three lines
  /// for people with a training loop of their own. Returns the penalty's value before the step.
  /// \throws ShapeMismatch for another length, NumericError naming the parameter if the gradient is not finite.
  double step(std::span<const T> gradient) {
    detail::require_size("gradient", gradient.size(), parameter_count());
    check_finite(gradient, "the gradient of ");
    const double structured = structured_gradient();
    const auto optimizer = optimizer_.template view<T>(optimizer_state_.pointers(), optimizer_steps_ + 1);
    const auto importance = importance_view(task_steps_ + 1);
    const detail::FusedStep<T, std::remove_const_t<decltype(optimizer)>, decltype(penalty_view()),
                            std::remove_const_t<decltype(importance)>>
        kernel{model_parameters(), gradient.data(), optimizer, penalty_view(), importance};
    const double penalty = run(kernel);
    if (!(penalty - penalty == 0)) check_finite(parameters(), "the step was too large: ");
    ++optimizer_steps_;
    ++task_steps_;
    return penalty + penalty_offset() + structured;
  }

  /// The learner's own array for gradients: written by you and handed to `step`, it saves one of yours. Other calls
  /// overwrite it.
  [[nodiscard]] std::span<T> gradient() { return gradient_; }

  /// Takes one step on a batch of the model's own kind. \throws as `step(gradient)`, and NumericError for a loss that
  /// is not finite.
  template <class B>
  requires(!std::convertible_to<const B&, std::span<const T>>) StepResult step(const B& batch) {
    static_assert(detail::require_differentiable_model<Model, B>());
    const double loss = static_cast<double>(model_.gradient(batch, std::span<T>(gradient_)));
    if (!(loss - loss == 0))
      detail::raise<NumericError>("the loss is " + detail::text(loss) + " in step " +
                                  std::to_string(optimizer_steps_ + 1));
    return {loss, step(std::span<const T>(gradient_))};
  }

  /// Trains on one task, without ending it. `on_step(FitProgress)` is called after every step; an exception it throws
  /// ends the training there. \throws InvalidArgument for a task without examples or a batch size of 0.
  template <class Examples, class OnStep = detail::NoCallback>
  void fit(const Examples& examples, const FitOptions& options = {}, OnStep&& on_step = {}) {
    static_assert(detail::require_example_source<Examples, T>());
    static_assert(detail::require_differentiable_model<Model, Batch<T>>());
    require_examples(examples.size(), "fit");
    detail::require_at_least("FitOptions.batch_size", static_cast<double>(options.batch_size), 1);
    detail::FallingRate<Optimizer> rate(optimizer_, options.final_rate);
    if (options.optimizer_state == OptimizerState::reset) reset_optimizer();
    order_.resize(examples.size());
    const BatchLoader loader(examples, options.batch_size, buffer_, backend_, std::span<const std::uint32_t>(order_));
    FitProgress progress{0, options.epochs, 0, options.epochs * loader.size(), 0, 0};
    for (; progress.epoch < options.epochs; ++progress.epoch) {
      for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<std::uint32_t>(i);
      if (options.shuffle)
        Random(options.seed, Purpose::shuffle, epochs_trained_).shuffle(std::span<std::uint32_t>(order_));
      for (const Batch<T>& batch : loader) {
        rate.set(static_cast<double>(progress.step) / static_cast<double>(progress.steps));
        const StepResult result = step(batch);
        ++progress.step;
        progress.loss = result.loss;
        progress.penalty = result.penalty;
        on_step(std::as_const(progress));
      }
      ++epochs_trained_;
    }
  }

  /// Ends a task: estimates the importance on `examples`, merges it into Ω and moves the anchor to where θ is now.
  /// \throws InvalidArgument for a task without examples, NumericError if an importance is not finite.
  template <ExampleSource<T> Examples>
  void consolidate(const Examples& examples, const ConsolidateOptions& options = {}) {
    require_examples(examples.size(), "consolidate");
    detail::require_at_least("ConsolidateOptions.batch_size", static_cast<double>(options.batch_size), 1);
    consolidate_batches(BatchLoader(examples, options.batch_size, buffer_, backend_));
    estimated_on_ = examples.size();
  }

  /// The same for a range of batches of the model's own kind.
  template <class Batches>
  requires(!ExampleSource<Batches, T>) void consolidate(Batches&& batches) {
    static_assert(detail::require_batches<Batches, T>());
    if (!(batches.begin() != batches.end())) require_examples(0, "consolidate");
    consolidate_batches(batches);
  }

  /// The same for an importance that needs no data, such as Synaptic Intelligence.
  void consolidate() requires(!detail::is_estimated<Importance, Model>) { absorb(); }

  /// Renews the importance from data as it arrives, labelled or not, between tasks or without any: Ω ← keep Ω + add F,
  /// F estimated on `examples` at the present θ; no task is counted. The anchor stays: it says where the past wants θ
  /// to be, and a θ in the middle of learning is no such place; moved here, it would forgive what was lost since. So
  /// all of Ω pulls to θ*, with anchors per task to their mean ā, as if F's own anchor lay there. Before the first task
  /// has ended, θ* is θ as the learner was given it. Unlike a task's, repeated updates need a `keep` below 1 for Ω not
  /// to grow without end: {.keep = 1 - a, .add = a} is a running mean. Aljundi 2018 (MAS on unlabelled data),
  /// `importance::Mas`. \throws InvalidArgument without examples or for a weight below 0, NumericError if an importance
  /// is not finite.
  template <ExampleSource<T> Examples>
  void update_importance(const Examples& examples, const importance::MergeWeights& weights = {},
                         const ConsolidateOptions& options = {}) requires updates_from_data {
    require_examples(examples.size(), "update_importance");
    detail::require_at_least("ConsolidateOptions.batch_size", static_cast<double>(options.batch_size), 1);
    update_from_batches(BatchLoader(examples, options.batch_size, buffer_, backend_), weights);
  }

  /// The same for a range of batches of the model's own kind; estimators that look at no labels take batches without.
  template <class Batches>
  requires(!ExampleSource<Batches, T>) void update_importance(
      Batches&& batches, const importance::MergeWeights& weights = {}) requires updates_from_data {
    static_assert(detail::require_batches<Batches, T>());
    if (!(batches.begin() != batches.end())) require_examples(0, "update_importance");
    update_from_batches(batches, weights);
  }

  /// The penalty's value at the present parameters, λ and ½ included.
  [[nodiscard]] double penalty_value() {
    const double structured = structured_gradient();
    return run(detail::PenaltyValue<T, decltype(penalty_view())>{model_parameters(), penalty_view()}) +
           penalty_offset() + structured;
  }

  /// Says which parameters have an importance, from the next consolidation on: outside it is 0. `set_importance` is not
  /// bound by it. \throws InvalidArgument for a name that no block has.
  void restrict_importance(Scope scope) requires ElementwisePenalty<Penalty> {
    static_assert(NamedModel<Model>, "NamedModel: a scope needs the model's layout(), which names its parameters");
    const std::string unknown = scope.unknown_name(std::as_const(model_).layout());
    if (!unknown.empty()) detail::raise<InvalidArgument>("Scope: the model has no parameters named " + unknown);
    scope_ = std::move(scope);
  }

  /// Gives the model `outputs` new outputs when classes arrive. Old parameters, importances, anchors and the
  /// optimizer's arrays stay; of the new parameters the importance is 0 and the anchor where they start. \throws what
  /// the model's `grow` throws, and OutOfMemory; then nothing has changed.
  void grow(std::size_t outputs) requires ElementwisePenalty<Penalty> {
    static_assert(GrowingModel<Model>, "GrowingModel: the model needs grow(outputs), which appends their parameters");
    Model grown = model_;
    grown.grow(outputs);
    const std::size_t before = parameter_count(), after = grown.parameters().size();
    require_within_limit(after);
    detail::with_memory([&] { reserve(after); }, [&] { return memory_bill(after) + ", more than there is"; });
    model_ = std::move(grown);
    resize(after);
    start_parameters(before);
  }

  /// Forgets the optimizer's arrays and step count.
  void reset_optimizer() {
    optimizer_state_.clear();
    optimizer_steps_ = 0;
  }

  [[nodiscard]] Model& model() { return model_; }
  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] std::span<T> parameters() { return model_.parameters(); }
  [[nodiscard]] const Backend& backend() const { return backend_; }

  /// The settings; they may be changed between steps (a learning-rate schedule, for example) and are used as they are.
  [[nodiscard]] Importance& importance_policy() { return importance_; }
  [[nodiscard]] Penalty& penalty_policy() { return penalty_; }
  [[nodiscard]] Optimizer& optimizer_policy() { return optimizer_; }

  /// Ω, as long as the parameters; 0 before the first task has ended. Elements are T, or of a compact penalty
  /// `Bfloat16`, which turn into float by themselves.
  [[nodiscard]] auto importance() const requires detail::is_anchored<Penalty> {
    return std::span(penalty_state_.template get<importance_array>());
  }
  /// θ*, as long as the parameters.
  [[nodiscard]] std::span<const T> anchor() const requires detail::is_anchored<Penalty> {
    return penalty_state_.template get<anchor_array>();
  }

  /// Sets Ω by hand, one value per parameter, and the anchor to where θ is now.
  /// \throws ShapeMismatch for another length, NumericError for a value that is not finite.
  void set_importance(std::span<const T> importance) requires detail::is_anchored<Penalty> {
    detail::require_size("importance", importance.size(), parameter_count());
    check_finite(importance, "the importance of ");
    auto& omega = penalty_state_.template get<importance_array>();
    for (std::size_t i = 0; i < importance.size(); ++i) store(omega.data(), i, importance[i]);
    penalty_state_.template get<anchor_array>().assign(parameters().begin(), parameters().end());
    offset_ = 0;
  }

  /// Shows everything that a learner of the same types and settings needs beside the model to go on as this one would:
  /// `array(name, values)` for every parameter-sized array, `number(name, value)` for every count and sum; both may be
  /// written to. What `io::checkpoint` saves.
  template <class Array, class Number>
  requires ElementwisePenalty<Penalty>
  void visit_state(const Array& array, const Number& number) {
    const auto visit = [&]<class Policy>(const char* whose, detail::PolicyState<Policy, T>& state) {
      [&]<std::size_t... k>(std::index_sequence<k...>) {
        (array(std::string(whose) + "." + detail::arrays_of<Policy>()[k], state.template get<k>()), ...);
      }
      (std::make_index_sequence<detail::arrays_of<Policy>().size()>());
    };
    visit("importance", importance_state_);
    visit("penalty", penalty_state_);
    visit("optimizer", optimizer_state_);
    number("penalty_offset", offset_);
    number("optimizer_steps", optimizer_steps_);
    number("task_steps", task_steps_);
    number("tasks", tasks_);
    number("epochs_trained", epochs_trained_);
    number("estimated_on", estimated_on_);
  }

  /// One line for a paper's table of settings: every choice that the numbers depend on.
  [[nodiscard]] std::string recipe() const {
    std::string line = detail::recipe_of(importance_, "an importance without a recipe") + "; " +
                       detail::recipe_of(penalty_, "a penalty without a recipe") + "; " +
                       detail::recipe_of(optimizer_, "an optimizer without a recipe");
    if (scope_.text() != Scope::all().text()) line += "; importance of " + scope_.text();
    if (estimated_on_ > 0) line += "; estimated on " + std::to_string(estimated_on_) + " samples";
    return line;
  }

  /// Tasks consolidated so far.
  [[nodiscard]] std::size_t tasks() const { return tasks_; }

  /// Bytes kept between steps beside the parameters and their gradient: importance, anchor, path, optimizer arrays.
  /// Does not grow with the number of tasks, unless the penalty keeps something of each (`nn::KroneckerSum::exact`).
  [[nodiscard]] std::size_t state_bytes() const {
    return importance_state_.bytes() + penalty_state_.bytes() + optimizer_state_.bytes();
  }

  /// Bytes of memory per parameter, the model's parameters and the gradient included: 4 bytes for each array of float,
  /// 2 for each in bfloat16. Not included: what the model keeps beside its parameters, batches, one or two arrays that
  /// some estimators take while they work, and the `State` of a penalty that couples parameters.
  [[nodiscard]] static constexpr std::size_t bytes_per_parameter() {
    return (StructuredPenalty<Penalty> ? 3 : 2) * sizeof(T) + detail::PolicyState<Importance, T>::bytes_per_parameter +
           PenaltyState::bytes_per_parameter + detail::PolicyState<Optimizer, T>::bytes_per_parameter;
  }

 private:
  using PenaltyState = typename detail::PenaltyStateOf<Penalty, T>::type;

  static constexpr auto importance_array = static_cast<std::size_t>(detail::array_index<Penalty>("importance"));
  static constexpr auto anchor_array = static_cast<std::size_t>(detail::array_index<Penalty>("anchor"));

  void reserve(std::size_t parameters) {
    importance_state_.reserve(parameters);
    penalty_state_.reserve(parameters);
    optimizer_state_.reserve(parameters);
    gradient_.reserve(parameters);
    partials_.reserve(block_count(parameters));
  }
  /// New elements are zero.
  void resize(std::size_t parameters) {
    importance_state_.resize(parameters);
    penalty_state_.resize(parameters);
    optimizer_state_.resize(parameters);
    gradient_.resize(parameters);
    partials_.resize(block_count(parameters));
  }

  void require_within_limit(std::size_t parameters) const {
    if (limit_.bytes != MemoryLimit{}.bytes && parameters > limit_.bytes / bytes_per_parameter())
      detail::raise<OutOfMemory>(memory_bill(parameters) + ", and the limit is " +
                                 detail::bytes_text(static_cast<double>(limit_.bytes)));
  }

  /// What a learner of so many parameters needs, and what for.
  [[nodiscard]] static std::string memory_bill(std::size_t parameters) {
    const std::string each = std::to_string(sizeof(T));
    return "a learner of " + std::to_string(parameters) + " parameters needs " +
           detail::bytes_text(static_cast<double>(parameters) * static_cast<double>(bytes_per_parameter())) + ", " +
           std::to_string(bytes_per_parameter()) + " bytes each (parameters " + each + ", gradient " + each +
           (StructuredPenalty<Penalty> ? ", penalty gradient " + each : "") +
           detail::PolicyState<Importance, T>::bill() + PenaltyState::bill() +
           detail::PolicyState<Optimizer, T>::bill() + ")";
  }

  [[nodiscard]] std::size_t parameter_count() { return model_.parameters().size(); }
  [[nodiscard]] T* model_parameters() { return model_.parameters().data(); }
  [[nodiscard]] auto penalty_view() {
    if constexpr (StructuredPenalty<Penalty>)
      return detail::GivenGradient<T>{penalty_gradient_.data()};
    else
      return penalty_.template view<T>(penalty_state_.pointers());
  }
  [[nodiscard]] auto importance_view(std::uint64_t step) {
    if constexpr (detail::has_contribution<Importance>)
      return detail::kernel_of<T>(importance_, importance_state_.pointers(), Clock{step, tasks_});
    else
      return detail::NothingGathered{};
  }
  /// The importance's kernel for the end of a task.
  [[nodiscard]] auto final_importance_view() {
    const Clock clock{task_steps_, tasks_};
    if constexpr (requires { importance_.template final_view<T>(importance_state_.pointers(), std::size_t{}, clock); })
      return importance_.template final_view<T>(importance_state_.pointers(), parameter_count(), clock);
    else
      return importance_view(task_steps_);
  }

  /// Gradient of a structured penalty into its array; returns the value. Nothing for the others.
  double structured_gradient() {
    if constexpr (StructuredPenalty<Penalty>) {
      penalty_gradient_.resize(parameter_count());
      return static_cast<double>(penalty_.gradient(penalty_state_, backend_, std::span<const T>(parameters()),
                                                   std::span<T>(penalty_gradient_)));
    } else {
      return 0;
    }
  }
  [[nodiscard]] double penalty_offset() const {
    if constexpr (requires { penalty_.strength; })
      return penalty_.strength * offset_;
    else
      return 0;
  }

  template <class Kernel>
  double run(const Kernel& kernel) {
    return elementwise<T>(backend_, parameter_count(), kernel, std::span<double>(partials_));
  }

  void check_finite(std::span<const T> values, const char* what) {
    const double sum = run(detail::FiniteCheck<T>{values.data()});
    if (sum == 0) return;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!(values[i] - values[i] == 0))
        detail::raise<NumericError>(what + describe(i) + " is " + detail::text(static_cast<double>(values[i])) +
                                    " in step " + std::to_string(optimizer_steps_ + 1));
  }

  [[nodiscard]] std::string describe(std::size_t i) {
    if constexpr (requires { model_.layout().describe(i); })
      return model_.layout().describe(i);
    else
      return "parameter " + std::to_string(i);
  }

  static void require_examples(std::size_t count, const char* call) {
    if (count == 0) detail::raise<InvalidArgument>(std::string(call) + ": the task has no examples");
  }

  template <class Batches>
  void consolidate_batches(Batches&& batches) {
    if constexpr (StructuredPenalty<Penalty>) {
      typename Importance::template Estimate<T> estimate;
      estimate_importance(batches, estimate);
      penalty_.absorb(penalty_state_, estimate, std::span<const T>(parameters()), importance_.merge.weights(tasks_));
      end_task();
    } else {
      if constexpr (detail::is_estimated<Importance, Model>) estimate_importance(batches, std::span<T>(gradient_));
      absorb();
    }
  }

  template <class Batches, class Out>
  void estimate_importance(Batches& batches, Out&& out) {
    detail::with_memory(
        [&] { importance_.estimate(model_, batches, out); },
        [&] { return memory_bill(parameter_count()) + ", and to estimate their importance more than there is"; });
  }

  /// Merges the task's importances into Ω once all are known to be finite. What lies in `gradient_` is the estimate of
  /// an importance that is estimated.
  void absorb() {
    if constexpr (detail::has_contribution<Importance>) {
      const auto view = final_importance_view();
      run(detail::Contribution<T, std::remove_const_t<decltype(view)>>{model_parameters(), gradient_.data(), view});
    }
    clear_out_of_scope();
    check_finite(gradient_, "the importance of ");
    merge(model_parameters(), importance_.merge.weights(tasks_));
    end_task();
  }

  /// Merges what lies in `gradient_` into Ω, as the importance of a task that ended at `at`.
  void merge(const T* at, const importance::MergeWeights& weights) {
    const double added = run(detail::Absorb<T, decltype(penalty_view())>{
        at,
        gradient_.data(),
        penalty_view(),
        {static_cast<T>(weights.keep), static_cast<T>(weights.add), static_cast<T>(least()), static_cast<T>(most())}});
    offset_ = weights.keep * offset_ + added;
  }

  template <class Batches>
  void update_from_batches(Batches&& batches, const importance::MergeWeights& weights) {
    detail::require_at_least("MergeWeights.keep", weights.keep, 0);
    detail::require_at_least("MergeWeights.add", weights.add, 0);
    estimate_importance(batches, std::span<T>(gradient_));
    clear_out_of_scope();
    check_finite(gradient_, "the importance of ");
    merge(penalty_state_.template get<anchor_array>().data(), weights);
  }

  /// Counts the task and lets a gathered importance start anew.
  void end_task() {
    if constexpr (detail::has_contribution<Importance>) {
      const auto view = final_importance_view();
      run(detail::Restart<T, std::remove_const_t<decltype(view)>>{model_parameters(), gradient_.data(), view});
    }
    ++tasks_;
    task_steps_ = 0;
  }

  void clear_out_of_scope() {
    if constexpr (NamedModel<Model>)
      for (const Block& block : std::as_const(model_).layout().blocks())
        if (!scope_.contains(block))
          for (std::size_t i = block.offset; i < block.offset + block.size; ++i) gradient_[i] = 0;
  }

  [[nodiscard]] double least() const {
    if constexpr (requires { importance_.least(); })
      return importance_.least();
    else
      return -std::numeric_limits<double>::infinity();
  }
  [[nodiscard]] double most() const {
    if constexpr (requires { importance_.most(); })
      return importance_.most();
    else
      return std::numeric_limits<double>::infinity();
  }

  /// Sets the anchor and the start of the path of the parameters from `first` on to where they are.
  void start_parameters(std::size_t first) {
    if constexpr (detail::is_anchored<Penalty>) {
      const std::span<const T> fresh = parameters().subspan(first);
      T* const anchor = penalty_state_.template get<anchor_array>().data() + first;
      for (std::size_t i = 0; i < fresh.size(); ++i) anchor[i] = fresh[i];
    }
    if constexpr (detail::has_contribution<Importance>) {
      const auto view = importance_view(0);
      const detail::Restart<T, std::remove_const_t<decltype(view)>> restart{model_parameters(), gradient_.data(), view};
      for (std::size_t i = first; i < parameter_count(); ++i) {
        gradient_[i] = 0;
        restart.template operator()<T>(i);
      }
    }
  }

  Model model_;
  Importance importance_;
  Penalty penalty_;
  Optimizer optimizer_;
  Backend backend_;
  MemoryLimit limit_;
  detail::PolicyState<Importance, T> importance_state_;
  PenaltyState penalty_state_;
  detail::PolicyState<Optimizer, T> optimizer_state_;
  AlignedVector<T> gradient_;
  AlignedVector<T> penalty_gradient_;  // of a structured penalty alone
  std::vector<double> partials_;
  BatchBuffer<T> buffer_;
  std::vector<std::uint32_t> order_;
  double offset_ = 0;  // Σ c_i / 2 of the collapsed per-task anchors, without λ
  std::uint64_t optimizer_steps_ = 0;
  std::uint32_t epochs_trained_ = 0;
  std::size_t tasks_ = 0;
  Scope scope_;
  std::uint64_t task_steps_ = 0;
  std::size_t estimated_on_ = 0;  // samples, where the last task told
};

}  // namespace lifelong
