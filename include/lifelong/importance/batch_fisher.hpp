// SPDX-License-Identifier: MIT
// The inexact "Fisher" of most Python libraries, under its own name, for comparison.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/functional.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/importance/batch_mean.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/likelihood.hpp>
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/per_sample.hpp>

namespace lifelong::importance {

/// 1/B Σ_b (1/N_b Σ_n ∂ log p(y_n | x_n) / ∂θ_i)², the mean over B batches of the squared mean gradient. This is not
/// the Fisher information: for zero-mean gradients it is smaller by about the batch size, and it changes with the batch
/// size. The batches are those given to `consolidate`. Avalanche, FACIL, PyCIL and others use it; van de Ven 2025 calls
/// it BATCHED. It costs one gradient.
///
/// The gradient is that of the outputs as `predict` gives them (no dropout, running statistics), not that of training.
/// A model that has only `gradient(batch, out)` can have empirical labels alone, and its loss is taken for the mean of
/// -log p(y | x).
template <class L>
struct BatchFisherInformation {
  static_assert(detail::require_likelihood<detail::LikelihoodFor<L, detail::NoModel>>());

  Labels labels = Labels::empirical;  ///< or predicted, or sampled; each sample has one label
  BatchScale scale = BatchScale::batches;
  Merge merge = Merge::sum();
  std::uint64_t seed = 0;  ///< of sampled labels
  L likelihood = {};

  /// \throws InvalidArgument for labels other than empirical, predicted and sampled, and for labels that the likelihood
  /// cannot give.
  void validate() const {
    if (labels != Labels::empirical && labels != Labels::predicted && labels != Labels::sampled)
      detail::raise<InvalidArgument>(
          std::string("BatchFisher.labels must be empirical, predicted or sampled, but is ") + name_of(labels) +
          ": gradients of several labels of a sample cancel in a batch's mean");
    functional().validate();
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    functional().template validate_as<T>();
  }
  /// \throws InvalidArgument if it does not fit the model's outputs, or for labels that the likelihood of its loss
  /// cannot give.
  template <class Model>
  void validate_for(Model& model) const {
    functional<Model>().validate();
    if constexpr (PullbackModel<Model> || MomentModel<Model, FunctionalFor<Model>, moment::Sum>)
      detail::require_likelihood_of<detail::LikelihoodFor<L, Model>>("BatchFisher", model);
  }

  /// Adds a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    if constexpr (PullbackModel<Model> || MomentModel<Model, FunctionalFor<Model>, moment::Sum>) {
      const auto write = [&](auto mean) { estimation.batch_mean(model, batch, functional<Model>(), mean); };
      add_batch_moment(estimation, batch, write, moment::Square{}, scale);
    } else {
      if (labels != Labels::empirical)
        detail::raise<InvalidArgument>(
            "BatchFisher.labels must be Labels::empirical for a model that has only gradient(batch, out): the other "
            "labels need its outputs, by predict and pullback");
      const auto write = [&](auto mean) { evaluation_gradient(model, batch, mean); };
      add_batch_moment(estimation, batch, write, moment::Square{}, scale);
    }
  }
  /// Writes the mean over the batches.
  template <class E>
  void finish(E& estimation) const {
    finish_batch_moments(estimation, scale);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "BatchFisher(" + functional().recipe() + ", square of a batch's mean, mean over " + name_of(scale) +
           ", merge " + merge.text() + ")";
  }

 private:
  template <class Model>
  using FunctionalFor = LogLikelihoodOf<detail::LikelihoodFor<L, Model>>;

  template <class Model = detail::NoModel>
  [[nodiscard]] FunctionalFor<Model> functional() const {
    return {labels, seed, 1, detail::likelihood_for<L, Model>(likelihood)};
  }
};

/// With the likelihood of the model's loss, as `Fisher`.
using BatchFisher = BatchFisherInformation<ModelLikelihood>;
/// For a classifier: p is the softmax of the active outputs.
using CategoricalBatchFisher = BatchFisherInformation<Categorical>;
/// For a regression with normal noise.
using GaussianBatchFisher = BatchFisherInformation<Gaussian>;

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
