// SPDX-License-Identifier: MIT
// A training pass of any model with the criterion of a policy.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>

#include <lifelong/backend/backend.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/criterion.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/model.hpp>

namespace lifelong::rehearsal {

/// Computes ∂L/∂θ of a `Criterion`. A `CriterionModel`, such as `nn::Network`, does it in one training pass. Of a
/// `PullbackModel` it predicts, pulls the cotangents of all e_n back, and adds the gradient of each run of samples with
/// the same share a_n, so it costs as many gradients more; its outputs are then those of the model in evaluation. Where
/// all e_n have no derivative and all a_n are 1, the gradient has the bits of the model's own. The object owns work
/// arrays, which grow to the largest batch and model seen.
template <class Model>
class CriterionPass {
  using T = typename Model::value_type;

 public:
  /// out = ∂L/∂θ, which it overwrites; returns L. \throws InvalidArgument for a sample of weight 0, which a learner
  /// leaves out beforehand, because samples are numbered; what the model does.
  template <class Backend, class Policy>
  double operator()(Model& model, const Backend&, const Batch<T>& batch, const Policy& criterion, std::span<T> out) {
    static_assert(detail::require_criterion<Policy, T>());
    for (const T weight : batch.weights) detail::require_positive("a weight of the batch", static_cast<double>(weight));
    if constexpr (CriterionModel<Model, Policy>) {
      return static_cast<double>(model.gradient(batch, criterion, out));
    } else {
      static_assert(DifferentiableModel<Model> && PullbackModel<Model> && !DeviceBackend<Backend>,
                    "this rehearsal adds a term of the outputs to the loss: the model needs gradient(batch, criterion, "
                    "out), or predict(batch, out) and pullback(batch, cotangents, out) in the host's memory");
      detail::check_sizes(batch);
      const double weight = batch.weight();
      bool written = false;
      const double terms = pull_terms(model, batch, criterion, weight, out, written);
      return terms + add_own(model, batch, criterion, weight, out, written);
    }
  }

 private:
  static std::span<T> grown(AlignedVector<T>& values, std::size_t size) {
    if (values.size() < size) values.resize(size);
    return std::span(values).first(size);
  }

  /// out = Σ_n w_n J_nᵀ ∂e_n/∂f / Σ_n w_n, unless all derivatives are 0; returns Σ_n w_n e_n / Σ_n w_n.
  template <class Policy>
  double pull_terms(Model& model, const Batch<T>& batch, const Policy& criterion, double weight, std::span<T> out,
                    bool& written) {
    const std::size_t width = detail::require_outputs(model.outputs());
    detail::check_active(batch, width);
    const std::span<T> outputs = grown(outputs_, batch.size * width);
    const std::span<T> cotangents = grown(cotangents_, batch.size * width);
    model.predict(batch, outputs);
    double total = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const std::span<T> row = cotangents.subspan(n * width, width);
      for (T& value : row) value = 0;
      const SampleContext<T> sample = batch.context(n, width);
      const double weight_of_sample = static_cast<double>(sample.weight);
      total += weight_of_sample * criterion.term(n, std::span<const T>(outputs.subspan(n * width, width)), sample, row);
      for (T& value : row) {
        value *= static_cast<T>(weight_of_sample / weight);
        written = written || value != 0;
      }
    }
    if (written) model.pullback(batch, cotangents, out);
    return total / weight;
  }

  /// out += Σ_n w_n a_n ∂ℓ_n/∂θ / Σ_n w_n, or = if nothing is written there; returns Σ_n w_n a_n ℓ_n / Σ_n w_n.
  template <class Policy>
  double add_own(Model& model, const Batch<T>& batch, const Policy& criterion, double weight, std::span<T> out,
                 bool written) {
    double loss = 0;
    for (std::size_t n = 0, end = 0; n < batch.size; n = end) {
      const double share = criterion.share(n);
      for (end = n + 1; end < batch.size && criterion.share(end) == share;) ++end;
      if (share == 0) continue;
      const Batch<T> run = batch.slice(n, end - n);
      const double factor = share * run.weight() / weight;
      const std::span<T> to = written ? grown(gradient_, out.size()) : out;
      loss += factor * static_cast<double>(model.gradient(run, to));
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = written ? out[i] + static_cast<T>(factor) * to[i] : static_cast<T>(factor) * to[i];
      written = true;
    }
    for (std::size_t i = 0; i < out.size() && !written; ++i) out[i] = 0;
    return loss;
  }

  AlignedVector<T> outputs_, cotangents_, gradient_;
};

}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
