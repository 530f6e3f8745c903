// Gradients of a parameter that every sample uses at several positions: the moment of each sample's own sum over them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/nn/layer.hpp>
#include <lifelong/nn/parallel.hpp>

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

/// A matrix to write to: element (i, j) is data[i · row + j · column].
template <class T>
struct Elements {
  T* data = nullptr;
  std::size_t row = 0;
  std::size_t column = 1;

  T& operator()(std::size_t i, std::size_t j) const { return data[i * row + j * column]; }
};

namespace detail {

/// Rows and packets of the tile of a sample's gradient that is summed in registers: 6 x 4 of AVX-512's 32, else 6 x 2
/// of 16.
inline constexpr std::size_t tile_rows = 6;
template <class T>
inline constexpr std::size_t tile_packets = sizeof(Packet<T>) >= 64 ? 4 : 2;

/// Calls `visit(k)` for the constants k = 0 .. count-1: an array that only constants index can stay in registers.
template <std::size_t count, class Visit>
LIFELONG_ALWAYS_INLINE inline void unroll(const Visit& visit) {
  const auto all = [&]<std::size_t... k>(std::index_sequence<k...>) LIFELONG_ALWAYS_INLINE {
    (visit(std::integral_constant<std::size_t, k>{}), ...);
  };
  all(std::make_index_sequence<count>{});
}

/// A panel of the right factor: for all positions of one sample after the other `width` values.
template <class T>
struct Panel {
  const T* data;
  std::size_t width;
};

/// sums(r, c) = Σ_n m(Σ_t left(n, t, row + r) right(n, t, c)), r < tile_rows, c < `packets` packets. The inner sum is
/// in registers, the outer one as far as there are any left. Rows beyond the last feature repeat it.
template <std::size_t packets, class T, class Moment>
void sum_tile(const Moment& moment, std::size_t samples, std::size_t positions, const Positions<T>& left,
              std::size_t row, Panel<T> right, T* sums) {
  using V = Packet<T>;
  const auto each = [](const auto& visit) LIFELONG_ALWAYS_INLINE {
    unroll<tile_rows>(
        [&](auto r) LIFELONG_ALWAYS_INLINE { unroll<packets>([&](auto c) LIFELONG_ALWAYS_INLINE { visit(r, c); }); });
  };
  const std::size_t step = left.position;
  const T* from[tile_rows];
  unroll<tile_rows>([&](auto r) LIFELONG_ALWAYS_INLINE {
    from[r] = left.data + std::min<std::size_t>(row + r, left.features - 1) * left.feature;
  });
  V total[tile_rows][packets], own[tile_rows][packets];
  each([&](auto r, auto c) LIFELONG_ALWAYS_INLINE { total[r][c] = V(T(0)); });
  for (std::size_t n = 0; n < samples; ++n) {
    each([&](auto r, auto c) LIFELONG_ALWAYS_INLINE { own[r][c] = V(T(0)); });
    for (std::size_t t = 0; t < positions; ++t, right.data += right.width) {
      V x[packets];
      unroll<packets>([&](auto c) LIFELONG_ALWAYS_INLINE { x[c] = load<V>(right.data, c * lane_count<V>); });
      unroll<tile_rows>([&](auto r) LIFELONG_ALWAYS_INLINE {
        const V d(from[r][t * step]);
        unroll<packets>([&](auto c) LIFELONG_ALWAYS_INLINE { own[r][c] = multiply_add(d, x[c], own[r][c]); });
      });
    }
    each([&](auto r, auto c) LIFELONG_ALWAYS_INLINE { total[r][c] = total[r][c] + moment(own[r][c]); });
    unroll<tile_rows>([&](auto r) LIFELONG_ALWAYS_INLINE { from[r] += left.sample; });
  }
  each([&](auto r, auto c) LIFELONG_ALWAYS_INLINE { store<V>(sums, (r * packets + c) * lane_count<V>, total[r][c]); });
}

/// The same for a panel of at most `most` packets.
template <std::size_t most, class T, class Moment>
void sum_panel(const Moment& moment, std::size_t samples, std::size_t positions, const Positions<T>& left,
               std::size_t row, Panel<T> right, T* sums) {
  if constexpr (most > 1) {
    if (right.width < most * lane_count<Packet<T>>)
      return sum_panel<most - 1>(moment, samples, positions, left, row, right, sums);
  }
  sum_tile<most>(moment, samples, positions, left, row, right, sums);
}

/// How the features of the right factor are cut into panels of about equally many packets.
template <class T>
class Panels {
 public:
  explicit Panels(std::size_t features)
      : features_(features),
        packets_((features + lanes - 1) / lanes),
        count_((packets_ + tile_packets<T> - 1) / tile_packets<T>) {}

