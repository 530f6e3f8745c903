// SPDX-License-Identifier: MIT
// Memory Aware Synapses: how much the outputs move when a parameter moves. They need no labels.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>
#include <string>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/present_samples.hpp>
#include <lifelong/importance/batch_mean.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/output_norm.hpp>

namespace lifelong::importance {

/// Ω_i = 1/N Σ_n | ∂ ‖f(x_n)‖² / ∂θ_i |, the mean over samples, with the absolute value taken of each sample's
/// gradient. It costs one gradient. Aljundi 2018, eq. 2-3. Their code takes the absolute value of a batch's summed
/// gradient instead, which is smaller (`BatchMas`). Other codebases differentiate other lengths, which `norm` selects.
struct Mas {
  MasNorm norm = MasNorm::squared;
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Adds the samples of a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    estimation.add(model, batch, OutputNorm{norm}, moment::Absolute{});
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return std::string("Mas(norm ") + name_of(norm) + ", per sample, mean over samples, merge " + merge.text() + ")";
  }
};

/// Ω_i = 1/N Σ_n | ∂ ‖F_l(x_n)‖² / ∂θ_i | for every θ_i of layer l, where F_l is the layer with the activation right
/// behind it, seen as a function of its own inputs. For a linear layer with ReLU it is 1/N Σ_n 2 y_i x_j, which is
/// Hebb's rule up to the 2 and needs no backward pass. It costs less than a gradient. This is the local version of
/// Aljundi 2018. A composite layer, such as a residual block, counts as one layer.
struct LocalMas {
  MasNorm norm = MasNorm::squared;
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Adds the samples of a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    using T = typename Model::value_type;
    static_assert(
        requires(std::span<T> out) { model.accumulate_local_moment(batch, OutputNorm{}, moment::Absolute{}, out); },
        "LocalMas looks at each layer by itself: the model needs accumulate_local_moment(batch, functional, moment, "
        "out), as nn::Network has");
    lifelong::detail::require_weighing<Model>(batch);
    estimation.add(batch, [&](const B& part, std::span<T> out) {
      model.accumulate_local_moment(part, OutputNorm{norm}, moment::Absolute{}, out);
    });
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return std::string("LocalMas(norm ") + name_of(norm) + ", per sample, mean over samples, merge " + merge.text() +
           ")";
  }
};

/// 1/B Σ_b | ∂ (1/N_b Σ_n ‖f(x_n)‖²) / ∂θ_i |, the mean over B batches of the absolute value of a batch's mean
/// gradient. It is inexact: gradients of different sign cancel, so it is at most `Mas` and falls with the batch size.
/// The batches are those given to `consolidate`. The original code (with `BatchScale::samples`), Avalanche, FACIL and
/// others use it.
struct BatchMas {
  MasNorm norm = MasNorm::squared;
  BatchScale scale = BatchScale::batches;
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }

  /// Adds a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    const auto write = [&](auto mean) { estimation.batch_mean(model, batch, OutputNorm{norm}, mean); };
    add_batch_moment(estimation, batch, write, moment::Absolute{}, scale);
  }
  /// Writes the mean over the batches.
  template <class E>
  void finish(E& estimation) const {
    finish_batch_moments(estimation, scale);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return std::string("BatchMas(norm ") + name_of(norm) + ", absolute value of a batch's mean, mean over " +
           name_of(scale) + ", merge " + merge.text() + ")";
  }
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
