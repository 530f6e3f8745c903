// SPDX-License-Identifier: MIT
// The innermost loop of all products, which sums a tile in registers, and the packing of what it reads.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

#include <lifelong/config.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/nn/product/parallel.hpp>

namespace lifelong::nn {

/// One matrix per sample, positions x features, anywhere in an array: element (t, f) of sample n is
/// data[n · sample + t · position + f · feature].
template <class T>
struct Positions {
  const T* data = nullptr;
  std::size_t features = 0;
  std::size_t sample = 0;
  std::size_t position = 0;
  std::size_t feature = 1;
};

namespace detail {

// One copy of a function for all layers and backends keeps programs small and their compilation short. Whatever counts
// in packets has their type V as a template argument, so that of a program's files, which may be compiled for different
// processors, no two have functions of the same name for tiles of different sizes.

/// Rows and packets of the tile: 6 x 4 of AVX-512's 32 registers, else 6 x 2 of 16.
inline constexpr std::size_t tile_rows = 6;
template <class V>
inline constexpr std::size_t tile_packets = sizeof(V) >= 64 ? 4 : 2;

/// Values of a row of a tile, and of all of it.
template <class V>
inline constexpr std::size_t tile_width = tile_packets<V>* lane_count<V>;
template <class V>
inline constexpr std::size_t tile_values = tile_rows* tile_width<V>;

/// Calls `visit(k)` for the constants k = 0 .. count-1. An array that is indexed by constants only can stay in
/// registers.
template <std::size_t count, class Visit>
LIFELONG_ALWAYS_INLINE inline void unroll(const Visit& visit) {
  const auto all = [&]<std::size_t... k>(std::index_sequence<k...>) LIFELONG_ALWAYS_INLINE {
    (visit(std::integral_constant<std::size_t, k>{}), ...);
  };
  all(std::make_index_sequence<count>{});
}

/// Left factor of a tile: its row r at position t of sample n is data[min(r, last) · feature + n · sample + t ·
/// position].
template <class T>
struct LeftRows {
  const T* data;
  std::size_t feature;
  std::size_t last;
  std::size_t sample;
  std::size_t position;
};

/// Features `row`, `row` + 1, ... of `factor`, in place. Rows beyond the last feature repeat it.
template <class T>
LeftRows<T> left_rows(const Positions<T>& factor, std::size_t row) {
  return {factor.data + row * factor.feature, factor.feature, factor.features - 1 - row, factor.sample,
          factor.position};
}

/// The same for features that `pack_left` has packed.
template <class T>
LeftRows<T> left_rows(const T* packed, std::size_t positions) {
  return {packed, 1, tile_rows - 1, positions * tile_rows, tile_rows};
}

/// Copies features [row, end) of sample n tile by tile, `tile_rows` values per position. Tiles are `step` values apart.
template <class T>
LIFELONG_ONE_COPY void pack_left(const Positions<T>& factor, std::size_t row, std::size_t end, std::size_t n,
                                 std::size_t positions, T* to, std::size_t step) {
  const std::size_t whole = (end - row) / tile_rows, rest = (end - row) % tile_rows;
  const T* from = factor.data + n * factor.sample + row * factor.feature;
  for (std::size_t t = 0; t < positions; ++t, from += factor.position, to += tile_rows) {
    const T* tile = from;
    for (std::size_t k = 0; k < whole; ++k, tile += tile_rows * factor.feature)
      unroll<tile_rows>([&](auto r) LIFELONG_ALWAYS_INLINE { to[k * step + r] = tile[r * factor.feature]; });
    for (std::size_t r = 0; rest > 0 && r < tile_rows; ++r)
      to[whole * step + r] = tile[std::min(r, rest - 1) * factor.feature];
  }
}

/// Right factor of a tile: some packets for each position of one sample after the other, `step` values apart.
template <class T>
struct Panel {
  const T* data;
  std::size_t step;
};

/// sums(r, c) = Σ_n m(Σ_t left(n, t, r) right(n, t, c)), r < tile_rows, c < `packets` packets. The inner sum is in
/// registers, and the outer one too as far as there are enough.
template <std::size_t packets, class V, class T, class Moment>
LIFELONG_ONE_COPY void sum_tile(const Moment& moment, std::size_t samples, std::size_t positions,
                                const LeftRows<T>& left, Panel<T> right, T* sums) {
  const auto each = [](const auto& visit) LIFELONG_ALWAYS_INLINE {
    unroll<tile_rows>(
        [&](auto r) LIFELONG_ALWAYS_INLINE { unroll<packets>([&](auto c) LIFELONG_ALWAYS_INLINE { visit(r, c); }); });
  };
  const T* rows[tile_rows];
  unroll<tile_rows>(
      [&](auto r) LIFELONG_ALWAYS_INLINE { rows[r] = left.data + std::min<std::size_t>(r, left.last) * left.feature; });
  const std::size_t step = left.position;
  V total[tile_rows][packets], own[tile_rows][packets];
  each([&](auto r, auto c) LIFELONG_ALWAYS_INLINE { total[r][c] = V(T(0)); });
  for (std::size_t n = 0; n < samples; ++n) {
    each([&](auto r, auto c) LIFELONG_ALWAYS_INLINE { own[r][c] = V(T(0)); });
    for (std::size_t t = 0; t < positions; ++t, right.data += right.step) {
      V x[packets];
      unroll<packets>([&](auto c) LIFELONG_ALWAYS_INLINE { x[c] = load<V>(right.data, c * lane_count<V>); });
      unroll<tile_rows>([&](auto r) LIFELONG_ALWAYS_INLINE {
        const V d(rows[r][t * step]);
        unroll<packets>([&](auto c) LIFELONG_ALWAYS_INLINE { own[r][c] = multiply_add(d, x[c], own[r][c]); });
      });
    }
    each([&](auto r, auto c) LIFELONG_ALWAYS_INLINE { total[r][c] = total[r][c] + moment(own[r][c]); });
    unroll<tile_rows>([&](auto r) LIFELONG_ALWAYS_INLINE { rows[r] += left.sample; });
  }
  each([&](auto r, auto c) LIFELONG_ALWAYS_INLINE { store<V>(sums, (r * packets + c) * lane_count<V>, total[r][c]); });
}

/// The same for a panel of `width` values, which are at most `most` whole packets; row r of the sums is at r · width.
template <std::size_t most, class V, class T, class Moment>
void sum_panel(const Moment& moment, std::size_t samples, std::size_t positions, const LeftRows<T>& left,
               Panel<T> right, std::size_t width, T* sums) {
  if constexpr (most > 1) {
    if (width < most * lane_count<V>)
      return sum_panel<most - 1, V>(moment, samples, positions, left, right, width, sums);
  }
  sum_tile<most, V>(moment, samples, positions, left, right, sums);
}

/// Cuts the features of the right factor into panels of about equally many packets.
template <class V>
class Panels {
 public:
  explicit Panels(std::size_t features)
      : features_(features),
        packets_((features + lanes - 1) / lanes),
        count_((packets_ + tile_packets<V> - 1) / tile_packets<V>) {}

