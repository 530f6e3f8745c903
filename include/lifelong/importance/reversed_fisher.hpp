// SPDX-License-Identifier: MIT
// The empirical Fisher of reversed logits: EWC-DR.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>
#include <string>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/softmax.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/likelihood.hpp>
#include <lifelong/importance/merge.hpp>

namespace lifelong::importance {

/// Gradient of the cross-entropy of softmax(-z) with respect to the active outputs z: the row e_y - softmax(-z). It
/// models `OutputFunctional`.
struct ReversedCrossEntropy {
  [[nodiscard]] std::size_t cotangents(std::size_t) const { return 1; }

  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    for (T& z : row) z = -z;
    softmax(row.subspan(sample.active.first, sample.active.count));
    clear_inactive(row, sample.active);
  }

  /// \throws InvalidArgument if the sample has no label, or one that is no active output.
  template <class T>
  void cotangent(std::size_t, std::span<const T> q, const SampleContext<T>& sample, std::span<T> delta) const {
    const std::size_t label = detail::label_of(sample, "ReversedFisher");
    for (std::size_t c = 0; c < q.size(); ++c) delta[c] = -q[c];
    delta[label] += 1;
  }
};

/// Ω_i = 1/N Σ_n (∂ CE(softmax(-z(x_n)), y_n) / ∂θ_i)², the mean over samples, where z are the logits and y is the
/// label in the data. The empirical Fisher vanishes on samples the network is sure of, however important they are; with
/// the logits reversed, the gradient is near its largest there. It costs one gradient. EWC-DR, Liu & Chang 2026
/// (arXiv:2603.18596). Their code squares the mean gradient of a batch in training mode, cuts Ω off at 1e-4 and
/// averages tasks by their share of classes; here every sample's gradient is squared by itself and nothing is cut off.
struct ReversedFisher {
  Merge merge = Merge::sum();

  void validate() const { merge.validate(); }
  /// \throws InvalidArgument if it does not fit the model's loss or outputs.
  template <class Model>
  void validate_for(Model& model) const {
    detail::require_likelihood_of<Categorical>("ReversedFisher", model);
  }

  /// Adds the samples of a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    estimation.add(model, batch, ReversedCrossEntropy{}, moment::Square{});
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "ReversedFisher(labels empirical, per sample, mean over samples, merge " + merge.text() + ")";
  }
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
