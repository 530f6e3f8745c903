// SPDX-License-Identifier: MIT
// A symmetric matrix in tiles, of which the upper half is kept, and the one product that all of this room is made of.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong::analytic::detail {

using lifelong::detail::raise;

/// Side of a tile. It is a multiple of the rows and packets of the register tile below, whatever a register holds.
inline constexpr std::size_t side = 48;
/// Values of a tile, which lie row by row.
inline constexpr std::size_t tile_values = side * side;

/// Calls `visit(k)` for the constants k = 0 .. count-1, so that arrays indexed by them stay in registers.
template <std::size_t count, class Visit>
LIFELONG_ALWAYS_INLINE inline void unroll(const Visit& visit) {
  const auto all = [&]<std::size_t... k>(std::index_sequence<k...>) LIFELONG_ALWAYS_INLINE {
    (visit(std::integral_constant<std::size_t, k>{}), ...);
  };
  all(std::make_index_sequence<count>{});
}

/// c += sign · leftᵀ right for a tile c. The factors have `depth` rows of `side` values. Every element adds its terms
/// in the order of the rows, beginning with what it is: so it makes no difference, to the bit, how rows are cut into
/// calls. V is `Packet<double>`.
template <int sign, class V>
LIFELONG_ONE_COPY void add_product(const double* left, const double* right, std::size_t depth, double* c) {
  constexpr std::size_t rows = 6, packets = sizeof(V) >= 64 ? 3 : 2, width = packets * lane_count<V>;
  static_assert(side % rows == 0 && side % width == 0);
  for (std::size_t row = 0; row < side; row += rows)
    for (std::size_t column = 0; column < side; column += width) {
      double* const at = c + row * side + column;
      V sums[rows][packets];
      const auto each = [](const auto& visit) LIFELONG_ALWAYS_INLINE {
        unroll<rows>([&](auto r) LIFELONG_ALWAYS_INLINE {
          unroll<packets>([&](auto p) LIFELONG_ALWAYS_INLINE { visit(r, p); });
        });
      };
      each([&](auto r, auto p) LIFELONG_ALWAYS_INLINE { sums[r][p] = load<V>(at, r * side + p * lane_count<V>); });
      const double *a = left + row, *b = right + column;
      for (std::size_t n = 0; n < depth; ++n, a += side, b += side) {
        V x[packets];
        unroll<packets>([&](auto p) LIFELONG_ALWAYS_INLINE { x[p] = load<V>(b, p * lane_count<V>); });
        unroll<rows>([&](auto r) LIFELONG_ALWAYS_INLINE {
          const V factor(sign > 0 ? a[r] : -a[r]);
          unroll<packets>([&](auto p) LIFELONG_ALWAYS_INLINE { sums[r][p] = multiply_add(factor, x[p], sums[r][p]); });
        });
      }
      each([&](auto r, auto p) LIFELONG_ALWAYS_INLINE { store<V>(at, r * side + p * lane_count<V>, sums[r][p]); });
    }
}

/// to += factor · from, `count` values, a multiple of `side`.
template <class V>
void add_scaled(double factor, const double* from, double* to, std::size_t count) {
  for (std::size_t k = 0; k < count; k += lane_count<V>)
    store<V>(to, k, multiply_add(V(factor), load<V>(from, k), load<V>(to, k)));
}

/// Σ a b, `count` values, a multiple of `side`.
template <class V>
double dot(const double* a, const double* b, std::size_t count) {
  V total(0.0);
  for (std::size_t k = 0; k < count; k += lane_count<V>) total = multiply_add(load<V>(a, k), load<V>(b, k), total);
  return sum(total);
}

/// Rows of features, cut into panels of `side` features: panel p has its rows one after the other. What is behind the
/// last feature is 0.
class Panels {
 public:
  explicit Panels(std::size_t features = 0) : features_(features), count_((features + side - 1) / side) {}

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// Makes room for `rows` rows, whose contents are unspecified but for the zeros behind the last feature.
  /// \throws OutOfMemory; then there are no rows.
  void resize(std::size_t rows) {
    rows_ = 0;
    const auto message = [&] {
      return "a block of " + std::to_string(rows) + " samples of " + std::to_string(features_) +
             " features does not fit into memory";
    };
    if (count_ > 0 && rows > static_cast<std::size_t>(-1) / (count_ * side)) raise<OutOfMemory>(message());
    lifelong::detail::with_memory(
        [&] {
          if (values_.size() < rows * count_ * side) values_.resize(rows * count_ * side);
        },
        message);
    rows_ = rows;
    for (std::size_t n = 0; n < rows; ++n)
      for (std::size_t k = features_; k < count_ * side; ++k) at(n, k) = 0;
  }

