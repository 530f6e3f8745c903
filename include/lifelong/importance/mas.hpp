// Memory Aware Synapses: how much the outputs move when a parameter moves. Needs no labels.
#pragma once

#include <span>

#include <lifelong/core/moment.hpp>
#include <lifelong/importance/accumulate.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/squared_norm.hpp>

namespace lifelong::importance {

/// Ω_i = 1/N Σ_n | ∂ ‖f(x_n)‖² / ∂θ_i |, the absolute value taken per sample. Mean over samples; costs one gradient.
/// Aljundi 2018, eq. 2-3. Their code takes the absolute value of a batch's summed gradient instead, which is smaller.
struct Mas {
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Writes Ω over all samples of `batches` to `out`; changes no parameter of `model`.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    mean_moment(model, batches, SquaredNorm{}, moment::Absolute{}, out);
  }
};

}  // namespace lifelong::importance
