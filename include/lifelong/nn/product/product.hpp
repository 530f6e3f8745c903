// SPDX-License-Identifier: MIT
// Matrix products in tiles that are summed in registers.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <lifelong/cblas/product.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/nn/product/few_rows.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/register_tile.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// The transpose of a matrix as a factor of a product.
template <class T>
struct Transposed {
  Rows<const T> matrix;
};

/// A factor of a product.
template <class T>
struct Factor {
  Rows<const T> matrix;
  bool transposed = false;

  Factor(Rows<T> plain) : matrix(plain) {}
  Factor(Rows<const T> plain) : matrix(plain) {}
  Factor(Transposed<T> other) : matrix(other.matrix), transposed(true) {}
};

/// Starts of a product: `Add` adds it to what is there, `Overwrite` replaces that.
struct Add {
  bool add = true;
  template <class V, class T>
  V value(std::size_t, std::size_t, const T* there) const {
    return add ? load<V>(there, 0) : V(T(0));
  }
};

/// Start of a product from one value for each column, such as the biases of outputs that lie side by side.
template <class T>
struct StartFromRow {
  const T* row;
  template <class V>
  V value(std::size_t, std::size_t column, const T*) const {
    return load<V>(row, column);
  }
};

/// Start of a product from one value for each row.
template <class T>
struct StartFromColumn {
  const T* column;
  template <class V>
  V value(std::size_t row, std::size_t, const T*) const {
    return V(column[row]);
  }
};

namespace detail {

/// The largest piece of a product that a thread works on at a time. What the thread packs lies on its stack.
template <class T>
struct PieceLimits {
  static constexpr std::size_t rows = 64 * tile_rows;
  static constexpr std::size_t packed_rows = 16 * tile_rows;
  static constexpr std::size_t depth = 1024 / sizeof(T);

  /// The most rows of a piece, for the left factor `a`.
  static std::size_t rows_of(const Positions<T>& a) { return packs_left(a) ? packed_rows : rows; }
  static bool packs_left(const Positions<T>& a) { return a.position != 1; }
};

/// A factor in the form that `pack_left`, `pack_right` and `left_rows` read. Positions are the indices that are summed
/// over.
template <class T>
Positions<T> as_left(const Factor<T>& a) {
  const auto [data, count, width] = a.matrix;
  return a.transposed ? Positions<T>{data, width, 0, width, 1} : Positions<T>{data, count, 0, 1, width};
}
template <class T>
Positions<T> as_right(const Factor<T>& b) {
  const auto [data, count, width] = b.matrix;
  return b.transposed ? Positions<T>{data, count, 0, 1, width} : Positions<T>{data, width, 0, width, 1};
}

/// C(row + r, column + j) = start + sums(r, j) for r < rows and j < columns.
template <class T, class Start>
void write_tile(const Rows<T>& c, std::size_t row, std::size_t rows, std::size_t column, std::size_t columns,
                const T* sums, std::size_t width, const Start& start) {
  for (std::size_t r = 0; r < rows; ++r) {
    T* to = c.data + (row + r) * c.width + column;
    const T* from = sums + r * width;
    for_each_packet<T>(0, columns, [&]<class V>(std::size_t j) {
      store<V>(to, j, start.template value<V>(row + r, column + j, to + j) + load<V>(from, j));
    });
  }
}

/// Prefetches the part of C that `write_tile` will write, while its sums are being computed.
template <class T>
void prefetch_tile(const Rows<T>& c, std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) {
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t j = 0; j < columns; j += 64 / sizeof(T))
      prefetch<Access::write>(c.data + (row + r) * c.width + column + j);
}

/// One piece of a product, with what it packs. The left factor's rows are packed only if their values do not follow
/// each other.
template <class V, class T = ScalarOf<V>>
class Piece {
 public:
  /// Computes rows [row, row + rows) and panels [first, last) of C = start + A·B.
  template <class Start>
  LIFELONG_ONE_COPY void compute(const Positions<T>& a, const Positions<T>& b, const Rows<T>& c, std::size_t depth,
                                 const Panels<V>& panels, std::size_t row, std::size_t rows, std::size_t first,
                                 std::size_t last, const Start& start) {
    const bool packs_left = PieceLimits<T>::packs_left(a);
    // The loop runs once even if the depth is 0, to write the start.
    for (std::size_t k = 0; k == 0 || k < depth; k += PieceLimits<T>::depth) {
      const std::size_t d = std::min(PieceLimits<T>::depth, depth - k);
      Positions<T> left = a, right = b;
      left.data += k * a.position;
      right.data += k * b.position;
      if (packs_left) pack_left(left, row, row + rows, 0, d, left_, d * tile_rows);
      for (std::size_t p = first; p < last; ++p) {
        const std::size_t width = panels.width(p), column = panels.begin(p), used = panels.end(p) - column;
        Panel<T> panel{right.data + column, b.position};
        if (b.feature != 1 || used < width || rows > 2 * tile_rows) {
          pack_right(panels, p, right, 0, d, right_);
          panel = {right_, width};
        }
        for (std::size_t r = 0; r < rows; r += tile_rows) {
          const std::size_t written = std::min(tile_rows, rows - r);
          prefetch_tile(c, row + r, written, column, used);
          alignas(64) T sums[tile_values<V>];
          sum_panel<tile_packets<V>, V>(moment::Sum{}, 1, d,
                                        packs_left ? left_rows(left_ + r * d, d) : left_rows(left, row + r), panel,
                                        width, sums);
          if (k == 0)
            write_tile(c, row + r, written, column, used, sums, width, start);
          else
            write_tile(c, row + r, written, column, used, sums, width, Add{});
        }
      }
    }
  }

