// SPDX-License-Identifier: MIT
// The Fisher information with the correlations inside each layer, as Kronecker products, and the diagonal elsewhere.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <lifelong/backend/loop.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/likelihood.hpp>
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/scope.hpp>
#include <lifelong/nn/chain.hpp>
#include <lifelong/nn/kronecker/factors.hpp>
#include <lifelong/nn/kronecker/sites.hpp>

namespace lifelong::nn {

namespace detail {

/// A model that passes on the inputs and gradients of its layers, as `Network` does. (nvcc 13 answers the same question
/// with no where it is asked inside of a member function.)
template <class Model, class Functional>
concept Backpropagates = requires(Model& model, const Batch<typename Model::value_type>& batch,
                                  const Functional& functional) {
  model.backpropagate(batch, functional, NoHook{});
};

}  // namespace detail

/// The Fisher information of each weight matrix as A ⊗ G (KFAC). A is made of the layer's inputs and G of the gradients
/// of log p(y | x) with respect to its outputs; both are means over samples, with the expectation over the labels that
/// `labels` names. `KroneckerAccumulator` has the formula. Linear, Heads and Conv2d have factors, with or without
/// biases, also inside residual and transformer blocks. All other parameters (norms, embeddings, recurrent layers,
/// attention) keep the diagonal of the exact Fisher information, for the same labels and draws;
/// `kronecker_blocks(network)` tells which do. It is for use with `KroneckerPenalty`.
///
/// There are two approximations: correlations between layers are left out, and inputs and gradients are taken to be
/// independent; the rest is exact per sample. So for one sample and one position, or where all samples have the same
/// inputs, it is exactly the layer's part of the Fisher information. Martens & Grosse 2015; as an importance Ritter,
/// Botev & Barber 2018.
///
/// On a batch it costs a forward pass, and for each cotangent a backward pass of the outputs' gradients and half of O²
/// products per layer. So for ten classes exact labels cost about ten times as much as the others. No array is larger
/// than a batch's inputs or the factors. Where there are parameters without factors, `importance::Fisher` is paid for
/// as well.
template <class L>
struct KroneckerFisherOf {
  static_assert(lifelong::detail::require_likelihood<lifelong::detail::LikelihoodFor<L, lifelong::detail::NoModel>>());

  importance::Labels labels = importance::Labels::exact;
  importance::Merge merge = importance::Merge::sum();
  std::uint64_t seed = 0;   ///< of sampled labels; a draw depends on (seed, sample number, draw) alone
  std::uint32_t draws = 1;  ///< M: sampled labels per sample
  L likelihood = {};

  /// The factors of all layers that have some, and the diagonals of all other blocks.
  template <class T>
  using Estimate = KroneckerEstimate<T>;

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
  /// \throws InvalidArgument if it does not fit the model's outputs, for labels that the likelihood of its loss cannot
  /// give, and for a network of which no layer has factors.
  template <class Model>
  void validate_for(Model& model) const {
    functional<Model>().validate();
    lifelong::detail::require_likelihood_of<lifelong::detail::LikelihoodFor<L, Model>>("KroneckerFisher", model);
    if constexpr (detail::Backpropagates<Model, FunctionalFor<Model>>)
      detail::require_factored(detail::kronecker_sites_of(model));
  }

  /// Begins an estimate, with no samples yet. \throws InvalidArgument if no layer of the network has factors.
  template <class Model, class T, class Backend>
  [[nodiscard]] KroneckerAccumulator<T> begin(Model& model, const Loop<T, Backend>&, std::span<T>) const {
    return KroneckerAccumulator<T>(model);
  }
  /// Adds the samples of a batch; changes no parameter of `model`, a `Network`. \throws what `Network::backpropagate`
  /// throws.
  template <class Model, class E>
  void estimate(Model& model, const Batch<typename Model::value_type>& batch, E& sums) const {
    static_assert(detail::Backpropagates<Model, FunctionalFor<Model>>,
                  "KroneckerFisher uses the layers of the model, which must be an nn::Network");
    sums.add(model, batch, functional<Model>());
  }
  /// Returns the factors and diagonals, which are means over samples.
  template <class T>
  [[nodiscard]] Estimate<T> finish(KroneckerAccumulator<T>& sums) const {
    return sums.take_means();
  }

  /// Sets the importance of parameters out of scope to 0: the rows and columns of A that belong to the weights or the
  /// bias, and diagonals.
  template <class T>
  void restrict_to(const Scope& scope, const Layout& layout, KroneckerEstimate<T>& estimate) const {
    const auto in_scope = [&](const std::string& name) {
      for (const Block& block : layout.blocks())
        if (block.name == name) return scope.contains(block);
      return true;
    };
    for (KroneckerDiagonal<T>& block : estimate.diagonals)
      if (!in_scope(block.name)) std::fill(block.values.begin(), block.values.end(), T(0));
    for (KroneckerFactors<T>& layer : estimate.layers) {
      const KroneckerSite& site = layer.site;
      if (!in_scope(site.name + ".weight"))
        for (std::size_t k = 0; k < site.inputs(); ++k) clear_input(layer, k);
      if (site.has_bias && !in_scope(site.name + ".bias")) clear_input(layer, site.inputs());
    }
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "KroneckerFisher(" + functional().recipe() + ", mean over samples, merge " + merge.text() + ")";
  }

 private:
  /// Sets row and column k of A to 0.
  template <class T>
  static void clear_input(KroneckerFactors<T>& layer, std::size_t k) {
    for (std::size_t j = 0; j < layer.site.columns; ++j)
      layer.a[k * layer.site.columns + j] = layer.a[j * layer.site.columns + k] = 0;
  }

  template <class Model>
  using FunctionalFor = importance::LogLikelihoodOf<lifelong::detail::LikelihoodFor<L, Model>>;

  template <class Model = lifelong::detail::NoModel>
  [[nodiscard]] FunctionalFor<Model> functional() const {
    return {labels, seed, draws, lifelong::detail::likelihood_for<L, Model>(likelihood)};
  }
};

/// With the likelihood of the model's loss, as `importance::Fisher`. With settings of its own:
/// `KroneckerFisherOf<importance::Gaussian>{.likelihood = {.variance = 0.1}}`.
using KroneckerFisher = KroneckerFisherOf<importance::ModelLikelihood>;

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
