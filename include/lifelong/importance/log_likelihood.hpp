// SPDX-License-Identifier: MIT
// The output functional of the Fisher information: log p(y | x), for a choice of y.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/importance/likelihood.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::importance {

/// Which labels or targets the Fisher information is taken over (names after van de Ven 2025, arXiv:2502.11756). The
/// last two are what other libraries compute; neither is a Fisher information.
enum class Labels {
  exact,      ///< expectation over the model's own p, in closed form: the Fisher information itself
  sampled,    ///< mean over labels drawn from the model's own p: unbiased, noisy
  predicted,  ///< the most likely label
  empirical,  ///< the label in the data: the "empirical Fisher"
  weighted,   ///< inexact: the label in the data, its square times p(y | x), which mutes samples not yet learned
              ///< (Mammoth)
  unweighted  ///< inexact: Σ_c (∂ log p_c)² over all classes, each counted fully however unlikely it is (pathint)
};

/// `exact`, `sampled`, ...
inline const char* name_of(Labels labels) {
  constexpr const char* names[] = {"exact", "sampled", "predicted", "empirical", "weighted", "unweighted"};
  return names[static_cast<std::size_t>(labels)];
}

/// Directions in output space whose pulled-back squares sum up to the Fisher information of one sample: the columns of
/// a square root of the outputs' Fisher information for exact labels, scores ∂ log p(y | f)/∂f for the other labels.
/// Draws are scaled by 1/√M, so under `moment::Square` the sum over M draws is their mean (under the other moments it
/// is √M times the mean). It models `OutputFunctional` for labels that `validate()` accepts.
template <class L>
struct LogLikelihoodOf {
  static_assert(detail::require_likelihood<L>());

  Labels labels = Labels::exact;
  std::uint64_t seed_of_draws = 0;  ///< of sampled labels; a draw depends on (seed, sample number, draw) alone
  std::uint32_t draws = 1;          ///< M, sampled labels per sample
  L likelihood = {};

  /// \throws InvalidArgument if the likelihood cannot give these labels.
  void validate() const {
    detail::require_at_least("Fisher.draws", draws, 1);
    if constexpr (requires { likelihood.validate(); }) likelihood.validate();
    if (labels == Labels::predicted && !has_mode) refuse("a mode(...), the score of the most likely one");
    if (labels == Labels::weighted && !has_probability) refuse("a probability(...) of the observed one");
    if (labels == Labels::unweighted && !has_outcomes) refuse("outcomes(...) and outcome(...), a list of all");
  }

  /// \throws InvalidArgument for a setting of the likelihood that is no number in the parameters' type T.
  template <class T>
  void validate_as() const {
    detail::validate_settings_as<T>(likelihood);
  }

  /// Number of rows per sample that are pulled back through the network.
  /// \throws InvalidArgument for so many draws that their random numbers would repeat.
  [[nodiscard]] std::size_t cotangents(std::size_t outputs) const {
    if (labels == Labels::exact) return likelihood.factors(outputs);
    if (labels == Labels::sampled) {
      if (draws > 0xFFFFFFFFU / (outputs > 0 ? outputs : 1))
        detail::raise<InvalidArgument>("Fisher.draws is " + std::to_string(draws) + ", but there are numbers for " +
                                       std::to_string(0xFFFFFFFFU / outputs) + " draws of " + std::to_string(outputs) +
                                       " outputs");
      return draws;
    }
    if constexpr (has_outcomes)
      if (labels == Labels::unweighted) return likelihood.outcomes(outputs);
    return 1;
  }

  /// Turns a row of outputs into the parameters of their distribution.
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    likelihood.prepare(row, sample);
  }

  /// Writes cotangent `k` for a prepared row into `delta`.
  /// \throws InvalidArgument if it needs the label or target of a sample that has none.
  template <class T>
  void cotangent(std::size_t k, std::span<const T> row, const SampleContext<T>& sample, std::span<T> delta) const {
    switch (labels) {
      case Labels::exact:
        likelihood.factor(k, row, sample, delta);
        break;
      case Labels::sampled:
        draw(k, row, sample, delta);
        break;
      case Labels::predicted:
        if constexpr (has_mode) likelihood.mode(row, sample, delta);
        break;
      case Labels::empirical:
        likelihood.score(row, sample, delta);
        break;
      case Labels::weighted:
        likelihood.score(row, sample, delta);
        if constexpr (has_probability) scale(std::sqrt(likelihood.probability(row, sample)), delta);
        break;
      case Labels::unweighted:
        if constexpr (has_outcomes) likelihood.outcome(k, row, sample, delta);
        break;
    }
  }

  /// `labels exact`, or `Gaussian(variance 1), labels sampled, draws 4, seed 0`; a classifier's likelihood is not
  /// named.
  [[nodiscard]] std::string recipe() const {
    std::string line;
    if constexpr (requires { likelihood.recipe(); } && !std::is_same_v<L, Categorical>)
      line = likelihood.recipe() + ", ";
    else if constexpr (!std::is_same_v<L, Categorical>)
      line = "likelihood of the user, ";
    line += std::string("labels ") + name_of(labels);
    if (labels == Labels::sampled)
      line += ", draws " + std::to_string(draws) + ", seed " + std::to_string(seed_of_draws);
    return line;
  }

 private:
  static constexpr bool has_mode =
      requires(const L& one, std::span<const float> row, const SampleContext<float>& sample, std::span<float> delta) {
    one.mode(row, sample, delta);
  };
  static constexpr bool has_probability =
      requires(const L& one, std::span<const float> row, const SampleContext<float>& sample) {
    one.probability(row, sample);
  };
  static constexpr bool has_outcomes =
      requires(const L& one, std::span<const float> row, const SampleContext<float>& sample, std::span<float> delta) {
    one.outcome(one.outcomes(row.size()), row, sample, delta);
  };

  [[noreturn]] void refuse(const char* missing) const {
    detail::raise<InvalidArgument>(std::string("Labels::") + name_of(labels) + " needs a likelihood with " + missing);
  }

  template <class T>
  void draw(std::size_t k, std::span<const T> row, const SampleContext<T>& sample, std::span<T> delta) const {
    likelihood.draw(row, sample, Draw(seed_of_draws, sample.index, k, row.size()), delta);
    if (draws > 1) scale(T(1) / std::sqrt(static_cast<T>(draws)), delta);
  }

  template <class T>
  static void scale(T factor, std::span<T> row) {
    for (T& value : row) value *= factor;
  }
};

/// log p(y | x), p = softmax of the active outputs.
using LogLikelihood = LogLikelihoodOf<Categorical>;

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
