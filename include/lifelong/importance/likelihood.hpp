// SPDX-License-Identifier: MIT
// The distribution p(y | f) of the label or target given a row of outputs, in the form that the Fisher information
// needs.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/core/softmax.hpp>

namespace lifelong::importance {

/// The random numbers of one draw from p(y | x). Number i is a function of (seed, sample, draw, i) alone, so it does
/// not depend on how samples are cut into batches.
class Draw {
 public:
  /// The numbers for draw number `draw` of the sample with number `sample`. The likelihood has `outputs` outputs, each
  /// of which may use one number.
  Draw(std::uint64_t seed, std::uint64_t sample, std::size_t draw, std::size_t outputs)
      : seed_(seed), sample_(sample), first_(draw * outputs) {}

  /// Uniform in [0, 1); i below the number of outputs.
  [[nodiscard]] double uniform(std::size_t i) const { return stream(i).uniform(sample_); }
  /// Standard normal; i below the number of outputs.
  [[nodiscard]] double normal(std::size_t i) const { return stream(i).normal(sample_); }

 private:
  [[nodiscard]] Random stream(std::size_t i) const {
    return Random(seed_, Purpose::labels, static_cast<std::uint32_t>(first_ + i));
  }
  std::uint64_t seed_, sample_;
  std::size_t first_;
};

/// A distribution p(y | f) of labels or targets given a row f of outputs. `sample` says which outputs are active; the
/// derivatives with respect to the others are 0.
/// - `prepare(row, sample)` turns f in place into the distribution's parameters η, 0 for inactive outputs;
/// - `factors(outputs)` and `factor(k, η, sample, delta)`: the columns b_k of a square root of the Fisher information
///   of the outputs, Σ_k b_k b_kᵀ = E_y[(∂ log p/∂f)(∂ log p/∂f)ᵀ];
/// - `score(η, sample, delta)`: ∂ log p(y | f)/∂f at the label or target of the sample;
/// - `draw(η, sample, random, delta)`: the same at a y that is drawn from p with the numbers of `random`, a `Draw`.
///
/// It may have more functions, each of which only one choice of `Labels` needs: `mode(η, sample, delta)`, the score of
/// the most likely y (predicted); `probability(η, sample)`, p of the sample's y (weighted); `outcomes(outputs)` and
/// `outcome(k, η, sample, delta)`, the score of the k-th of finitely many y (unweighted). `validate()` is called if
/// there is one, and `recipe()` describes the likelihood in a learner's recipe.
template <class L>
concept Likelihood = std::copyable<L> &&
    requires(const L& likelihood, std::span<float> row, std::span<const float> prepared,
             const SampleContext<float>& sample, const Draw& random) {
  likelihood.prepare(row, sample);
  { likelihood.factors(std::size_t{}) } -> std::convertible_to<std::size_t>;
  likelihood.factor(std::size_t{}, prepared, sample, row);
  likelihood.score(prepared, sample, row);
  likelihood.draw(prepared, sample, random, row);
};

}  // namespace lifelong::importance

namespace lifelong::detail {

/// As in core/model.hpp.
template <class L>
consteval bool require_likelihood() {
  static_assert(std::copyable<L>, "Likelihood: the likelihood must be copyable");
  static_assert(
      requires(const L& likelihood, std::span<float> row, const SampleContext<float>& sample) {
        likelihood.prepare(row, sample);
      },
      "Likelihood: the likelihood needs prepare(row, sample) const");
  static_assert(
      requires(const L& likelihood, std::span<float> row, std::span<const float> prepared,
               const SampleContext<float>& sample) {
        { likelihood.factors(std::size_t{}) } -> std::convertible_to<std::size_t>;
        likelihood.factor(std::size_t{}, prepared, sample, row);
      },
      "Likelihood: the likelihood needs factors(outputs) const and factor(k, row, sample, delta) const");
  static_assert(
      requires(const L& likelihood, std::span<float> row, std::span<const float> prepared,
               const SampleContext<float>& sample) { likelihood.score(prepared, sample, row); },
      "Likelihood: the likelihood needs score(row, sample, delta) const");
  static_assert(importance::Likelihood<L>, "Likelihood: the likelihood needs draw(row, sample, random, delta) const");
  return true;
}

}  // namespace lifelong::detail

namespace lifelong::detail {

/// The label of a sample. \throws InvalidArgument, which names the sample and `user`, if there is none, or it is no
/// active output.
template <class T>
std::size_t label_of(const SampleContext<T>& sample, const char* user) {
  const auto of_sample = [&] { return " sample " + std::to_string(sample.index); };
  if (sample.label < 0) raise<InvalidArgument>(user + std::string(" needs labels, but") + of_sample() + " has none");
  const auto label = static_cast<std::size_t>(sample.label);
  if (!sample.active.contains(label))
    raise<InvalidArgument>("the label of" + of_sample() + " is " + std::to_string(label) +
                           ", not one of the active outputs " + std::to_string(sample.active.first) + " to " +
                           std::to_string(std::uint64_t{sample.active.first} + sample.active.count - 1));
  return label;
}

}  // namespace lifelong::detail

