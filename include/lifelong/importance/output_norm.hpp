// SPDX-License-Identifier: MIT
// The output functional of Memory Aware Synapses: how large the outputs are.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::importance {

/// Which length of the K active outputs f is differentiated.
enum class MasNorm {
  squared,  ///< ‖f‖², gradient 2 f: the paper and its code
  plain,    ///< ‖f‖, gradient f/‖f‖, taken as 0 at f = 0: FACIL, UCL
  mean      ///< 1/K Σ_k f_k², gradient 2 f/K: GT-RIPL
};

/// `squared`, `plain` or `mean`.
inline const char* name_of(MasNorm norm) {
  return norm == MasNorm::squared ? "squared" : norm == MasNorm::plain ? "plain" : "mean";
}

/// Gradient of a length of the active outputs: one direction per sample. It needs no labels. It models
/// `OutputFunctional`.
struct OutputNorm {
  MasNorm norm = MasNorm::squared;

  [[nodiscard]] std::size_t cotangents(std::size_t) const { return 1; }

  /// Leaves active outputs as they are and sets the others to 0.
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    clear_inactive(row, sample.active);
  }

  template <class T>
  void cotangent(std::size_t, std::span<const T> f, const SampleContext<T>& sample, std::span<T> delta) const {
    const T scale = factor(f, sample);
    for (std::size_t c = 0; c < f.size(); ++c) delta[c] = scale * f[c];
  }

 private:
  template <class T>
  T factor(std::span<const T> f, const SampleContext<T>& sample) const {
    if (norm == MasNorm::squared) return 2;
    if (norm == MasNorm::mean) return T(2) / static_cast<T>(sample.active.count);
    T total = 0;
    for (const T value : f) total += value * value;
    const bool ordinary = total >= (std::numeric_limits<T>::min)() && detail::is_finite(total);
    return ordinary ? 1 / std::sqrt(total) : factor_of_extremes(f);
  }

  /// 1/‖f‖ of outputs whose squares are too small or too large for T.
  template <class T>
  static T factor_of_extremes(std::span<const T> f) {
    T largest = 0, total = 0;
    for (const T value : f) largest = std::fabs(value) > largest ? std::fabs(value) : largest;
    if (largest == 0) return 0;
    for (const T value : f) total += (value / largest) * (value / largest);
    return 1 / (largest * std::sqrt(total));
  }
};

/// The default: ‖f‖².
using SquaredNorm = OutputNorm;

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
