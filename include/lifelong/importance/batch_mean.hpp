// Moments of batch-mean gradients: what libraries compute that cannot see the gradients of single samples.
#pragma once

#include <cstddef>
#include <span>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::importance {

/// How B batches of N_b samples, N in all, become one number from their m(mean gradient of the batch).
enum class BatchScale {
  batches,  ///< 1/B Σ_b m_b: Avalanche, PyCIL, CapyMOA, agem
  samples,  ///< 1/N Σ_b N_b m_b: FACIL, the original code of MAS; the same if all batches are equally long
  enlarged  ///< 1/B Σ_b N_b m_b: GT-RIPL; undoes the shrinking of squares for gradients with zero mean
};

/// `batches`, `samples` or `enlarged`.
inline const char* name_of(BatchScale scale) {
  return scale == BatchScale::batches ? "batches" : scale == BatchScale::samples ? "samples" : "enlarged batches";
}

/// Writes the mean over batches of moment(mean gradient of the batch) to `out`. `gradient(batch, g)` overwrites g with
/// the mean gradient. \throws InvalidArgument if the scale needs `batch.size` and the batches do not have it.
template <class T, class Batches, class Gradient, class Moment>
void mean_over_batches(Batches&& batches, const Gradient& gradient, Moment moment, BatchScale scale, std::span<T> out) {
  AlignedVector<T> mean(out.size());
  std::size_t samples = 0, count = 0;
  for (T& value : out) value = 0;
  for (const auto& batch : batches) {
    gradient(batch, std::span<T>(mean));
    T weight = 1;
    if constexpr (requires { batch.size; }) {
      samples += batch.size;
      if (scale != BatchScale::batches) weight = static_cast<T>(batch.size);
    } else if (scale != BatchScale::batches) {
      detail::raise<InvalidArgument>("BatchScale::samples and BatchScale::enlarged need batches that have a size");
    }
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * moment(mean[i]);
    ++count;
  }
  const T total = static_cast<T>(scale == BatchScale::samples ? samples : count);
  for (T& value : out) value /= total;
}

}  // namespace lifelong::importance
