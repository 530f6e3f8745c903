// SPDX-License-Identifier: MIT
// What random trunks have in common: rows that are a function of a seed, and a number that stands for settings.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>

namespace lifelong::analytic::detail {

/// Fills `row` with standard normal numbers, draws `first` and on, subtracts their mean if it is `centred`, and scales
/// them to length 1. Every operation is rounded by itself, so the bits are the same wherever arithmetic is IEEE's.
inline void normal_row(const Random& random, std::uint64_t first, bool centred, std::span<double> row) {
  using lifelong::detail::rounded;
  double total = 0, squares = 0;
  for (std::size_t i = 0; i < row.size(); ++i) total += row[i] = random.normal(first + i);
  const double mean = centred ? total / static_cast<double>(row.size()) : 0;
  for (double& value : row) {
    value -= mean;
    squares += rounded(value * value);
  }
  const double length = std::sqrt(squares);
  for (double& value : row) value = length > 0 ? value / length : 0;
}

/// to[k] += x · row[k].
template <class T>
void add_row(T x, const T* row, T* to, std::size_t count) {
  using V = Packet<T>;
  std::size_t k = 0;
  for (; k + lane_count<V> <= count; k += lane_count<V>)
    store<V>(to, k, multiply_add(V(x), load<V>(row, k), load<V>(to, k)));
  for (; k < count; ++k) to[k] = multiply_add(x, row[k], to[k]);
}

/// A number made of others (FNV-1a over their bytes, never 0).
inline std::uint64_t fingerprint(std::initializer_list<std::uint64_t> settings) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const std::uint64_t setting : settings)
    for (unsigned shift = 0; shift < 64; shift += 8) hash = (hash ^ (setting >> shift & 0xFF)) * 0x100000001B3ULL;
  return hash == 0 ? 1 : hash;
}

}  // namespace lifelong::analytic::detail

#include <lifelong/config/pop_macros.hpp>