 private:
  alignas(64) T right_[PieceLimits<T>::depth * tile_width<V>];
  alignas(64) T left_[PieceLimits<T>::depth * PieceLimits<T>::packed_rows];
};

/// A product of few rows, computed in stretches of columns.
template <class T, class Backend, class Start>
void multiply_few_rows(const Backend& backend, Rows<const T> a, const Factor<T>& b, Rows<T> c, std::size_t depth,
                       const Start& start) {
  constexpr std::size_t stretch = 64;
  parallel_for(backend, (c.width + stretch - 1) / stretch, 2 * c.size() * depth, [&](std::size_t index) {
    const std::size_t begin = index * stretch, end = std::min(c.width, begin + stretch);
    for (std::size_t row = 0; row < c.count; ++row) {
      const T* from = a.data + row * a.width;
      if (b.transposed)
        row_times_transposed(from, b.matrix, c, row, begin, end, depth, start);
      else
        row_times(from, b.matrix, c, row, begin, end, depth, start);
    }
  });
}

/// A product in pieces of rows, and also of columns where there are threads that can share them.
template <class T, class Backend, class Start, class V = Packet<T>>
void multiply(const Backend& backend, const Positions<T>& a, const Positions<T>& b, Rows<T> c, std::size_t depth,
              const Start& start) {
  const Panels<V> panels(c.width);
  const std::size_t threads = backend.threads(), wanted = threads == 1 ? 1 : 3 * threads;
  const std::size_t tiles = (c.count + tile_rows - 1) / tile_rows;
  const std::size_t most = PieceLimits<T>::rows_of(a), least = (c.count + most - 1) / most;
  const std::size_t down = least < wanted ? least : (least + threads - 1) / threads * threads;  // equally many for each
  const std::size_t across = std::min(panels.count(), (wanted + down - 1) / down);
  parallel_for(backend, down * across, 2 * c.size() * depth, [&](std::size_t index) {
    const std::size_t i = index % down, j = index / down, row = i * tiles / down * tile_rows;
    const std::size_t end = std::min(c.count, (i + 1) * tiles / down * tile_rows);
    Piece<V> piece;
    piece.compute(a, b, c, depth, panels, row, end - row, j * panels.count() / across,
                  (j + 1) * panels.count() / across, start);
  });
}

#if defined(LIFELONG_USE_CBLAS)
/// The same by a BLAS: C is set to its start, and the BLAS adds the product.
template <class T, class Start>
void multiply_by_blas(const Factor<T>& a, const Factor<T>& b, Rows<T> c, std::size_t depth, const Start& start) {
  for (std::size_t i = 0; i < c.count; ++i) {
    T* row = c.data + i * c.width;
    for (std::size_t j = 0; j < c.width; ++j) row[j] = start.template value<T>(i, j, row + j);
  }
  if (depth > 0)
    cblas::multiply<T>({a.matrix.data, a.matrix.width, a.transposed}, {b.matrix.data, b.matrix.width, b.transposed},
                       c.data, c.count, c.width, depth);
}
#endif

}  // namespace detail

/// C = start + A·B for row-major matrices or their transposes, summed over `depth`. C must not overlap A and B; `start`
/// is one of the above. Every element is summed in the same order in whatever piece it is, so results are bitwise equal
/// for any number of threads. Nothing is allocated; every thread needs about 170 KiB of stack.
///
/// With the macro LIFELONG_USE_CBLAS, which must be the same in all of a program, the linked BLAS computes larger
/// products. That is worth it for a program that is not compiled for its processor, since a good BLAS chooses its
/// instructions when it runs.
template <class T, class Backend, class Start>
void product(const Backend& backend, std::type_identity_t<Factor<T>> a, std::type_identity_t<Factor<T>> b, Rows<T> c,
             std::size_t depth, const Start& start) {
  if (c.size() == 0) return;
  if (c.count <= detail::few_rows && !a.transposed)
    return detail::multiply_few_rows(backend, a.matrix, b, c, depth, start);
#if defined(LIFELONG_USE_CBLAS)
  detail::multiply_by_blas(a, b, c, depth, start);
#else
  detail::multiply(backend, detail::as_left(a), detail::as_right(b), c, depth, start);
#endif
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
