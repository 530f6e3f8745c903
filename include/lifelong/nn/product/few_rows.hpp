// SPDX-License-Identifier: MIT
// Products with very few rows, such as those of one sample. Nothing is packed; the matrix is read once for each row.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <type_traits>

#include <lifelong/core/packet.hpp>
#include <lifelong/nn/product/dot.hpp>
#include <lifelong/nn/product/register_tile.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn::detail {

/// The largest number of rows with which packing costs more than it saves.
inline constexpr std::size_t few_rows = 2;

/// C(row, j) = start + Σ_k a[k] B(j, k) for the columns [begin, end).
template <class T, class Start>
void row_times_transposed(const T* a, Rows<const T> b, Rows<T> c, std::size_t row, std::size_t begin, std::size_t end,
                          std::size_t depth, const Start& start) {
  for (std::size_t j = begin; j < end; ++j) {
    T* to = c.data + row * c.width + j;
    *to = start.template value<T>(row, j, to) + dot(a, b.data + j * b.width, 1, depth);
  }
}

/// C(row, j) = start + Σ_k a[k] B(k, j) for the columns [begin, end).
template <class T, class Start, class P = Packet<T>>
void row_times(const T* a, Rows<const T> b, Rows<T> c, std::size_t row, std::size_t begin, std::size_t end,
               std::size_t depth, const Start& start) {
  constexpr std::size_t ways = 4;
  const auto sum_columns = [&]<class V, std::size_t count>(std::size_t j, std::integral_constant<std::size_t, count>) {
    V sums[count];
    unroll<count>([&](auto w) LIFELONG_ALWAYS_INLINE { sums[w] = V(T(0)); });
    const T* from = b.data + j;
    for (std::size_t k = 0; k < depth; ++k, from += b.width)
      unroll<count>([&](auto w) LIFELONG_ALWAYS_INLINE {
        sums[w] = multiply_add(V(a[k]), load<V>(from, w * lane_count<V>), sums[w]);
      });
    unroll<count>([&](auto w) LIFELONG_ALWAYS_INLINE {
      T* to = c.data + row * c.width + j + w * lane_count<V>;
      store<V>(to, 0, start.template value<V>(row, j + w * lane_count<V>, to) + sums[w]);
    });
  };
  using One = std::integral_constant<std::size_t, 1>;
  std::size_t j = begin;
  for (; j + ways * lane_count<P> <= end; j += ways * lane_count<P>)
    sum_columns.template operator()<P>(j, std::integral_constant<std::size_t, ways>{});
  for (; j + lane_count<P> <= end; j += lane_count<P>) sum_columns.template operator()<P>(j, One{});
  for (; j < end; ++j) sum_columns.template operator()<T>(j, One{});
}

}  // namespace lifelong::nn::detail

#include <lifelong/config/pop_macros.hpp>
