// SPDX-License-Identifier: MIT
// The diagonal of the generalized Gauss-Newton matrix of the model's own loss.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/importance/merge.hpp>

namespace lifelong::importance {

/// A loss ℓ(f) that is convex in the outputs and says how curved it is: `prepare(row, sample)` turns f in place into
/// what the columns are made from; `factors(outputs)` and `factor(k, row, sample, delta)` give the columns b_k of a
/// square root of its second derivative, Σ_k b_k b_kᵀ = ∂²ℓ/∂f². Every `Likelihood` in whose second derivative of log p
/// there is no y is a curved loss.
template <class L>
concept CurvedLoss = std::copyable<L> &&
    requires(const L& loss, std::span<float> row, std::span<const float> prepared, const SampleContext<float>& sample) {
  loss.prepare(row, sample);
  { loss.factors(std::size_t{}) } -> std::convertible_to<std::size_t>;
  loss.factor(std::size_t{}, prepared, sample, row);
};

/// The columns b_k as directions. It models `OutputFunctional`.
template <CurvedLoss Loss>
struct Curvature {
  Loss loss;

  [[nodiscard]] std::size_t cotangents(std::size_t outputs) const { return loss.factors(outputs); }
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    loss.prepare(row, sample);
  }
  template <class T>
  void cotangent(std::size_t k, std::span<const T> row, const SampleContext<T>& sample, std::span<T> delta) const {
    loss.factor(k, row, sample, delta);
  }
};

/// Ω_i = 1/N Σ_n (J_nᵀ H_n J_n)_ii with J_n = ∂f(x_n)/∂θ and H_n = ∂²ℓ_n/∂f², where ℓ is the loss that the model is
/// trained with. This is the curvature of the mean loss without the part that has second derivatives of the network,
/// which vanishes where the outputs fit. Schraudolph 2002. For a softmax with cross-entropy it equals the exact Fisher
/// information, and for mean squared errors over C outputs the `GaussianFisher` with σ² = C/2. It costs as much as
/// `Fisher` and needs labels only if H does. The model needs `loss_function()`, which returns a `CurvedLoss`.
struct GaussNewton {
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Adds the samples of a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    static_assert(
        requires { requires CurvedLoss<std::remove_cvref_t<decltype(model.loss_function())>>; },
        "GaussNewton takes the curvature of the model's own loss: the model needs loss_function(), and that needs "
        "prepare(row, sample), factors(outputs) and factor(k, row, sample, delta)");
    using Loss = std::remove_cvref_t<decltype(model.loss_function())>;
    estimation.add(model, batch, Curvature<Loss>{model.loss_function()}, moment::Square{});
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "GaussNewton(per sample, mean over samples, merge " + merge.text() + ")";
  }
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
