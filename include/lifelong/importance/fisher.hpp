// SPDX-License-Identifier: MIT
// The diagonal of the Fisher information, exact per sample: the importance of Elastic Weight Consolidation.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/functional.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/likelihood.hpp>
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/per_sample.hpp>

namespace lifelong::importance {

/// F_i = 1/N Σ_n E_y [ (∂ log p(y | x_n) / ∂θ_i)² ], the mean over samples, with the expectation over the labels that
/// `labels` names. Every sample's gradient is squared by itself, never a batch's mean gradient (`BatchFisher` does
/// that). With exact labels the C factors of a sample are folded before one squared product, which costs about 2.3
/// plain gradients for ten classes; M sampled labels cost as much as M factors, the other labels one gradient.
/// Kirkpatrick 2017 (EWC); with `merge = Merge::decay(gamma)` Schwarz 2018 (online EWC). The likelihood says what y is:
/// what the model's loss says (`Fisher`), a class (`CategoricalFisher`), a target with normal noise (`GaussianFisher`),
/// yes-or-no answers (`BernoulliFisher`), or what a type of your own defines. A learner whose model has a loss of
/// another likelihood does not compile.
///
/// A model that has only `gradient(batch, out)` can have empirical labels alone; its loss is then taken for -log p(y |
/// x).
template <class L>
struct FisherInformation {
  static_assert(detail::require_likelihood<detail::LikelihoodFor<L, detail::NoModel>>());

  Labels labels = Labels::exact;
  Merge merge = Merge::sum();
  std::uint64_t seed = 0;   ///< of sampled labels; a draw depends on (seed, sample number, draw) alone
  std::uint32_t draws = 1;  ///< M: sampled labels per sample; the error falls as 1/√M
  L likelihood = {};

  /// \throws InvalidArgument for 0 draws, and for labels that the likelihood cannot give.
  void validate() const {
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
    if constexpr (PullbackModel<Model> || MomentModel<Model, FunctionalFor<Model>, moment::Square>)
      detail::require_likelihood_of<detail::LikelihoodFor<L, Model>>("Fisher", model);
  }

  /// Adds the samples of a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    if constexpr (PullbackModel<Model> || MomentModel<Model, FunctionalFor<Model>, moment::Square>) {
      estimation.add(model, batch, functional<Model>(), moment::Square{});
    } else {
      if (labels != Labels::empirical)
        detail::raise<InvalidArgument>(
            "Fisher.labels must be Labels::empirical for a model that has only gradient(batch, out): the other labels "
            "need its outputs, by predict and pullback");
      for (std::size_t n = 0; n < batch.size; ++n) {
        auto sample = batch.sample(n);
        typename E::value_type weight = 1;
        if constexpr (requires { batch.weights[n]; }) {
          if (!batch.weights.empty()) weight = batch.weights[n];
          sample.weights = {};
        }
        estimation.add_gradient([&](auto gradient) { evaluation_gradient(model, sample, gradient); }, moment::Square{},
                                1, weight, static_cast<double>(weight));
      }
    }
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Fisher(" + functional().recipe() + ", per sample, mean over samples, merge " + merge.text() + ")";
  }

 private:
  template <class Model>
  using FunctionalFor = LogLikelihoodOf<detail::LikelihoodFor<L, Model>>;

  template <class Model = detail::NoModel>
  [[nodiscard]] FunctionalFor<Model> functional() const {
    return {labels, seed, draws, detail::likelihood_for<L, Model>(likelihood)};
  }
};

/// With the likelihood of the model's loss: of a classifier that of its softmax, of a regression normal noise of
/// variance 1, of yes-or-no answers theirs. `ModelLikelihood` says what it is where the loss does not tell.
using Fisher = FisherInformation<ModelLikelihood>;
/// For a classifier, whatever else the model is: p is the softmax of the active outputs.
using CategoricalFisher = FisherInformation<Categorical>;
/// For a regression with normal noise: `GaussianFisher{.likelihood = {.variance = 0.1}}`.
using GaussianFisher = FisherInformation<Gaussian>;
/// For independent yes-or-no answers.
using BernoulliFisher = FisherInformation<Bernoulli>;

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