  [[nodiscard]] std::size_t count() const { return count_; }
  /// Panel p consists of the features [begin(p), end(p)).
  [[nodiscard]] std::size_t begin(std::size_t p) const { return p * packets_ / count_ * lanes; }
  [[nodiscard]] std::size_t end(std::size_t p) const { return std::min(features_, begin(p + 1)); }
  /// Values per position in panel p and in all panels, in whole packets.
  [[nodiscard]] std::size_t width(std::size_t p) const { return begin(p + 1) - begin(p); }
  [[nodiscard]] std::size_t width() const { return packets_ * lanes; }

 private:
  static constexpr std::size_t lanes = lane_count<V>;

  std::size_t features_, packets_, count_;
};

/// Prefetches the cache line at `address`, which will be read or written.
enum class Access { read, write };
template <Access access>
LIFELONG_ALWAYS_INLINE inline void prefetch([[maybe_unused]] const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address, access == Access::write);
#endif
}

/// to[t · step + f] = from[f · stride + t] for f < features and t < positions, one square at a time in registers.
template <class V, class T>
LIFELONG_ONE_COPY void copy_transposed(const T* from, std::size_t stride, std::size_t features, std::size_t positions,
                                       T* to, std::size_t step) {
  constexpr std::size_t lanes = lane_count<V>;
  std::size_t f = 0;
  if constexpr (lanes > 1) {
    for (; f + lanes <= features; f += lanes) {
      std::size_t t = 0;
      for (; t + lanes <= positions; t += lanes) {
        V square[lanes];
        unroll<lanes>([&](auto k) LIFELONG_ALWAYS_INLINE {
          square[k] = load<V>(from, (f + k) * stride + t);
          prefetch<Access::read>(from + (f + k + lanes) * stride + t);
        });
        transpose(square);
        unroll<lanes>([&](auto k) LIFELONG_ALWAYS_INLINE { store(to, (t + k) * step + f, square[k]); });
      }
      for (; t < positions; ++t)
        for (std::size_t k = 0; k < lanes; ++k) to[t * step + f + k] = from[(f + k) * stride + t];
    }
  }
  for (; f < features; ++f)
    for (std::size_t t = 0; t < positions; ++t) to[t * step + f] = from[f * stride + t];
}

/// Copies panel p of sample n; values beyond the last feature become zero.
template <class V, class T>
LIFELONG_ONE_COPY void pack_right(const Panels<V>& panels, std::size_t p, const Positions<T>& from, std::size_t n,
                                  std::size_t positions, T* to) {
  const std::size_t width = panels.width(p), used = panels.end(p) - panels.begin(p);
  const T* data = from.data + n * from.sample + panels.begin(p) * from.feature;
  if (used < width) std::fill_n(to, positions * width, T(0));
  if (from.feature == 1)
    for (std::size_t t = 0; t < positions; ++t, data += from.position, to += width)
      for_each_packet<T>(0, used, [=]<class W>(std::size_t f) {
        prefetch<Access::read>(data + 8 * from.position + f);
        store<W>(to, f, load<W>(data, f));
      });
  else if (from.position == 1)
    copy_transposed<V>(data, from.feature, used, positions, to, width);
  else
    for (std::size_t f = 0; f < used; ++f)
      for (std::size_t t = 0; t < positions; ++t) to[t * width + f] = data[f * from.feature + t * from.position];
}

}  // namespace detail

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
