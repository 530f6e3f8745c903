// SPDX-License-Identifier: MIT
// Moments of batch-mean gradients, which libraries compute that have no gradients of single samples.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <lifelong/core/error.hpp>

namespace lifelong::importance {

/// How the moments m_b = m(mean gradient of batch b) of B batches of N_b samples, N in all, are averaged. Where samples
/// have weights, N_b is the sum of those of a batch.
enum class BatchScale {
  batches,  ///< 1/B Σ_b m_b: Avalanche, PyCIL, CapyMOA, agem
  samples,  ///< 1/N Σ_b N_b m_b: FACIL, the original code of MAS; the same as `batches` if all are equally long
  enlarged  ///< 1/B Σ_b N_b m_b: GT-RIPL; for gradients with zero mean it makes up for the smaller squares of means
};

/// `batches`, `samples` or `enlarged`.
inline const char* name_of(BatchScale scale) {
  return scale == BatchScale::batches ? "batches" : scale == BatchScale::samples ? "samples" : "enlarged batches";
}

/// Adds m(gradient) of one batch to an estimation, weighted as the scale says. `write(gradient)` overwrites an array
/// with the batch's mean gradient. \throws InvalidArgument if the scale needs `batch.size` and the batch does not have
/// it.
template <class Estimation, class B, class Write, class Moment>
void add_batch_moment(Estimation& estimation, const B& batch, const Write& write, Moment moment, BatchScale scale) {
  using T = typename Estimation::value_type;
  if constexpr (requires { batch.size; }) {
    double weight = static_cast<double>(batch.size);
    if constexpr (requires { batch.weight(); }) weight = batch.weight();
    const T factor = scale == BatchScale::batches ? T(1) : static_cast<T>(weight);
    estimation.add_gradient(write, moment, static_cast<std::size_t>(batch.size), factor, weight);
  } else {
    if (scale != BatchScale::batches)
      detail::raise<InvalidArgument>("BatchScale::samples and BatchScale::enlarged need batches that have a size");
    estimation.add_gradient(write, moment);
  }
}

/// Ends such an estimation with the division that the scale asks for.
template <class Estimation>
void finish_batch_moments(Estimation& estimation, BatchScale scale) {
  estimation.divide(scale == BatchScale::samples ? estimation.weight() : static_cast<double>(estimation.batches()));
}

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
