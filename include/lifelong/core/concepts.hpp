// What each part of a learner must provide. Members are the customisation point; nothing is virtual.
// Every concept is built from named atoms, so that a compiler that refuses a type names what is missing.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/penalty/term.hpp>

namespace lifelong {

/// Where a learner is, for kernels that do more at some steps than at others.
struct Clock {
  std::uint64_t step = 0;  ///< steps of the present task, from 1
  std::size_t tasks = 0;   ///< tasks that ended before it
};

namespace detail {

template <class M>
concept has_value_type = std::floating_point<typename M::value_type>;

template <class M>
concept has_parameters = requires(M& model) {
  { model.parameters() } -> std::convertible_to<std::span<typename M::value_type>>;
};

template <class M, class B>
concept has_gradient = requires(M& model, const B& batch, std::span<typename M::value_type> out) {
  { model.gradient(batch, out) } -> std::convertible_to<double>;
};

/// `evaluation_gradient(batch, out)`: the gradient of a model that behaves otherwise in training (dropout, running
/// statistics), as the model is used.
template <class M, class B>
concept has_evaluation_gradient = requires(M& model, const B& batch, std::span<typename M::value_type> out) {
  model.evaluation_gradient(batch, out);
};

template <class P>
concept has_validate = requires(const P& policy) {
  policy.validate();
};

/// Names of the parameter-sized arrays a policy wants the learner to keep for it; none if it does not say.
template <class P>
constexpr auto arrays_of() {
  if constexpr (requires { P::arrays; })
    return P::arrays;
  else
    return std::array<const char*, 0>{};
}

/// How many of these arrays, from the first, are `Bfloat16`.
template <class P>
constexpr std::size_t compact_arrays_of() {
  if constexpr (requires { P::compact_arrays; })
    return P::compact_arrays;
  else
    return 0;
}

/// Pointers to `compact` arrays of `Bfloat16` and `full` ones of T; read as `std::array` is, by `get<k>`.
template <class T, std::size_t compact_count, std::size_t full_count>
struct MixedPointers {
  std::array<Bfloat16*, compact_count> compact;
  std::array<T*, full_count> full;
};
template <std::size_t k, class T, std::size_t compact_count, std::size_t full_count>
auto get(const MixedPointers<T, compact_count, full_count>& pointers) {
  if constexpr (k < compact_count)
    return pointers.compact[k];
  else
    return pointers.full[k - compact_count];
}

template <class P, class T, std::size_t compact_count = compact_arrays_of<P>()>
struct ArrayPointersOf {
  using type = MixedPointers<T, compact_count, arrays_of<P>().size() - compact_count>;
};
template <class P, class T>
struct ArrayPointersOf<P, T, 0> {
  using type = std::array<T*, arrays_of<P>().size()>;
};

/// The pointers to a policy's arrays, in the order of their names.
template <class P, class T>
using ArrayPointers = typename ArrayPointersOf<P, T>::type;

/// What the first of a policy's arrays holds: T, or `Bfloat16`.
template <class Arrays>
using FirstElement = std::remove_pointer_t<std::remove_cvref_t<decltype(get<0>(std::declval<const Arrays&>()))>>;

template <class O>
concept has_step = requires(const O& optimizer, ArrayPointers<O, float> arrays, std::uint64_t step, float v) {
  { optimizer.template view<float>(arrays, step).step(std::size_t{}, v, v) } -> std::same_as<float>;
};

template <class P>
concept has_term = requires(const P& penalty, ArrayPointers<P, float> arrays, float v) {
  { penalty.template view<float>(arrays).term(std::size_t{}, v).gradient } -> std::convertible_to<float>;
  { penalty.template view<float>(arrays).term(std::size_t{}, v).value } -> std::convertible_to<float>;
};

template <class P>
concept has_absorb = requires(const P& penalty, ArrayPointers<P, float> arrays, float v) {
  {
    penalty.template view<float>(arrays).absorb(std::size_t{}, v, v, penalty::Absorption<float>{})
    } -> std::convertible_to<float>;
};

template <class P>
concept has_proximal = requires(const P& penalty, ArrayPointers<P, float> arrays, float v) {
  { penalty.template view<float>(arrays).proximal(std::size_t{}, v, v) } -> std::convertible_to<float>;
};

template <class O>
concept has_rate = requires(const O& optimizer, ArrayPointers<O, float> arrays, std::uint64_t step) {
  { optimizer.template view<float>(arrays, step).template rate<float>(std::size_t{}) } -> std::same_as<float>;
};

/// The kernel of an importance at a step, whether it asks for the clock or not.
template <class T, class I>
requires requires(const I& importance, ArrayPointers<I, T> arrays) { importance.template view<T>(arrays); }
auto kernel_of(const I& importance, ArrayPointers<I, T> arrays, const Clock&) {
  return importance.template view<T>(arrays);
}
template <class T, class I>
requires requires(const I& importance, ArrayPointers<I, T> arrays, Clock clock) {
  importance.template view<T>(arrays, clock);
}
auto kernel_of(const I& importance, ArrayPointers<I, T> arrays, const Clock& clock) {
  return importance.template view<T>(arrays, clock);
}

template <class I>
concept has_contribution = requires(const I& importance, ArrayPointers<I, float> arrays, float v) {
  { kernel_of<float>(importance, arrays, Clock{}).contribution(std::size_t{}, v, v) } -> std::convertible_to<float>;
};

template <class I>
concept has_observe = requires(const I& importance, ArrayPointers<I, float> arrays, float v) {
  kernel_of<float>(importance, arrays, Clock{}).observe(std::size_t{}, v, v, v);
}
|| requires(const I& importance, ArrayPointers<I, float> arrays, float v) {
  kernel_of<float>(importance, arrays, Clock{}).observe(std::size_t{}, v, v, v, v);
};

/// True if the penalty is no sum over single parameters and keeps a state of its own kind.
template <class P, class T = float>
concept is_structured = requires {
  typename P::template State<T>;
};

template <class P, class T = float>
concept has_structured_gradient = is_structured<P, T> &&
    requires(const P& penalty, typename P::template State<T>& state, std::span<const T> theta, std::span<T> out) {
  { penalty.gradient(state, backend::Serial{}, theta, out) } -> std::convertible_to<double>;
  { state.bytes() } -> std::convertible_to<std::size_t>;
};

}  // namespace detail

/// Parameter-sized arrays read and written per step, beyond the parameters and the gradient: what a step costs.
struct Streams {
  int reads = 0;
  int writes = 0;
};

/// How a loop over independent tasks runs. Satisfied by `backend::Serial` and `backend::OpenMP`.
template <class B>
concept ExecutionBackend = std::copyable<B> && requires(const B& backend, void (*task)(std::size_t)) {
  { backend.threads() } -> std::convertible_to<std::size_t>;
  backend.parallel_for(std::size_t{}, task);
};

/// Parameters θ in one contiguous vector: all that a learner needs whose steps are given their gradients.
template <class M>
concept ParameterModel = detail::has_value_type<M> && detail::has_parameters<M>;

/// A model with its parameters θ in one contiguous vector and the gradient of its mean loss over a batch.
/// `gradient(batch, out)` overwrites `out` (as long as `parameters()`) and returns the loss. Models whose batches are
/// not `lifelong::Batch` are named with their batch type: `DifferentiableModel<M, MyBatch>`.
template <class M, class B = Batch<typename M::value_type>>
concept DifferentiableModel = ParameterModel<M> && detail::has_gradient<M, B>;

/// A model that takes new outputs when classes arrive: `grow(outputs)` appends their parameters behind the old ones,
/// which keep places and values, or throws and changes nothing.
template <class M>
concept GrowingModel = requires(M& model) {
  model.grow(std::size_t{});
};

/// A model whose parameters have names: `layout()` returns their `Layout`.
template <class M>
concept NamedModel = requires(M& model) {
  { model.layout() } -> std::convertible_to<const Layout&>;
};

/// A model that can be asked for its outputs: `predict(batch, out)` writes N x `outputs()` values f(x), row-major.
template <class M>
concept PredictiveModel = requires(M& model, const Batch<typename M::value_type>& batch,
                                   std::span<typename M::value_type> out) {
  { model.outputs() } -> std::convertible_to<std::size_t>;
  model.predict(batch, out);
};

/// A model that can pull a direction in output space back to its parameters: `pullback(batch, seeds, out)` overwrites
/// `out` with Σ_n J_nᵀ seed_n, seeds N x `outputs()`. Enough for every estimator, one sample at a time.
template <class M>
concept PullbackModel = PredictiveModel<M> &&
    requires(M& model, const Batch<typename M::value_type>& batch, std::span<const typename M::value_type> seeds,
             std::span<typename M::value_type> out) {
  model.pullback(batch, seeds, out);
};

/// What is differentiated to find an importance: `seeds(outputs)` directions per sample; `prepare(row, sample)` turns a
/// row of outputs in place into what the directions are made from; `seed(k, row, sample, delta)` writes direction k.
template <class F>
concept OutputFunctional = requires(const F& functional, std::span<float> row, std::span<const float> prepared,
                                    const SampleContext<float>& sample) {
  { functional.seeds(std::size_t{}) } -> std::convertible_to<std::size_t>;
  functional.prepare(row, sample);
  functional.seed(std::size_t{}, prepared, sample, row);
};

/// A model that adds Σ_n Σ_k m(J_nᵀ seed_nk) to `out` for a whole batch at once, m a moment of `moment::`. This is what
/// makes exact importances as cheap as a gradient.
template <class M, class F, class Moment>
concept MomentModel = requires(M& model, const Batch<typename M::value_type>& batch, const F& functional, Moment moment,
                               std::span<typename M::value_type> out) {
  model.accumulate_moment(batch, functional, moment, out);
};

/// How a step is made from a gradient: `view<T>(arrays, step_number)` returns a trivially copyable kernel with
/// `V step(i, θ, gradient)` that returns the new θ. `arrays` (static, names) asks for state, zero at first. For
/// implicit penalties the kernel has `V rate<V>(i)` as well, asked after `step`: how far a unit of steady gradient
/// moves θ_i.
template <class O>
concept OptimizerPolicy = std::copyable<O> && detail::has_validate<O> && detail::has_step<O>;

/// A penalty that is a sum over parameters: `view<T>(arrays)` returns a kernel with `term(i, θ)`, the penalty's `value`
/// and `gradient`, and `absorb(i, θ, contribution, absorption)` that takes in a task's importance.
template <class P>
concept ElementwisePenalty = detail::has_term<P> && detail::has_absorb<P>;

/// A penalty that is no part of the gradient but solved for after the optimizer's step: its kernel has
/// `proximal(i, θ, rate)` too, which returns the final θ. Needs an optimizer with `rate`.
template <class P>
concept ImplicitPenalty = ElementwisePenalty<P> && detail::has_proximal<P>;

/// A penalty that couples parameters, such as a Kronecker-factored one. The learner owns its `State<T>`, made by
/// default; `gradient(state, backend, θ, out)` overwrites `out` with the penalty's gradient and returns its value;
/// `absorb(state, estimate, θ, weights)` takes in what the importance estimated, an `Importance::Estimate<T>`, or
/// throws and changes nothing.
template <class P>
concept StructuredPenalty = detail::has_structured_gradient<P>;

/// What it costs to move the parameters, in either shape.
template <class P>
concept PenaltyPolicy = std::copyable<P> && detail::has_validate<P> &&(ElementwisePenalty<P> || StructuredPenalty<P>);

/// How much a parameter matters. Either estimated from data, `estimate(model, batches, out)`, or gathered along the way
/// by a kernel from `view<T>(arrays)` or `view<T>(arrays, clock)`, or both. The kernel has `contribution(i, θ,
/// estimate)` and may have `observe(i, gradient, before, after)`, or `observe(i, gradient, penalty_gradient, before,
/// after)`, and `restart(i, θ)`, or `restart(i, θ, contribution)`, for the start of the next task. `merge` says how
/// tasks add up; `least()` and `most()` bound Ω, if there. `final_view<T>(arrays, count, clock)`, if there, is the
/// kernel for the end of a task and may look at all `count` parameters.
template <class I>
concept ImportancePolicy = std::copyable<I> && detail::has_validate<I> && requires(const I& importance) {
  importance.merge.weights(std::size_t{});
};

/// An importance whose kernel looks at every step, such as Synaptic Intelligence.
template <class I>
concept PathImportance = ImportancePolicy<I> && detail::has_contribution<I> && detail::has_observe<I>;

/// Anything examples can be read from. Satisfied by datasets, the tasks of a stream, and your own type with
/// `size()` examples of `features()` inputs and `targets()` target values each (0: class labels instead), and
/// `read(i, row)` that fills one `ExampleRow<T>`. `read` is called from several threads at once, for different rows.
template <class E, class T>
concept ExampleSource = requires(const E& examples, std::size_t i, ExampleRow<T> row) {
  { examples.size() } -> std::convertible_to<std::size_t>;
  { examples.features() } -> std::convertible_to<std::size_t>;
  { examples.targets() } -> std::convertible_to<std::size_t>;
  examples.read(i, row);
};

}  // namespace lifelong
