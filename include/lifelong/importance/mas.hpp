// Memory Aware Synapses: how much the outputs move when a parameter moves. Needs no labels.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/importance/accumulate.hpp>
#include <lifelong/importance/batch_mean.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/output_norm.hpp>

namespace lifelong::importance {

/// Ω_i = 1/N Σ_n | ∂ ‖f(x_n)‖² / ∂θ_i |, the absolute value taken per sample. Mean over samples; costs one gradient.
/// Aljundi 2018, eq. 2-3. Their code takes the absolute value of a batch's summed gradient instead, which is smaller
/// (`BatchMas`). `norm` has the lengths that others differentiate.
struct Mas {
  MasNorm norm = MasNorm::squared;
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Writes Ω over all samples of `batches` to `out`; changes no parameter of `model`.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    mean_moment(model, batches, OutputNorm{norm}, moment::Absolute{}, out);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return std::string("Mas(norm ") + name_of(norm) + ", per sample, mean over samples, merge " + merge.text() + ")";
  }
};

/// Ω_i = 1/N Σ_n | ∂ ‖F_l(x_n)‖² / ∂θ_i | for every θ_i of layer l, where F_l is the layer with the activation right
/// behind it, seen as a function of its own inputs. For a linear layer with ReLU it is 1/N Σ_n 2 y_i x_j, Hebb's rule
/// up to the 2, and needs no backward pass. Mean over samples; costs less than a gradient. The local version of Aljundi
/// 2018. A composite layer, such as a residual block, is one layer.
struct LocalMas {
  MasNorm norm = MasNorm::squared;
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Writes Ω over all samples of `batches` to `out`; changes no parameter of `model`.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    using T = typename Model::value_type;
    static_assert(
        requires(const Batch<T>& batch) {
          model.accumulate_local_moment(batch, OutputNorm{}, moment::Absolute{}, out);
        },
        "LocalMas looks at each layer by itself: the model needs accumulate_local_moment(batch, functional, moment, "
        "out), as nn::Network has");
    std::size_t samples = 0;
    for (T& value : out) value = 0;
    for (const Batch<T>& batch : batches) {
      model.accumulate_local_moment(batch, OutputNorm{norm}, moment::Absolute{}, out);
      samples += batch.size;
    }
    const T scale = T(1) / static_cast<T>(samples);
    for (T& value : out) value *= scale;
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return std::string("LocalMas(norm ") + name_of(norm) + ", per sample, mean over samples, merge " + merge.text() +
           ")";
  }
};

/// 1/B Σ_b | ∂ (1/N_b Σ_n ‖f(x_n)‖²) / ∂θ_i |, the mean over B batches of the absolute value of a batch's mean
/// gradient. Inexact: gradients of different sign cancel, so it is at most `Mas` and falls with the batch size. The
/// batches are those given to `consolidate`. Used by the original code (with `BatchScale::samples`), Avalanche, FACIL
/// and others.
struct BatchMas {
  MasNorm norm = MasNorm::squared;
  BatchScale scale = BatchScale::batches;
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Writes the estimate over all `batches` to `out`; changes no parameter of `model`.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    using T = typename Model::value_type;
    AlignedVector<T> scratch;
    const auto gradient = [&](const Batch<T>& batch, std::span<T> mean) {
      batch_mean(model, batch, OutputNorm{norm}, mean, scratch);
    };
    mean_over_batches(batches, gradient, moment::Absolute{}, scale, out);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return std::string("BatchMas(norm ") + name_of(norm) + ", absolute value of a batch's mean, mean over " +
           name_of(scale) + ", merge " + merge.text() + ")";
  }
};

}  // namespace lifelong::importance
