// Σ over samples of a moment of per-sample gradients: at batch speed where the model can, else one sample at a time.
#pragma once

#include <cstddef>
#include <span>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/concepts.hpp>
#include <lifelong/core/requirements.hpp>

namespace lifelong::importance {

/// out = ∂L/∂θ of the mean loss L of `batch`, with the model as it is used, not as it is trained: by
/// `evaluation_gradient` if it has one, so that estimating neither drops values nor moves running statistics.
template <class Model, class B>
void evaluation_gradient(Model& model, const B& batch, std::span<typename Model::value_type> out) {
  if constexpr (lifelong::detail::has_evaluation_gradient<Model, B>)
    model.evaluation_gradient(batch, out);
  else
    model.gradient(batch, out);
}

/// out ← out + Σ_n Σ_k m(J_nᵀ seed_nk) over the samples n of `batch` and the seeds k of `functional`; `out` is as long
/// as `model.parameters()`. A `MomentModel` does it for the whole batch. A `PullbackModel` is asked one sample and one
/// seed at a time, and `scratch` grows to P + O elements. Changes no parameter.
template <class Model, class Functional, class Moment>
void accumulate_moment(Model& model, const Batch<typename Model::value_type>& batch, const Functional& functional,
                       Moment moment, std::span<typename Model::value_type> out,
                       AlignedVector<typename Model::value_type>& scratch) {
  using T = typename Model::value_type;
  static_assert(lifelong::detail::require_functional<Functional>());
  if constexpr (MomentModel<Model, Functional, Moment>) {
    model.accumulate_moment(batch, functional, moment, out);
  } else {
    static_assert(PullbackModel<Model>,
                  "this importance differentiates the model's outputs: the model needs accumulate_moment(batch, "
                  "functional, moment, out), or predict(batch, out) and pullback(batch, seeds, out)");
    const std::size_t outputs = model.outputs();
    scratch.resize(out.size() + 2 * outputs);
    const std::span<T> gradient = std::span(scratch).first(out.size());
    const std::span<T> row = std::span(scratch).subspan(out.size(), outputs);
    const std::span<T> delta = std::span(scratch).last(outputs);
    for (std::size_t n = 0; n < batch.size; ++n) {
      const Batch<T> one = batch.sample(n);
      const SampleContext<T> sample = batch.context(n, outputs);
      model.predict(one, row);
      functional.prepare(row, sample);
      for (std::size_t k = 0; k < functional.seeds(outputs); ++k) {
        functional.seed(k, std::span<const T>(row), sample, delta);
        model.pullback(one, delta, gradient);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] += moment(gradient[i]);
      }
    }
  }
}

/// Number of outputs of a model that an importance differentiates.
template <class Model>
std::size_t outputs_of(Model& model) {
  static_assert(
      requires { model.outputs(); },
      "this importance differentiates the model's outputs: the model needs outputs(), and accumulate_moment(batch, "
      "functional, moment, out) or predict(batch, out) and pullback(batch, seeds, out)");
  return model.outputs();
}

/// out = 1/N Σ_n Σ_k J_nᵀ seed_nk over the N samples of one batch.
template <class Model, class Functional>
void batch_mean(Model& model, const Batch<typename Model::value_type>& batch, const Functional& functional,
                std::span<typename Model::value_type> out, AlignedVector<typename Model::value_type>& scratch) {
  using T = typename Model::value_type;
  for (T& value : out) value = 0;
  accumulate_moment(model, batch, functional, moment::Sum{}, out, scratch);
  const T share = T(1) / static_cast<T>(batch.size);
  for (T& value : out) value *= share;
}

/// 1/N Σ_n Σ_k m(J_nᵀ seed_nk) over all N samples of `batches`, written to `out`. Independent of how the samples are
/// cut into batches and of their order, to rounding.
template <class Model, class Batches, class Functional, class Moment>
void mean_moment(Model& model, Batches&& batches, const Functional& functional, Moment moment,
                 std::span<typename Model::value_type> out) {
  using T = typename Model::value_type;
  AlignedVector<T> scratch;
  std::size_t samples = 0;
  for (T& value : out) value = 0;
  for (const Batch<T>& batch : batches) {
    accumulate_moment(model, batch, functional, moment, out, scratch);
    samples += batch.size;
  }
  const T scale = T(1) / static_cast<T>(samples);
  for (T& value : out) value *= scale;
}

}  // namespace lifelong::importance
