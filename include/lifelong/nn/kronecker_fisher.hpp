// The Fisher information with the correlations inside each layer, as Kronecker products.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/importance/likelihood.hpp>
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/nn/chain.hpp>
#include <lifelong/nn/kronecker_factors.hpp>

namespace lifelong::nn {

/// The Fisher information of each weight matrix as A ⊗ G (KFAC): A of the layer's inputs, G of the gradients of
/// log p(y | x) by its outputs, both means over samples, the expectation over the labels that `labels` names; see
/// `KroneckerAccumulator` for the formula. For Linear, Heads and Conv2d, with or without biases. Goes with
/// `KroneckerPenalty`.
///
/// Two approximations: nothing is kept between layers, and inputs and gradients are taken to be independent; the rest
/// is exact per sample. So it is the layer's block of the Fisher information itself for one sample and one position, or
/// where all samples have the same inputs. Martens & Grosse 2015; as an importance Ritter, Botev & Barber 2018.
///
/// Cost for a network on batches: a forward pass, and for each seed a backward pass of the outputs' gradients and half
/// of O² products per layer: exact labels cost about ten times as much as the others for ten classes. No array is
/// larger than a batch's inputs or the factors.
template <class L>
struct KroneckerFisherOf {
  static_assert(lifelong::detail::require_likelihood<L>());

  importance::Labels labels = importance::Labels::exact;
  importance::Merge merge = importance::Merge::sum();
  std::uint64_t seed = 0;   ///< of sampled labels; a draw depends on (seed, sample number, draw) alone
  std::uint32_t draws = 1;  ///< M: sampled labels per sample
  L likelihood = {};

  /// The factors of all layers in the order of θ.
  template <class T>
  using Estimate = std::vector<KroneckerFactors<T>>;

  /// \throws InvalidArgument for 0 draws, or labels that the likelihood cannot give.
  void validate() const {
    functional().validate();
    merge.validate();
  }

  /// Writes the factors over all samples of `batches` to `out`; changes no parameter of `model`, a `Network`.
  /// \throws InvalidArgument naming a layer whose parameters have no factors (norms, embeddings, recurrent layers);
  /// what `Network::backpropagate` throws. Then `out` is as it was.
  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, Estimate<typename Model::value_type>& out) const {
    static_assert(
        requires { model.backpropagate(*batches.begin(), functional(), detail::NoHook{}); },
        "KroneckerFisher looks into the layers of the model, which must be an nn::Network");
    validate();
    KroneckerAccumulator<typename Model::value_type> sums(model.layout());
    for (const auto& batch : batches) sums.add(model, batch, functional());
    out = sums.take_means();
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "KroneckerFisher(" + functional().recipe() + ", mean over samples, merge " + merge.text() + ")";
  }

 private:
  [[nodiscard]] importance::LogLikelihoodOf<L> functional() const { return {labels, seed, draws, likelihood}; }
};

/// Of a classifier: p = softmax of the active outputs. For others `KroneckerFisherOf<importance::Gaussian>{...}`.
using KroneckerFisher = KroneckerFisherOf<importance::Categorical>;

}  // namespace lifelong::nn
