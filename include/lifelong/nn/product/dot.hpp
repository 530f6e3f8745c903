// SPDX-License-Identifier: MIT
// The inner product of two vectors.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

#include <lifelong/config.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/nn/product/register_tile.hpp>

namespace lifelong::nn::detail {

/// Σ_k a[k] b[k · step], k < count, in an order that follows from `step` and `count` alone.
template <class T, class V = Packet<T>>
T dot(const T* a, const T* b, std::size_t step, std::size_t count) {
  constexpr std::size_t lanes = lane_count<V>, ways = 4;
  V sums[ways];
  unroll<ways>([&](auto w) LIFELONG_ALWAYS_INLINE { sums[w] = V(T(0)); });
  std::size_t k = 0;
  if (step == 1) {
    for (; k + ways * lanes <= count; k += ways * lanes)
      unroll<ways>([&](auto w) LIFELONG_ALWAYS_INLINE {
        sums[w] = multiply_add(load<V>(a, k + w * lanes), load<V>(b, k + w * lanes), sums[w]);
      });
    for (; k + lanes <= count; k += lanes) sums[0] = multiply_add(load<V>(a, k), load<V>(b, k), sums[0]);
  }
  T rest = 0;
  for (; k < count; ++k) rest += a[k] * b[k * step];
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest;
}

}  // namespace lifelong::nn::detail

#include <lifelong/config/pop_macros.hpp>
