// SPDX-License-Identifier: MIT
// Moments of per-sample gradients of any module: one sample and one cotangent at a time.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <torch/types.h>

#include <cstddef>
#include <span>
#include <vector>

#include <lifelong/adapter/torch/arrays.hpp>
#include <lifelong/core/batch.hpp>

namespace lifelong::libtorch::detail {

/// Adds Σ_n Σ_k m(J_nᵀ v_nk) to `sum`, which is as long as the parameters of `model` and on its device. Outputs and
/// cotangents are the host's.
template <class Model, class T, class Functional, class Moment>
void accumulate_one_by_one(Model& model, const Batch<T>& batch, const Functional& functional, Moment moment,
                           const Tensor& sum) {
  const ::torch::NoGradGuard no_grad;
  const std::size_t outputs = model.outputs(), cotangents = functional.cotangents(outputs);
  std::vector<T> rows(2 * outputs);
  const std::span<T> row = std::span(rows).first(outputs), delta = std::span(rows).last(outputs);
  const Tensor gradient = ::torch::empty_like(sum);
  for (std::size_t n = 0; n < batch.size; ++n) {
    const Batch<T> one = batch.sample(n);
    const SampleContext<T> sample = batch.context(n, outputs);
    model.predict(one, row);
    functional.prepare(row, sample);
    for (std::size_t k = 0; k < cotangents; ++k) {
      functional.cotangent(k, std::span<const T>(row), sample, delta);
      model.pullback(one, delta, std::span(gradient.data_ptr<T>(), static_cast<std::size_t>(gradient.numel())));
      sum.add_(moment_of<T>(gradient, moment));
    }
  }
}

}  // namespace lifelong::libtorch::detail

#include <lifelong/config/pop_macros.hpp>
