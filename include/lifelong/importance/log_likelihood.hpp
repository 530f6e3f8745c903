// The output functional of the Fisher information: log p(y | x) of a categorical model, for a choice of labels y.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/core/softmax.hpp>

namespace lifelong::importance {

/// Which labels the Fisher information is taken over (van de Ven 2025, arXiv:2502.11756).
enum class Labels {
  exact,      ///< expectation over all classes, Σ_c p_c (·)²: the Fisher information itself
  sampled,    ///< one label drawn from the model's own p: unbiased, noisy
  predicted,  ///< the most likely class
  empirical   ///< the label in the data: the "empirical Fisher"
};

/// Gradients of log p(y | x), p = softmax of the active outputs: the rows `e_y - p`. For exact labels the classes are
/// the seeds c, each weighted by √p_c, so that squaring gives p_c (∂ log p_c)². Models `OutputFunctional`.
struct LogLikelihood {
  Labels labels = Labels::exact;
  Random random{0, Purpose::labels};  ///< for sampled labels: one draw per sample number

  /// Number of rows per sample that are pulled back through the network.
  [[nodiscard]] std::size_t seeds(std::size_t outputs) const { return labels == Labels::exact ? outputs : 1; }

  /// Turns a row of logits into probabilities over its active outputs, 0 elsewhere.
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    const std::size_t first = sample.active.first, end = first + sample.active.count;
    softmax(row.subspan(first, sample.active.count));
    for (std::size_t c = 0; c < row.size(); ++c)
      if (c < first || c >= end) row[c] = 0;
  }

  /// Writes seed `k` for a prepared row p into `delta`.
  template <class T>
  void seed(std::size_t k, std::span<const T> p, const SampleContext<T>& sample, std::span<T> delta) const {
    const std::size_t y = labels == Labels::exact ? k : label(p, sample);
    const T weight = labels == Labels::exact ? std::sqrt(p[k]) : T(1);
    for (std::size_t c = 0; c < p.size(); ++c) delta[c] = -weight * p[c];
    delta[y] += weight;
  }

 private:
  template <class T>
  std::size_t label(std::span<const T> p, const SampleContext<T>& sample) const {
    const auto active = p.subspan(sample.active.first, sample.active.count);
    if (labels == Labels::empirical) {
      if (sample.label < 0) detail::raise<InvalidArgument>("Labels::empirical needs labels, but the batch has none");
      return static_cast<std::size_t>(sample.label);
    }
    if (labels == Labels::predicted) return sample.active.first + argmax(active);
    double rest = random.uniform(sample.index);
    for (std::size_t c = 0; c + 1 < active.size(); ++c)
      if ((rest -= static_cast<double>(active[c])) < 0) return sample.active.first + c;
    return sample.active.first + active.size() - 1;
  }
};

}  // namespace lifelong::importance