namespace lifelong::importance {

/// One of the active classes: p = softmax of the active outputs, b_k = √p_k (e_k - p), and the score is e_y - p.
struct Categorical {
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    softmax(row.subspan(sample.active.first, sample.active.count));
    clear_inactive(row, sample.active);
  }

  [[nodiscard]] std::size_t factors(std::size_t outputs) const { return outputs; }

  template <class T>
  void factor(std::size_t k, std::span<const T> p, const SampleContext<T>&, std::span<T> delta) const {
    scaled_score(k, std::sqrt(p[k]), p, delta);
  }

  /// \throws InvalidArgument if the sample has no label, or one that is no active output.
  template <class T>
  void score(std::span<const T> p, const SampleContext<T>& sample, std::span<T> delta) const {
    scaled_score(label(sample), T(1), p, delta);
  }

  template <class T>
  void draw(std::span<const T> p, const SampleContext<T>& sample, const Draw& random, std::span<T> delta) const {
    const std::size_t last = std::size_t{sample.active.first} + sample.active.count - 1;
    std::size_t y = sample.active.first;
    for (double rest = random.uniform(0) - static_cast<double>(p[y]); rest >= 0 && y < last;)
      rest -= static_cast<double>(p[++y]);
    scaled_score(y, T(1), p, delta);
  }

  template <class T>
  void mode(std::span<const T> p, const SampleContext<T>& sample, std::span<T> delta) const {
    scaled_score(sample.active.first + argmax(p.subspan(sample.active.first, sample.active.count)), T(1), p, delta);
  }

  /// \throws InvalidArgument as `score`.
  template <class T>
  T probability(std::span<const T> p, const SampleContext<T>& sample) const {
    return p[label(sample)];
  }

  [[nodiscard]] std::size_t outcomes(std::size_t outputs) const { return outputs; }

  template <class T>
  void outcome(std::size_t k, std::span<const T> p, const SampleContext<T>& sample, std::span<T> delta) const {
    scaled_score(k, sample.active.contains(k) ? T(1) : T(0), p, delta);
  }

  [[nodiscard]] std::string recipe() const { return "Categorical()"; }

 private:
  template <class T>
  static std::size_t label(const SampleContext<T>& sample) {
    return detail::label_of(sample, "Labels::empirical");
  }

  /// weight · (e_y - p).
  template <class T>
  static void scaled_score(std::size_t y, T weight, std::span<const T> p, std::span<T> delta) {
    for (std::size_t c = 0; c < p.size(); ++c) delta[c] = -weight * p[c];
    delta[y] += weight;
  }
};

/// Stands for the likelihood that a model's loss names by its type `Likelihood`, with that one's default settings: with
/// MeanSquaredError `Gaussian`, with LogisticCrossEntropy `Bernoulli`. It is `Categorical` for a model whose loss names
/// none, or which has no `loss_function()`.
struct ModelLikelihood {};

/// Regression: y = f + normal noise of variance σ² in each active output, so b_k = e_k/σ and the score is (y - f)/σ²; y
/// is the sample's target. The exact Fisher information is JᵀJ/σ². There is no `mode`, because the score at y = f is 0.
struct Gaussian {
  double variance = 1;  ///< σ², in squared units of the targets

  /// \throws InvalidArgument unless σ² > 0 and finite.
  void validate() const { detail::require_positive("Gaussian.variance", variance); }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("Gaussian.variance", variance);
  }

  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    clear_inactive(row, sample.active);
  }

  [[nodiscard]] std::size_t factors(std::size_t outputs) const { return outputs; }

  template <class T>
  void factor(std::size_t k, std::span<const T> f, const SampleContext<T>& sample, std::span<T> delta) const {
    for (std::size_t c = 0; c < f.size(); ++c) delta[c] = 0;
    if (sample.active.contains(k)) delta[k] = static_cast<T>(1 / std::sqrt(variance));
  }

  /// \throws InvalidArgument if the sample has no target.
  template <class T>
  void score(std::span<const T> f, const SampleContext<T>& sample, std::span<T> delta) const {
    if (sample.target.size() != f.size())
      detail::raise<InvalidArgument>("Labels::empirical of a Gaussian needs " + std::to_string(f.size()) +
                                     " targets per sample, but sample " + std::to_string(sample.index) + " has " +
                                     std::to_string(sample.target.size()));
    for (std::size_t c = 0; c < f.size(); ++c)
      delta[c] = sample.active.contains(c) ? (sample.target[c] - f[c]) / static_cast<T>(variance) : T(0);
  }

  template <class T>
  void draw(std::span<const T> f, const SampleContext<T>& sample, const Draw& random, std::span<T> delta) const {
    for (std::size_t c = 0; c < f.size(); ++c)
      delta[c] = sample.active.contains(c) ? static_cast<T>(random.normal(c) / std::sqrt(variance)) : T(0);
  }

  [[nodiscard]] std::string recipe() const { return "Gaussian(variance " + detail::exact_text(variance) + ")"; }
};

