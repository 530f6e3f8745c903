// SPDX-License-Identifier: MIT
// Gradients of a parameter that every sample uses at several positions: the moment of each sample's own sum over them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/register_tile.hpp>

namespace lifelong::nn {

/// A matrix to write to: element (i, j) is data[i · row + j · column].
template <class T>
struct Elements {
  T* data = nullptr;
  std::size_t row = 0;
  std::size_t column = 1;

  T& operator()(std::size_t i, std::size_t j) const { return data[i * row + j * column]; }
};

namespace detail {

/// The number of values of the right factor that are packed at a time, unless one sample has more.
inline constexpr std::size_t packed_values = std::size_t{1} << 19;

/// The number of tiles that are packed together, so that whole cache lines are read.
inline constexpr std::size_t packed_tiles = 16;

/// Whether `right` is the better left factor. The left factor is read in place if a feature's positions follow each
/// other; the right factor is packed, which is fastest if the features of a position follow each other.
template <class T>
bool better_exchanged(const Positions<T>& left, const Positions<T>& right) {
  const bool one = left.position == 1, other = right.position == 1;
  if (one != other) return other;
  return one ? right.features > left.features : right.features < left.features;
}

/// out(row + r, column + j) (+)= sums(r, j) for r < rows and j < columns; row r of the sums is at r · width.
template <class T>
void write_sums(const Elements<T>& out, bool add, std::size_t row, std::size_t rows, std::size_t column,
                std::size_t columns, const T* sums, std::size_t width) {
  if (out.column == 1) {
    for (std::size_t r = 0; r < rows; ++r) {
      T* to = out.data + (row + r) * out.row + column;
      for_each_packet<T>(0, columns, [&]<class V>(std::size_t j) {
        const V sum = load<V>(sums, r * width + j);
        store<V>(to, j, add ? load<V>(to, j) + sum : sum);
      });
    }
  } else {
    for (std::size_t j = 0; j < columns; ++j)
      for (std::size_t r = 0; r < rows; ++r) {
        T& to = out(row + r, column + j);
        to = add ? to + sums[r * width + j] : sums[r * width + j];
      }
  }
}

}  // namespace detail

/// out (+)= Σ_n m(L_nᵀ R_n) for samples n = 0 .. samples-1 with L_n and R_n `positions` x features. With D_n and X_n
/// that is exactly the moment of each sample's gradient g_n = D_nᵀ X_n of a shared parameter, because a tile of g_n is
/// summed in registers before m is applied. From 4 positions on it takes about as long as the plain gradient.
///
/// One factor is packed into `scratch`, 2^19 values or one sample at a time. The other is packed as well unless a
/// feature's positions follow each other. Tiles and the order of summation depend on the shapes alone, so results are
/// bitwise equal for any number of threads.
template <class T, class Backend, class Moment, class V = Packet<T>>
void shared_product(const Backend& backend, const Moment& moment, std::size_t samples, std::size_t positions,
                    Positions<T> left, Positions<T> right, bool add, Elements<T> out, AlignedVector<T>& scratch) {
  using detail::tile_rows, detail::packed_tiles;
  constexpr std::size_t most = detail::tile_packets<V>;
  if (detail::better_exchanged(left, right)) {
    std::swap(left, right);
    std::swap(out.row, out.column);
  }
  const detail::Panels<V> panels(right.features);
  if (samples == 0 && !add)
    for (std::size_t i = 0; i < left.features; ++i)
      for (std::size_t j = 0; j < right.features; ++j) out(i, j) = T(0);
  const std::size_t slice =
      std::min(samples, std::max<std::size_t>(1, detail::packed_values / (positions * panels.width())));
  const std::size_t down = (left.features + tile_rows - 1) / tile_rows;
  const bool packs_left = left.position != 1;
  const std::size_t groups = packs_left ? (down + packed_tiles - 1) / packed_tiles : 0;
  detail::grow(scratch, slice * positions * (panels.width() + (packs_left ? down * tile_rows : 0)));
  for (std::size_t first = 0; first < samples; first += slice, add = true) {
    const std::size_t count = std::min(slice, samples - first), rows = count * positions;
    const auto packed = [&](std::size_t p) { return scratch.data() + rows * panels.begin(p); };
    const auto packed_left = [&](std::size_t row) { return scratch.data() + rows * (panels.width() + row); };
    const auto pack = [&](std::size_t i) {
      const std::size_t p = i / count, n = i % count;
      if (p < panels.count())
        return detail::pack_right(panels, p, right, first + n, positions, packed(p) + n * positions * panels.width(p));
      const std::size_t row = (p - panels.count()) * packed_tiles * tile_rows;
      detail::pack_left(left, row, std::min(left.features, row + packed_tiles * tile_rows), n, positions,
                        packed_left(row) + n * positions * tile_rows, rows * tile_rows);
    };
    const auto multiply = [&](std::size_t i) {
      const std::size_t p = i / down, row = i % down * tile_rows, width = panels.width(p), column = panels.begin(p);
      alignas(64) T sums[detail::tile_values<V>];
      detail::sum_panel<most, V>(
          moment, count, positions,
          packs_left ? detail::left_rows<T>(packed_left(row), positions) : detail::left_rows(left, row),
          detail::Panel<T>{packed(p), width}, width, sums);
      detail::write_sums(out, add, row, std::min(tile_rows, left.features - row), column, panels.end(p) - column, sums,
                         width);
    };
    detail::parallel_for(backend, (panels.count() + groups) * count, 4 * rows * panels.width(), pack);
    detail::parallel_for(backend, panels.count() * down, 2 * rows * left.features * panels.width(), multiply);
    left.data += count * left.sample;
  }
}

/// out (+)= Σ_n m(Σ_t D_n(t, ·)): the same for a bias. Results are bitwise equal for any number of threads.
template <class T, class Backend, class Moment>
void shared_sum(const Backend& backend, const Moment& moment, std::size_t samples, std::size_t positions,
                const Positions<T>& d, bool add, std::span<T> out) {
  detail::for_each_range(backend, d.features, samples * positions + 1, [&](std::size_t begin, std::size_t end) {
    const auto sum = [&]<class V>(std::size_t f) {
      V total = add ? load<V>(out.data(), f) : V(T(0));
      for (std::size_t n = 0; n < samples; ++n) {
        const T* values = d.data + n * d.sample + f * d.feature;
        V own = V(T(0));
        for (std::size_t t = 0; t < positions; ++t) own = own + load<V>(values, t * d.position);
        total = total + moment(own);
      }
      store<V>(out.data(), f, total);
    };
    if (d.feature == 1)
      detail::for_each_packet<T>(begin, end, sum);
    else
      for (std::size_t f = begin; f < end; ++f) sum.template operator()<T>(f);
  });
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
