// SPDX-License-Identifier: MIT
// What a model must provide, level by level. Members are the customisation point; nothing is virtual. Every concept is
// built from named atoms, so that a compiler that refuses a type names what is missing. Each `require_...` function
// says the same in one sentence, which is the first error that a user reads.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/layout.hpp>

namespace lifelong {
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

/// `evaluation_gradient(batch, out)` writes the gradient of the model in evaluation, for a model that behaves otherwise
/// in training (dropout, running statistics).
template <class M, class B>
concept has_evaluation_gradient = requires(M& model, const B& batch, std::span<typename M::value_type> out) {
  model.evaluation_gradient(batch, out);
};

}  // namespace detail

/// A model with its parameters θ in one contiguous vector. A learner whose steps are given their gradients needs no
/// more than that. With a `DeviceBackend` the vector lies where the backend's arrays lie.
template <class M>
concept ParameterModel = detail::has_value_type<M> && detail::has_parameters<M>;

/// A model with its parameters θ in one contiguous vector and the gradient of its mean loss over a batch.
/// `gradient(batch, out)` overwrites `out` (as long as `parameters()`) and returns the loss. For a model whose batches
/// are not `lifelong::Batch`, the concept takes the batch type too: `DifferentiableModel<M, MyBatch>`.
template <class M, class B = Batch<typename M::value_type>>
concept DifferentiableModel = ParameterModel<M> && detail::has_gradient<M, B>;

/// A model that takes new outputs when classes arrive: `grow(outputs)` appends their parameters behind the old ones,
/// which keep their places and values, or throws and changes nothing.
template <class M>
concept GrowingModel = requires(M& model) {
  model.grow(std::size_t{});
};

/// A model whose parameters have names: `layout()` returns their `Layout`.
template <class M>
concept NamedModel = requires(M& model) {
  { model.layout() } -> std::convertible_to<const Layout&>;
};

/// A model of which a part can be frozen: `learning()` gives the parameters that learn, as ranges in their order that
/// do not touch. A learner leaves the others as they are, to the bit, whatever its optimizer, decay and penalty, and
/// gives them no importance. It asks in every step, so the ranges may change between two.
template <class M>
concept FreezableModel = requires(const M& model) {
  { model.learning() } -> std::convertible_to<std::span<const ParameterRange>>;
};

/// A model that gives its outputs: `predict(batch, out)` writes N x `outputs()` values f(x), row-major.
template <class M>
concept PredictiveModel = requires(M& model, const Batch<typename M::value_type>& batch,
                                   std::span<typename M::value_type> out) {
  { model.outputs() } -> std::convertible_to<std::size_t>;
  model.predict(batch, out);
};

/// A model that can pull a cotangent, a direction in output space, back to its parameters: `pullback(batch, cotangents,
/// out)` overwrites `out` with Σ_n J_nᵀ v_n, where the cotangents v are N x `outputs()`. That is enough for every
/// estimator, which then takes one sample at a time.
template <class M>
concept PullbackModel = PredictiveModel<M> &&
    requires(M& model, const Batch<typename M::value_type>& batch, std::span<const typename M::value_type> cotangents,
             std::span<typename M::value_type> out) {
  model.pullback(batch, cotangents, out);
};

namespace detail {

// Each function returns true, so that a class or function can say `static_assert(require_...<Part>())`. The sentences
// of one function together are its concept, no more and no less. A constraint that fails would instead be reported as a
// template that does not match, with the reason, if any, many lines below.

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
      "PredictiveModel: the model needs outputs(), the number of its outputs");
  static_assert(PredictiveModel<M>,
                "PredictiveModel: the model needs predict(batch, out), which writes outputs() values for each sample");
  return true;
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