/// Several independent yes-or-no answers (multi-label): y_c = 1 with p_c = 1/(1 + exp(-f_c)), so b_k = √(p_k (1-p_k))
/// e_k and the score is y - p. y is the sample's target of zeros and ones; the labels of a batch without targets count
/// as one-hot targets, or for a single output as the answer itself, 1 for yes and 0 for no.
struct Bernoulli {
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    for (T& value : row) value = 1 / (1 + std::exp(-value));
    clear_inactive(row, sample.active);
  }

  [[nodiscard]] std::size_t factors(std::size_t outputs) const { return outputs; }

  template <class T>
  void factor(std::size_t k, std::span<const T> p, const SampleContext<T>&, std::span<T> delta) const {
    for (std::size_t c = 0; c < p.size(); ++c) delta[c] = 0;
    delta[k] = std::sqrt(p[k] * (1 - p[k]));
  }

  /// \throws InvalidArgument if the sample has neither targets nor a label that an output stands for.
  template <class T>
  void score(std::span<const T> p, const SampleContext<T>& sample, std::span<T> delta) const {
    const bool targets = sample.target.size() == p.size(), single = p.size() == 1;
    if (!targets && (sample.label < 0 || static_cast<std::size_t>(sample.label) >= (single ? 2 : p.size())))
      detail::raise<InvalidArgument>("Labels::empirical of a Bernoulli needs " + std::to_string(p.size()) +
                                     " targets per sample or labels, but sample " + std::to_string(sample.index) +
                                     " has " + std::to_string(sample.target.size()) + " and the label " +
                                     std::to_string(sample.label));
    set_score(p, sample, delta, [&](std::size_t c) { return sample.answer(c, p.size()); });
  }

  template <class T>
  void draw(std::span<const T> p, const SampleContext<T>& sample, const Draw& random, std::span<T> delta) const {
    set_score(p, sample, delta,
              [&](std::size_t c) { return T(random.uniform(c) < static_cast<double>(p[c]) ? 1 : 0); });
  }

  template <class T>
  void mode(std::span<const T> p, const SampleContext<T>& sample, std::span<T> delta) const {
    set_score(p, sample, delta, [&](std::size_t c) { return T(p[c] > T(0.5) ? 1 : 0); });
  }

  [[nodiscard]] std::string recipe() const { return "Bernoulli()"; }

 private:
  template <class T, class Answer>
  static void set_score(std::span<const T> p, const SampleContext<T>& sample, std::span<T> delta, const Answer& y) {
    for (std::size_t c = 0; c < p.size(); ++c) delta[c] = sample.active.contains(c) ? y(c) - p[c] : T(0);
  }
};

}  // namespace lifelong::importance

namespace lifelong::detail {

/// True if the model has a loss that says which likelihood it is the logarithm of, by a type `Likelihood`.
template <class Model>
concept says_likelihood = requires(Model& model) {
  typename std::remove_cvref_t<decltype(model.loss_function())>::Likelihood;
};

/// The likelihood of a model's loss.
template <class Model>
struct LikelihoodOfModel {
  using type = importance::Categorical;
};
template <says_likelihood Model>
struct LikelihoodOfModel<Model> {
  using type = typename std::remove_cvref_t<decltype(std::declval<Model&>().loss_function())>::Likelihood;
};

/// What an importance of the likelihood L takes for a model: L, unless that stands for the model's.
template <class L, class Model>
struct ResolvedLikelihood {
  using type = L;
};
template <class Model>
struct ResolvedLikelihood<importance::ModelLikelihood, Model> : LikelihoodOfModel<Model> {};
template <class L, class Model>
using LikelihoodFor = typename ResolvedLikelihood<L, Model>::type;

/// The settings that a likelihood has for a model.
template <class L, class Model>
LikelihoodFor<L, Model> likelihood_for([[maybe_unused]] const L& likelihood) {
  if constexpr (std::same_as<L, importance::ModelLikelihood>)
    return {};
  else
    return likelihood;
}

/// Stands for any model whose loss says nothing.
struct NoModel {};

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
