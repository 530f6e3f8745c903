// Matrix products cut into fixed tiles, each one a single-threaded product of Eigen.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <lifelong/nn/parallel.hpp>
#include <lifelong/nn/rows.hpp>

namespace lifelong::nn {

/// The transpose of a matrix as a factor of a product.
template <class T>
struct Transposed {
  Rows<const T> matrix;
};

namespace detail {

/// Largest tile of a product, known to Eigen at compile time: its packing buffers are then arrays on the stack (about
/// 245 KiB) and its blocking does not depend on the machine's caches.
template <class T>
struct TileLimits {
  static constexpr int rows = 192;
  static constexpr int columns = 288;
  static constexpr int depth = 512 / static_cast<int>(sizeof(T));
};

/// A stretch of a row-major matrix for Eigen, at most MaxRows x MaxColumns.
template <class T, int MaxRows, int MaxColumns>
using BlockMap = Eigen::Map<
    std::conditional_t<std::is_const_v<T>,
                       const Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor,
                                           MaxRows, MaxColumns>,
                       Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor, MaxRows, MaxColumns>>,
    Eigen::Unaligned, Eigen::OuterStride<>>;

/// Rows [row, row + rows) and columns [column, column + columns) of `matrix`.
template <int MaxRows, int MaxColumns, class T>
BlockMap<T, MaxRows, MaxColumns> block(Rows<T> matrix, std::size_t row, std::size_t column, std::size_t rows,
                                       std::size_t columns) {
  return {matrix.data + row * matrix.width + column, static_cast<Eigen::Index>(rows),
          static_cast<Eigen::Index>(columns), Eigen::OuterStride<>(static_cast<Eigen::Index>(matrix.width))};
}

template <int MaxRows, int MaxColumns, class T>
auto block(Transposed<T> factor, std::size_t row, std::size_t column, std::size_t rows, std::size_t columns) {
  return block<MaxColumns, MaxRows>(factor.matrix, column, row, columns, rows).transpose();
}

/// Keeps Eigen from starting OpenMP threads of its own while a tile is computed: they would split it in their own
/// way. Only the calling thread's setting is touched, and restored.
class SingleThreadedEigen {
 public:
#if defined(EIGEN_HAS_OPENMP)
  SingleThreadedEigen() { omp_set_num_threads(1); }
  ~SingleThreadedEigen() { omp_set_num_threads(before_); }
  SingleThreadedEigen(const SingleThreadedEigen&) = delete;
  SingleThreadedEigen& operator=(const SingleThreadedEigen&) = delete;

 private:
  int before_ = omp_get_max_threads();
#endif
};

/// Length of the pieces that `count` is cut into: at most `largest`, a multiple of `grain`, about equal, and up to four
/// where each is still `smallest` long, so that a few threads find work.
constexpr std::size_t piece(std::size_t count, std::size_t largest, std::size_t smallest, std::size_t grain) {
  const std::size_t least = (count + largest - 1) / largest;
  const std::size_t pieces = std::max({std::size_t{1}, least, std::min<std::size_t>(4, count / smallest)});
  const std::size_t length = (count + pieces - 1) / pieces;
  return std::min(largest, (length + grain - 1) / grain * grain);
}

}  // namespace detail

/// C = start + A·B for row-major matrices or their transposes, C not overlapping A and B. `start(tile, row, column)`
/// sets each tile of C (an Eigen matrix that begins at that row and column) just before the product is added to it, on
/// the same thread: to zero, to a bias, or not at all to add to what is there. Tiles and the order of summation follow
/// from the shapes alone, so results are bitwise equal for any number of threads. Allocates nothing; every thread needs
/// about 300 KiB of stack. Programs built with OpenMP must not raise `Eigen::setNbThreads` above 1.
template <class T, class Backend, class A, class B, class Start>
void product(const Backend& backend, A a, B b, Rows<T> c, std::size_t depth, const Start& start) {
  using Limits = detail::TileLimits<T>;
  constexpr std::size_t deepest = Limits::depth;
  const std::size_t rows = detail::piece(c.count, Limits::rows, Limits::rows, 4);
  const std::size_t columns = detail::piece(c.width, Limits::columns, 96, 64 / sizeof(T));
  if (c.size() == 0) return;
  const std::size_t down = (c.count + rows - 1) / rows, across = (c.width + columns - 1) / columns;
  const auto compute = [&](std::size_t index) {
    [[maybe_unused]] const detail::SingleThreadedEigen guard;
    const std::size_t row = index % down * rows, column = index / down * columns;
    const std::size_t m = std::min(rows, c.count - row), n = std::min(columns, c.width - column);
    auto tile = detail::block<Limits::rows, Limits::columns>(c, row, column, m, n);
    start(tile, row, column);
    for (std::size_t k = 0; k < depth; k += deepest) {
      const std::size_t d = std::min(deepest, depth - k);
      tile.noalias() += detail::block<Limits::rows, Limits::depth>(a, row, k, m, d) *
                        detail::block<Limits::depth, Limits::columns>(b, k, column, d, n);
    }
  };
  detail::parallel_for(backend, down * across, 2 * c.size() * depth, compute);
}

/// Start of a product that overwrites C.
struct StartFromZero {
  template <class Tile>
  void operator()(Tile& tile, std::size_t, std::size_t) const {
    tile.setZero();
  }
};

}  // namespace lifelong::nn
