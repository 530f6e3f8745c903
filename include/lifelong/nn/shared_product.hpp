// Gradients of a parameter that every sample uses at several positions: the moment of each sample's own sum over them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/nn/layer.hpp>
#include <lifelong/nn/parallel.hpp>
#include <lifelong/nn/register_tile.hpp>

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

/// Values of the right factor that are packed at a time, unless one sample has more.
inline constexpr std::size_t packed_values = std::size_t{1} << 17;

}  // namespace detail

/// out (+)= Σ_n m(L_nᵀ R_n) for samples n = 0 .. samples-1 with L_n and R_n `positions` x features. With D_n and X_n
/// that is the moment of each sample's gradient g_n = D_nᵀ X_n of a shared parameter, exactly: a tile of g_n is summed
/// in registers before m. From 4 positions on it takes about as long as the plain gradient.
///
/// The right factor is packed into `scratch`, 2^17 values or one sample at a time: let it be the one with fewer
/// features. So is the left one unless a feature's positions follow each other. Tiles and order of summation follow
/// from the shapes alone, so results are bitwise equal for any number of threads.
template <class T, class Backend, class Moment>
void shared_product(const Backend& backend, const Moment& moment, std::size_t samples, std::size_t positions,
                    Positions<T> left, const Positions<T>& right, bool add, Elements<T> out,
                    AlignedVector<T>& scratch) {
  using detail::tile_rows;
  constexpr std::size_t most = detail::tile_packets<T>;
  const detail::Panels<T> panels(right.features);
  if (samples == 0 && !add)
    for (std::size_t i = 0; i < left.features; ++i)
      for (std::size_t j = 0; j < right.features; ++j) out(i, j) = T(0);
  const std::size_t chunk =
      std::min(samples, std::max<std::size_t>(1, detail::packed_values / (positions * panels.width())));
  const std::size_t down = (left.features + tile_rows - 1) / tile_rows;
  const bool packs_left = left.position != 1;
  detail::grow(scratch, chunk * positions * (panels.width() + (packs_left ? down * tile_rows : 0)));
  for (std::size_t first = 0; first < samples; first += chunk, add = true) {
    const std::size_t count = std::min(chunk, samples - first), rows = count * positions;
    const auto packed = [&](std::size_t p) { return scratch.data() + rows * panels.begin(p); };
    const auto packed_left = [&](std::size_t row) { return scratch.data() + rows * (panels.width() + row); };
    const auto pack = [&](std::size_t i) {
      const std::size_t p = i / count, n = i % count;
      if (p < panels.count())
        return detail::pack_right(panels, p, right, first + n, positions, packed(p) + n * positions * panels.width(p));
      const std::size_t row = (p - panels.count()) * tile_rows;
      detail::pack_left(left, row, n, positions, packed_left(row) + n * positions * tile_rows);
    };
    const auto multiply = [&](std::size_t i) {
      const std::size_t p = i / down, row = i % down * tile_rows, width = panels.width(p);
      alignas(64) T sums[detail::tile_values<T>];
      detail::sum_panel<most>(
          moment, count, positions,
          packs_left ? detail::left_rows<T>(packed_left(row), positions) : detail::left_rows(left, row),
          detail::Panel<T>{packed(p), width}, width, sums);
      for (std::size_t j = panels.begin(p); j < panels.end(p); ++j)
        for (std::size_t r = 0; r < std::min(tile_rows, left.features - row); ++r) {
          const T sum = sums[r * width + j - panels.begin(p)];
          out(row + r, j) = add ? out(row + r, j) + sum : sum;
        }
    };
    detail::parallel_for(backend, (panels.count() + (packs_left ? down : 0)) * count, 4 * rows * panels.width(), pack);
    detail::parallel_for(backend, panels.count() * down, 2 * rows * left.features * panels.width(), multiply);
    left.data += count * left.sample;
  }
}

/// out (+)= Σ_n m(Σ_t D_n(t, ·)): the same for a bias. Bitwise equal for any number of threads.
template <class T, class Backend, class Moment>
void shared_sum(const Backend& backend, const Moment& moment, std::size_t samples, std::size_t positions,
                const Positions<T>& d, bool add, std::span<T> out) {
  detail::for_each_block(backend, d.features, samples * positions + 1, [&](std::size_t begin, std::size_t end) {
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