  [[nodiscard]] std::size_t count() const { return count_; }
  /// Features [begin(p), end(p)) are panel p.
  [[nodiscard]] std::size_t begin(std::size_t p) const { return p * packets_ / count_ * lanes; }
  [[nodiscard]] std::size_t end(std::size_t p) const { return std::min(features_, begin(p + 1)); }
  /// Values of panel p per position, whole packets, and of all panels.
  [[nodiscard]] std::size_t width(std::size_t p) const { return begin(p + 1) - begin(p); }
  [[nodiscard]] std::size_t width() const { return packets_ * lanes; }

 private:
  static constexpr std::size_t lanes = lane_count<Packet<T>>;

  std::size_t features_, packets_, count_;
};

/// Copies panel p of sample n; what lies beyond the last feature becomes zero.
template <class T>
void pack(const Panels<T>& panels, std::size_t p, const Positions<T>& from, std::size_t n, std::size_t positions,
          T* to) {
  const std::size_t width = panels.width(p), used = panels.end(p) - panels.begin(p);
  const T* data = from.data + n * from.sample + panels.begin(p) * from.feature;
  if (used < width) std::fill_n(to, positions * width, T(0));
  if (from.feature == 1) {
    for (std::size_t t = 0; t < positions; ++t) std::copy_n(data + t * from.position, used, to + t * width);
  } else {
    for (std::size_t f = 0; f < used; ++f)
      for (std::size_t t = 0; t < positions; ++t) to[t * width + f] = data[f * from.feature + t * from.position];
  }
}

/// Values of the right factor that are packed at a time, unless one sample has more.
inline constexpr std::size_t packed_values = std::size_t{1} << 17;

}  // namespace detail

/// out (+)= Σ_n m(L_nᵀ R_n) for samples n = 0 .. samples-1 with L_n and R_n `positions` x features. With D_n and X_n
/// that is the moment of each sample's gradient g_n = D_nᵀ X_n of a shared parameter, exactly: a tile of g_n is summed
/// in registers before m. From 4 positions on it takes about as long as the plain gradient.
///
/// The right factor is copied to `scratch`, 2^17 values or one sample at a time: let it be the one with fewer features.
/// Tiles and order of summation follow from the shapes alone, so results are bitwise equal for any number of threads.
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
  detail::grow(scratch, chunk * positions * panels.width());
  for (std::size_t first = 0; first < samples; first += chunk, add = true) {
    const std::size_t count = std::min(chunk, samples - first), rows = count * positions;
    const auto packed = [&](std::size_t p) { return scratch.data() + rows * panels.begin(p); };
    const auto pack = [&](std::size_t i) {
      const std::size_t p = i / count, n = i % count;
      detail::pack(panels, p, right, first + n, positions, packed(p) + n * positions * panels.width(p));
    };
    const auto multiply = [&](std::size_t i) {
      const std::size_t p = i / down, row = i % down * tile_rows, width = panels.width(p);
      alignas(64) T sums[tile_rows * most * lane_count<Packet<T>>];
      detail::sum_panel<most>(moment, count, positions, left, row, detail::Panel<T>{packed(p), width}, sums);
      for (std::size_t j = panels.begin(p); j < panels.end(p); ++j)
        for (std::size_t r = 0; r < std::min(tile_rows, left.features - row); ++r) {
          const T sum = sums[r * width + j - panels.begin(p)];
          out(row + r, j) = add ? out(row + r, j) + sum : sum;
        }
    };
    detail::parallel_for(backend, panels.count() * count, 4 * rows * panels.width(), pack);
    detail::parallel_for(backend, panels.count() * down, 2 * rows * left.features * panels.width(), multiply);
    left.data += count * left.sample;
  }
}

/// out (+)= Σ_n m(Σ_t D_n(t, ·)): the same for a bias.
template <class T, class Backend, class Moment>
void shared_sum(const Backend& backend, const Moment& moment, std::size_t samples, std::size_t positions,
                const Positions<T>& d, bool add, std::span<T> out) {
  detail::for_each_block(backend, d.features, samples * positions + 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t f = begin; f < end; ++f) {
      T total = add ? out[f] : T(0);
      for (std::size_t n = 0; n < samples; ++n) {
        const T* values = d.data + n * d.sample + f * d.feature;
        T own = 0;
        for (std::size_t t = 0; t < positions; ++t) own += values[t * d.position];
        total += moment(own);
      }
      out[f] = total;
    }
  });
}

}  // namespace lifelong::nn
