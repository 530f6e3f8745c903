// SPDX-License-Identifier: MIT
// The factor R of a symmetric positive definite matrix A = RᵀR, in tiles, and systems solved with it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <limits>

#include <lifelong/analytic/tiles.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong::analytic::detail {

/// Where a matrix turned out not to be positive definite: the row, which depends on those before it. `none` if it is.
struct Pivot {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t row = none;
  double value = 0;  ///< what is left of its diagonal element, 0 to rounding or below
  explicit operator bool() const { return row == none; }
};

/// A = RᵀR. `matrix()` is given the upper half of A, and `factorize` puts R in its place. It costs n³/3 operations; all
/// of the n² part is `add_product`.
class Cholesky {
 public:
  /// The matrix to be factorised, whose padding is ignored.
  [[nodiscard]] Tiles& matrix() LIFELONG_LIFETIME_BOUND { return a_; }

  /// Replaces A by R. A pivot counts as 0 if rounding alone can have left it: n ε times its diagonal element. Then R is
  /// unspecified.
  template <class Backend>
  [[nodiscard]] Pivot factorize(const Backend& backend) {
    for (std::size_t k = a_.size(); k < a_.count() * side; ++k) a_.diagonal(k) = 1;
    for (std::size_t i = 0; i < a_.count(); ++i) {
      double before[side];
      for (std::size_t k = 0; k < side; ++k) before[k] = a_.diagonal(i * side + k);
      reduce(i, i);
      if (const Pivot pivot = factorize_tile(i, before); !pivot) return pivot;
      backend.parallel_for(a_.count() - i - 1, [&](std::size_t k) {
        reduce(i, i + 1 + k);
        divide(a_.tile(i, i), a_.tile(i, i + 1 + k));
      });
    }
    return {};
  }

  /// Solves RᵀR x = b in place; x has as many values as the tiles have rows, padding included.
  void solve(double* x) const {
    using V = Packet<double>;
    solve_transposed(x);
    for (std::size_t i = a_.count(); i-- > 0;) {
      for (std::size_t j = i + 1; j < a_.count(); ++j)
        for (std::size_t r = 0; r < side; ++r) x[i * side + r] -= dot<V>(a_.tile(i, j) + r * side, x + j * side, side);
      const double* const tile = a_.tile(i, i);
      for (std::size_t r = side; r-- > 0;) {
        double value = x[i * side + r];
        for (std::size_t k = r + 1; k < side; ++k) value -= tile[r * side + k] * x[i * side + k];
        x[i * side + r] = value / tile[r * side + r];
      }
    }
  }

  /// The diagonal of (RᵀR)⁻¹, whose element k is the squared length of row k of R⁻¹. It costs n³/3 operations, made of
  /// the same products. \throws OutOfMemory.
  template <class Backend>
  [[nodiscard]] AlignedVector<double> inverse_diagonal(const Backend& backend) const {
    const auto message = [] { return "the diagonal of an inverse does not fit into memory"; };
    AlignedVector<double> diagonal;
    lifelong::detail::with_memory([&] { diagonal.resize(a_.count() * side); }, message);
    backend.parallel_for(a_.count(), [&](std::size_t column) {
      AlignedVector<double> x;  // R⁻ᵀ of 48 columns of the identity, from their own tile downwards
      lifelong::detail::with_memory([&] { x.resize((a_.count() - column) * tile_values); }, message);
      for (std::size_t k = 0; k < side; ++k) x[k * (side + 1)] = 1;
      for (std::size_t i = column; i < a_.count(); ++i) {
        double* const own = x.data() + (i - column) * tile_values;
        for (std::size_t k = column; k < i; ++k)
          add_product<-1, Packet<double>>(a_.tile(k, i), x.data() + (k - column) * tile_values, side, own);
        divide(a_.tile(i, i), own);
        for (std::size_t k = 0; k < tile_values; ++k) diagonal[column * side + k % side] += own[k] * own[k];
      }
    });
    return diagonal;
  }

  [[nodiscard]] std::size_t bytes() const { return a_.bytes(); }

 private:
  /// Solves Rᵀ y = b in place.
  void solve_transposed(double* x) const {
    using V = Packet<double>;
    for (std::size_t i = 0; i < a_.count(); ++i) {
      const double* const tile = a_.tile(i, i);
      double* const own = x + i * side;
      for (std::size_t k = 0; k < side; ++k) {
        own[k] /= tile[k * side + k];
        for (std::size_t c = k + 1; c < side; ++c) own[c] -= own[k] * tile[k * side + c];
      }
      for (std::size_t j = i + 1; j < a_.count(); ++j)
        for (std::size_t k = 0; k < side; ++k) add_scaled<V>(-own[k], a_.tile(i, j) + k * side, x + j * side, side);
    }
  }

  /// Takes what the tiles above have explained: A_ij − Σ_{k<i} R_kiᵀ R_kj.
  void reduce(std::size_t i, std::size_t j) {
    for (std::size_t k = 0; k < i; ++k)
      add_product<-1, Packet<double>>(a_.tile(k, i), a_.tile(k, j), side, a_.tile(i, j));
  }

  /// X = R_ii⁻ᵀ X for a tile X.
  static void divide(const double* factor, double* x) {
    using V = Packet<double>;
    for (std::size_t k = 0; k < side; ++k) {
      const double pivot = factor[k * side + k];
      for (std::size_t c = 0; c < side; ++c) x[k * side + c] /= pivot;
      for (std::size_t r = k + 1; r < side; ++r) add_scaled<V>(-factor[k * side + r], x + k * side, x + r * side, side);
    }
  }

  Pivot factorize_tile(std::size_t i, const double* before) {
    double* const tile = a_.tile(i, i);
    const double rounding = static_cast<double>(a_.size()) * std::numeric_limits<double>::epsilon();
    for (std::size_t k = 0; k < side; ++k) {
      const double pivot = tile[k * side + k];
      if (!lifelong::detail::is_finite(pivot) || !(pivot > rounding * before[k])) return {i * side + k, pivot};
      const double root = std::sqrt(pivot);
      for (std::size_t c = k; c < side; ++c) tile[k * side + c] /= root;
      for (std::size_t r = k + 1; r < side; ++r)
        for (std::size_t c = r; c < side; ++c) tile[r * side + c] -= tile[k * side + r] * tile[k * side + c];
    }
    return {};
  }

  Tiles a_;
};

}  // namespace lifelong::analytic::detail

#include <lifelong/config/pop_macros.hpp>
