// The output functional of Memory Aware Synapses: ‖f(x)‖².
#pragma once

#include <cstddef>
#include <span>

#include <lifelong/core/batch.hpp>

namespace lifelong::importance {

/// Gradient of ‖f(x)‖² over the active outputs: the row 2 f. Needs no labels. Models `OutputFunctional`.
struct SquaredNorm {
  [[nodiscard]] std::size_t seeds(std::size_t) const { return 1; }

  /// Outputs are used as they are; those that do not compete count as 0.
  template <class T>
  void prepare(std::span<T> row, const SampleContext<T>& sample) const {
    const std::size_t first = sample.active.first, end = first + sample.active.count;
    for (std::size_t c = 0; c < row.size(); ++c)
      if (c < first || c >= end) row[c] = 0;
  }

  template <class T>
  void seed(std::size_t, std::span<const T> f, const SampleContext<T>&, std::span<T> delta) const {
    for (std::size_t c = 0; c < f.size(); ++c) delta[c] = 2 * f[c];
  }
};

}  // namespace lifelong::importance
