// SPDX-License-Identifier: MIT
// Sizes of numbers with which one step cannot overflow, so that it needs no way back.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <limits>

#include <lifelong/backend/array_kernels.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong::detail {

/// Bounds, powers of two, below which no product that a step of the library's policies stores leaves the range of T:
/// with |g| <= 2²⁴, the penalty's gradient is at most 2²⁶ (2³² + 2³²), and the largest product is the one of a path
/// importance, gradient times move, 2⁵⁹ · 2⁶⁷. For double the exponents are those of float times 8, as is the range.
template <class T>
struct Ordinary {
  static constexpr T power(int exponent) {
    T value = 1;
    for (int k = 0; k < exponent * (sizeof(T) == 4 ? 1 : 8); ++k) value *= 2;
    return value;
  }
  static constexpr T gradient = power(24);                           ///< of the task, per parameter
  static constexpr T parameter = power(32);                          ///< |θ|
  static constexpr T pull = power(26);                               ///< penalty's gradient for a move of 1, λ Ω
  static constexpr double penalty = static_cast<double>(power(20));  ///< value of the whole penalty
  static constexpr double rate = 2;                                  ///< learning rate and weight decay
};

/// True if the number is finite and at most `bound` in magnitude.
inline bool is_within(double value, double bound) { return is_finite(value) && std::fabs(value) <= bound; }

/// True if the optimizer's rates, as far as it names them, are ordinary.
template <class T, class Optimizer>
bool has_ordinary_rates(const Optimizer& optimizer) {
  bool ordinary = true;
  if constexpr (requires { optimizer.learning_rate; })
    ordinary = is_within(static_cast<double>(optimizer.learning_rate), Ordinary<T>::rate);
  if constexpr (requires { optimizer.weight_decay; })
    ordinary = ordinary && is_within(static_cast<double>(optimizer.weight_decay), Ordinary<T>::rate);
  return ordinary;
}

/// Counts the parameters that the penalty would pull back extraordinarily hard from a distance of 1.
template <class T, class Penalty>
struct CountPullsBeyond {
  const T* anchor;
  Penalty penalty;
  T bound;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return exceeds(penalty.term(i, load<V>(anchor, i) + V(T(1))).gradient, bound);
  }
};

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
