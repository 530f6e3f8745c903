// SPDX-License-Identifier: MIT
// A moment of per-sample gradients, added up over one batch. This runs at batch speed where the model can, else one
// sample at a time.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/backend/loop.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/functional.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/present_samples.hpp>

namespace lifelong::importance {

/// out = ∂L/∂θ of the mean loss L of `batch`, of the model in evaluation, not in training. It uses
/// `evaluation_gradient` if the model has one, so that estimating neither drops values nor moves running statistics.
template <class Model, class B>
void evaluation_gradient(Model& model, const B& batch, std::span<typename Model::value_type> out) {
  lifelong::detail::require_weighing<Model>(batch);
  if constexpr (lifelong::detail::has_evaluation_gradient<Model, B>)
    model.evaluation_gradient(batch, out);
  else
    model.gradient(batch, out);
}

/// Number of outputs of a model that an importance differentiates. \throws InvalidArgument if there are none.
template <class Model>
std::size_t outputs_of(Model& model) {
  static_assert(
      requires { model.outputs(); },
      "this importance differentiates the model's outputs: the model needs outputs(), and accumulate_moment(batch, "
      "functional, moment, out) or predict(batch, out) and pullback(batch, cotangents, out)");
  return lifelong::detail::require_outputs(model.outputs());
}

/// out ← out + Σ_n w_n Σ_k m(J_nᵀ v_nk) over the samples n of `batch` and the cotangents v_nk, k = 0, 1, ..., of
/// `functional`; `out` lies where the loop's backend has its arrays. A `MomentModel` does this for the whole batch at
/// once. A `PullbackModel` is called for one sample and one cotangent at a time, and `gradient` grows to the size of θ.
/// No parameter changes.
template <class Model, class B, class Functional, class Moment, class Backend>
void accumulate_moment(Model& model, const B& batch, const Functional& functional, Moment moment,
                       const Loop<typename Model::value_type, Backend>& loop, std::span<typename Model::value_type> out,
                       ArrayOf<Backend, typename Model::value_type>& gradient) {
  using T = typename Model::value_type;
  static_assert(lifelong::detail::require_functional<Functional>());
  if constexpr (MomentModel<Model, Functional, Moment>) {
    lifelong::detail::require_weighing<Model>(batch);
    model.accumulate_moment(batch, functional, moment, out);
  } else {
    static_assert(PullbackModel<Model>,
                  "this importance differentiates the model's outputs: the model needs accumulate_moment(batch, "
                  "functional, moment, out), or predict(batch, out) and pullback(batch, cotangents, out)");
    const std::size_t outputs = outputs_of(model), cotangents = functional.cotangents(outputs);
    lifelong::detail::check_active(batch, outputs);
    AlignedVector<T> rows(2 * outputs);
    const std::span<T> row = std::span(rows).first(outputs), delta = std::span(rows).last(outputs);
    gradient.resize(out.size());
    for (std::size_t n = 0; n < batch.size; ++n) {
      const B one = batch.sample(n);
      const SampleContext<T> sample = batch.context(n, outputs);
      model.predict(one, row);
      functional.prepare(row, sample);
      for (std::size_t k = 0; k < cotangents; ++k) {
        functional.cotangent(k, std::span<const T>(row), sample, delta);
        model.pullback(one, delta, std::span<T>(gradient.data(), gradient.size()));
        loop.each(lifelong::detail::AddMoment<T, Moment>{out.data(), gradient.data(), moment, sample.weight});
      }
    }
  }
}

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
