// What the compiler says first where a part lacks a member: the concept and the member, in one sentence. A constraint
// that fails is reported as a template that does not match, with the reason, if any, many lines below.
#pragma once

#include <concepts>
#include <cstddef>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/concepts.hpp>

namespace lifelong::detail {

// Each returns true, for a class or function to say `static_assert(require_...<Part>())`. The sentences of one function
// together are its concept: no more and no less.

template <class M>
consteval bool require_parameter_model() {
  static_assert(has_value_type<M>, "ParameterModel: the model needs value_type, float or double");
  static_assert(has_parameters<M>,
                "ParameterModel: the model needs parameters(), all of them as std::span<value_type>");
  return true;
}

template <class M, class B>
consteval bool require_differentiable_model() {
  static_assert(
      has_gradient<M, B>,
      "DifferentiableModel: the model needs gradient(batch, out), which writes the mean loss's gradient to out "
      "and returns the loss");
  return true;
}

template <class M>
consteval bool require_predictive_model() {
  static_assert(
      requires(M & model) {
        { model.outputs() } -> std::convertible_to<std::size_t>;
      },
      "PredictiveModel: the model needs outputs(), their number");
  static_assert(PredictiveModel<M>,
                "PredictiveModel: the model needs predict(batch, out), which writes outputs() values for each sample");
  return true;
}

template <class O>
consteval bool require_optimizer() {
  static_assert(std::copyable<O>, "OptimizerPolicy: the optimizer must be copyable");
  static_assert(has_validate<O>,
                "OptimizerPolicy: the optimizer needs validate() const, which throws if a setting is wrong");
  static_assert(
      has_step<O>,
      "OptimizerPolicy: the optimizer needs view<T>(arrays, step) const with as many arrays as it names, which "
      "returns a kernel with step(i, theta, gradient), the new theta");
  return true;
}

template <class P>
consteval bool require_penalty() {
  static_assert(std::copyable<P>, "PenaltyPolicy: the penalty must be copyable");
  static_assert(has_validate<P>,
                "PenaltyPolicy: the penalty needs validate() const, which throws if a setting is wrong");
  static_assert(!is_structured<P> || StructuredPenalty<P>,
                "StructuredPenalty: a penalty with State<T> needs gradient(state, backend, theta, out) const, which "
                "returns its value, and State<T>::bytes()");
  static_assert(is_structured<P> || has_term<P>,
                "ElementwisePenalty: the penalty needs view<T>(arrays) const with as many arrays as it names, which "
                "returns a kernel with term(i, theta), a penalty::Term");
  static_assert(is_structured<P> || has_absorb<P>,
                "ElementwisePenalty: the penalty's kernel needs absorb(i, theta, contribution, absorption)");
  return true;
}

template <class I>
consteval bool require_importance() {
  static_assert(std::copyable<I>, "ImportancePolicy: the importance must be copyable");
  static_assert(has_validate<I>,
                "ImportancePolicy: the importance needs validate() const, which throws if a setting is wrong");
  static_assert(ImportancePolicy<I>, "ImportancePolicy: the importance needs merge, an importance::Merge");
  return true;
}

template <class B>
consteval bool require_backend() {
  static_assert(std::copyable<B>, "ExecutionBackend: the backend must be copyable");
  static_assert(
      requires(const B& backend) {
        { backend.threads() } -> std::convertible_to<std::size_t>;
      },
      "ExecutionBackend: the backend needs threads() const, their number");
  static_assert(ExecutionBackend<B>, "ExecutionBackend: the backend needs parallel_for(size, task) const");
  return true;
}

template <class E, class T>
consteval bool require_example_source() {
  static_assert(
      requires(const E& examples) {
        { examples.size() } -> std::convertible_to<std::size_t>;
      },
      "ExampleSource: the examples need size() const, their number");
  static_assert(
      requires(const E& examples) {
        { examples.features() } -> std::convertible_to<std::size_t>;
      },
      "ExampleSource: the examples need features() const, the number of inputs of each");
  static_assert(
      requires(const E& examples) {
        { examples.targets() } -> std::convertible_to<std::size_t>;
      },
      "ExampleSource: the examples need targets() const, the number of target values of each, 0 if there are labels");
  static_assert(ExampleSource<E, T>,
                "ExampleSource: the examples need read(i, row) const, which fills an ExampleRow<T>");
  return true;
}

/// For what is not an `ExampleSource`: then it is a range of batches.
template <class B, class T>
consteval bool require_batches() {
  if constexpr (requires(B & batches) {
                  batches.begin();
                  batches.end();
                })
    return true;
  else
    return require_example_source<B, T>();
}

template <class F>
consteval bool require_functional() {
  static_assert(
      requires(const F& functional) {
        { functional.seeds(std::size_t{}) } -> std::convertible_to<std::size_t>;
      },
      "OutputFunctional: the functional needs seeds(outputs) const, the number of directions per sample");
  static_assert(
      requires(const F& functional, std::span<float> row, const SampleContext<float>& sample) {
        functional.prepare(row, sample);
      },
      "OutputFunctional: the functional needs prepare(row, sample) const");
  static_assert(OutputFunctional<F>, "OutputFunctional: the functional needs seed(k, row, sample, delta) const");
  return true;
}

}  // namespace lifelong::detail
