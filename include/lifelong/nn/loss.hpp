// SPDX-License-Identifier: MIT
// The losses of networks.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/softmax.hpp>
#include <lifelong/importance/likelihood.hpp>

namespace lifelong::nn {

/// A loss of one sample. `differentiate(row, sample)` replaces the row of outputs f by ∂ℓ/∂f and returns ℓ; the
/// network takes the mean over samples. `uses_labels` says whether it reads the sample's label or its target. A loss
/// that is -log p up to a factor may name p by a type `Likelihood`, and itself by a string `name`: then an importance
/// of another likelihood is refused. A loss of targets may have `takes_label(label, outputs)`: a batch without targets
/// has labels then, for which it is true; and `takes_target(value)`, which is true for the targets that it knows.
template <class L>
concept LossPolicy = std::copyable<L> &&
    requires(const L& loss, std::span<float> row, const SampleContext<float>& sample) {
  { L::uses_labels } -> std::convertible_to<bool>;
  { loss.differentiate(row, sample) } -> std::convertible_to<double>;
};

namespace detail {

/// `name()`. The parts are appended, because g++ 12 warns of a sum that begins with a temporary (bug 105329).
inline std::string named(const char* name) {
  std::string text = name;
  text += "()";
  return text;
}

/// Says in one sentence each what a type lacks, as core/model.hpp does.
template <class L>
consteval bool require_loss() {
  static_assert(std::copyable<L>, "LossPolicy: the loss must be copyable");
  static_assert(
      requires {
        { L::uses_labels } -> std::convertible_to<bool>;
      },
      "LossPolicy: the loss needs uses_labels, a static bool: true for labels, false for targets");
  static_assert(
      LossPolicy<L>,
      "LossPolicy: the loss needs differentiate(row, sample) const, which turns outputs into their gradient and "
      "returns the loss");
  return true;
}

}  // namespace detail

/// ℓ = -log p_y, where p is the softmax of the sample's active outputs alone; ∂ℓ/∂f = p - e_y, 0 for the other outputs.
struct SoftmaxCrossEntropy {
  static constexpr bool uses_labels = true;
  static constexpr const char* name = "SoftmaxCrossEntropy";
  using Likelihood = importance::Categorical;

  [[nodiscard]] std::string recipe() const { return detail::named(name); }

  template <class T>
  double differentiate(std::span<T> row, const SampleContext<T>& sample) const {
    const std::size_t first = sample.active.first, end = first + sample.active.count;
    const auto label = static_cast<std::size_t>(sample.label);
    const T logit = row[label];
    const T log_total = softmax(row.subspan(first, sample.active.count));
    for (std::size_t c = 0; c < row.size(); ++c)
      if (c < first || c >= end) row[c] = 0;
    row[label] -= 1;
    return static_cast<double>(log_total - logit);
  }

  /// The curvature ∂²ℓ/∂f² = Σ_k b_k b_kᵀ with b_k = √p_k (e_k - p), which is that of the likelihood, whatever the
  /// label.
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    importance::Categorical{}.prepare(row, sample);
  }
  [[nodiscard]] std::size_t factors(std::size_t outputs) const { return outputs; }
  template <class T>
  void factor(std::size_t k, std::span<const T> p, const SampleContext<T>& sample, std::span<T> delta) const {
    importance::Categorical{}.factor(k, p, sample, delta);
  }
};

/// ℓ = 1/C Σ_c (f_c - t_c)² over the sample's C active outputs, so the network's loss is PyTorch's `MSELoss` with
/// reduction "mean"; ∂ℓ/∂f = 2/C (f - t), 0 for outputs that are not active.
struct MeanSquaredError {
  static constexpr bool uses_labels = false;
  static constexpr const char* name = "MeanSquaredError";
  using Likelihood = importance::Gaussian;

  [[nodiscard]] std::string recipe() const { return detail::named(name); }

  template <class T>
  double differentiate(std::span<T> row, const SampleContext<T>& sample) const {
    const std::size_t first = sample.active.first, end = first + sample.active.count;
    const T scale = T(1) / static_cast<T>(sample.active.count);
    double total = 0;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const T error = c < first || c >= end ? T(0) : row[c] - sample.target[c];
      total += static_cast<double>(error) * static_cast<double>(error);
      row[c] = 2 * scale * error;
    }
    return total * static_cast<double>(scale);
  }

  /// The curvature ∂²ℓ/∂f² = Σ_k b_k b_kᵀ with b_k = √(2/C) e_k for active outputs, else 0.
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    clear_inactive(row, sample.active);
  }
  [[nodiscard]] std::size_t factors(std::size_t outputs) const { return outputs; }
  template <class T>
  void factor(std::size_t k, std::span<const T>, const SampleContext<T>& sample, std::span<T> delta) const {
    for (T& value : delta) value = 0;
    if (sample.active.contains(k)) delta[k] = std::sqrt(T(2) / static_cast<T>(sample.active.count));
  }
};

/// ℓ = 1/C Σ_c log(1 + exp(f_c)) - y_c f_c over the sample's C active outputs: the mean of -log p of independent
/// yes-or-no answers y_c with p_c = 1/(1 + exp(-f_c)), PyTorch's `BCEWithLogitsLoss` with reduction "mean". ∂ℓ/∂f =
/// 1/C (p - y), 0 for outputs that are not active. y is the sample's target of zeros and ones, or anything between; of
/// a batch without targets the label is the answer of a single output, 1 for yes and 0 for no, and of several outputs
/// the one that is yes. Neither ℓ nor its gradient overflows, however large f is.
struct LogisticCrossEntropy {
  static constexpr bool uses_labels = false;
  static constexpr const char* name = "LogisticCrossEntropy";
  using Likelihood = importance::Bernoulli;

  /// Whether `label` is an answer for `outputs` outputs.
  [[nodiscard]] static bool takes_label(std::int32_t label, std::size_t outputs) {
    return label >= 0 && static_cast<std::size_t>(label) < (outputs == 1 ? 2 : outputs);
  }
  /// Whether `value` is the target of an answer.
  template <class T>
  [[nodiscard]] static bool takes_target(T value) {
    return value >= 0 && value <= 1;
  }

  [[nodiscard]] std::string recipe() const { return detail::named(name); }

  template <class T>
  double differentiate(std::span<T> row, const SampleContext<T>& sample) const {
    const T share = T(1) / static_cast<T>(sample.active.count);
    double total = 0;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const T f = row[c], y = sample.answer(c, row.size());
      row[c] = 0;
      if (!sample.active.contains(c)) continue;
      const T small = std::exp(-std::abs(f));  // never more than 1
      total += static_cast<double>((f > 0 ? f - y * f : -y * f) + std::log1p(small));
      row[c] = share * ((f > 0 ? 1 / (1 + small) : small / (1 + small)) - y);
    }
    return total * static_cast<double>(share);
  }

  /// The curvature ∂²ℓ/∂f² = Σ_k b_k b_kᵀ with b_k = √(p_k (1-p_k) / C) e_k, that of the likelihood over C, whatever
  /// the answers.
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    importance::Bernoulli{}.prepare(row, sample);
  }
  [[nodiscard]] std::size_t factors(std::size_t outputs) const { return outputs; }
  template <class T>
  void factor(std::size_t k, std::span<const T> p, const SampleContext<T>& sample, std::span<T> delta) const {
    importance::Bernoulli{}.factor(k, p, sample, delta);
    delta[k] /= std::sqrt(static_cast<T>(sample.active.count));
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
