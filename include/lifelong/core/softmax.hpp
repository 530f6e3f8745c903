// SPDX-License-Identifier: MIT
// The softmax of a row of outputs, in a form that cannot overflow.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <span>

namespace lifelong {

/// Replaces the logits z by p_c = exp(z_c) / Σ exp(z) and returns log Σ exp(z). The largest logit is subtracted first,
/// so nothing overflows. NaN and +Inf logits give NaN.
template <class T>
T softmax(std::span<T> row) {
  T largest = row[0];
  for (const T z : row) largest = z > largest ? z : largest;
  T total = 0;
  for (T& z : row) total += z = std::exp(z - largest);
  for (T& z : row) z /= total;
  return largest + std::log(total);
}

/// Index of the largest value, the first of equals.
template <class T>
std::size_t argmax(std::span<const T> row) {
  std::size_t best = 0;
  for (std::size_t c = 1; c < row.size(); ++c)
    if (row[c] > row[best]) best = c;
  return best;
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
