// The inexact "Fisher" of most Python libraries, under its own name, for comparison.
#pragma once

#include <cstddef>
#include <span>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/importance/accumulate.hpp>
#include <lifelong/importance/merge.hpp>

namespace lifelong::importance {

/// 1/B Σ_b (∂ mean loss of batch b / ∂θ_i)², the mean over B batches of the squared mean gradient. Not the Fisher
/// information: for zero-mean gradients it is smaller by about the batch size, and it changes with it. The batches are
/// those given to `consolidate`. Used by Avalanche, FACIL, PyCIL and others; called BATCHED in van de Ven 2025.
struct BatchFisher {
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Writes the estimate over all `batches` to `out`; changes no parameter of `model`.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    using T = typename Model::value_type;
    AlignedVector<T> gradient(out.size());
    std::size_t count = 0;
    for (T& value : out) value = 0;
    for (const auto& batch : batches) {
      evaluation_gradient(model, batch, std::span<T>(gradient));
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += gradient[i] * gradient[i];
      ++count;
    }
    for (T& value : out) value /= static_cast<T>(count);
  }
};

}  // namespace lifelong::importance