  [[nodiscard]] double& at(std::size_t row, std::size_t feature) {
    return values_[(feature / side * rows_ + row) * side + feature % side];
  }
  [[nodiscard]] const double* panel(std::size_t p) const LIFELONG_LIFETIME_BOUND {
    return values_.data() + p * rows_ * side;
  }
  [[nodiscard]] std::size_t bytes() const { return values_.size() * sizeof(double); }

 private:
  std::size_t features_, count_, rows_ = 0;
  AlignedVector<double> values_;
};

/// The tiles (i, j), i <= j, of a symmetric matrix, those of column j behind those of column j-1. It takes about 4 n²
/// bytes for n rows. Rows and columns behind the last are padding.
class Tiles {
 public:
  Tiles() = default;
  /// A matrix of zeros. \throws OutOfMemory.
  explicit Tiles(std::size_t size) : size_(size), count_(size / side + (size % side != 0 ? 1 : 0)) {
    const auto message = [&] {
      return "a symmetric matrix of " + std::to_string(size) + " rows does not fit into memory";
    };
    if (size > (std::size_t{1} << 30)) raise<OutOfMemory>(message());
    lifelong::detail::with_memory([&] { values_.resize(tiles() * tile_values); }, message);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Tiles in a row.
  [[nodiscard]] std::size_t count() const { return count_; }
  /// Tiles in all.
  [[nodiscard]] std::size_t tiles() const { return count_ * (count_ + 1) / 2; }

  [[nodiscard]] double* tile(std::size_t i, std::size_t j) LIFELONG_LIFETIME_BOUND {
    return values_.data() + (j * (j + 1) / 2 + i) * tile_values;
  }
  [[nodiscard]] const double* tile(std::size_t i, std::size_t j) const LIFELONG_LIFETIME_BOUND {
    return values_.data() + (j * (j + 1) / 2 + i) * tile_values;
  }
  /// Element (row, column) of the matrix, whichever half it is in.
  [[nodiscard]] double at(std::size_t row, std::size_t column) const {
    if (row > column) std::swap(row, column);
    return tile(row / side, column / side)[row % side * side + column % side];
  }
  /// Sets element (row, column), row <= column. What is below the diagonal is never read.
  void set(std::size_t row, std::size_t column, double value) {
    tile(row / side, column / side)[row % side * side + column % side] = value;
  }
  [[nodiscard]] double& diagonal(std::size_t k) { return tile(k / side, k / side)[k % side * (side + 1)]; }
  [[nodiscard]] double diagonal(std::size_t k) const { return at(k, k); }

  /// Adds sign · leftᵀ right, which is to be symmetric; a term of each row, in their order. Rows are taken by so many
  /// at a time that all panels of them stay in the caches while the tiles pass by.
  template <int sign, class Backend>
  void add(const Panels& left, const Panels& right, const Backend& backend) {
    constexpr std::size_t rows_at_once = 256;
    for (std::size_t n = 0; n < left.rows(); n += rows_at_once)
      add_rows<sign>(left, right, n, std::min(rows_at_once, left.rows() - n), backend);
  }

  /// Multiplies all elements by `factor`.
  void scale(double factor) {
    for (double& value : values_) value *= factor;
  }

  [[nodiscard]] std::size_t bytes() const { return values_.size() * sizeof(double); }

 private:
  /// The same for the rows [first, first + rows).
  template <int sign, class Backend>
  void add_rows(const Panels& left, const Panels& right, std::size_t first, std::size_t rows, const Backend& backend) {
    constexpr std::size_t rows_in_l1 = 64;
    backend.parallel_for(tiles(), [&](std::size_t index) {
      std::size_t j = 0;
      while ((j + 1) * (j + 2) / 2 <= index) ++j;
      const std::size_t i = index - j * (j + 1) / 2;
      for (std::size_t n = first; n < first + rows; n += rows_in_l1)
        add_product<sign, Packet<double>>(left.panel(i) + n * side, right.panel(j) + n * side,
                                          std::min(rows_in_l1, first + rows - n), tile(i, j));
    });
  }

  std::size_t size_ = 0, count_ = 0;
  AlignedVector<double> values_;
};

}  // namespace lifelong::analytic::detail

#include <lifelong/config/pop_macros.hpp>
