// SPDX-License-Identifier: MIT
// Matrix products by a BLAS instead of the library's own tiles, for programs that define LIFELONG_USE_CBLAS and link a
// BLAS.
#pragma once

#include <lifelong/config/push_macros.hpp>

#if defined(LIFELONG_USE_CBLAS)

#include <cblas.h>

#include <cstddef>
#include <string>

#include <lifelong/core/error.hpp>

namespace lifelong::cblas {

namespace detail {

/// A size as the `int` of a BLAS. \throws InvalidArgument if it does not fit.
inline int count(std::size_t size) {
  const int number = static_cast<int>(size);
  if (number < 0 || static_cast<std::size_t>(number) != size)
    lifelong::detail::raise<InvalidArgument>("a matrix has " + std::to_string(size) +
                                             " rows or columns, more than a BLAS can count");
  return number;
}

inline CBLAS_TRANSPOSE order(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

}  // namespace detail

/// A row-major matrix with rows `width` apart, or its transpose.
template <class T>
struct Matrix {
  const T* data;
  std::size_t width;
  bool transposed;
};

/// C += A·B, where C is `rows` x `columns`, row-major. The BLAS uses as many threads as it is set to; whether the bits
/// depend on their number is up to the BLAS.
template <class T>
void multiply(Matrix<T> a, Matrix<T> b, T* c, std::size_t rows, std::size_t columns, std::size_t depth) {
  using detail::count, detail::order;
  const auto gemm = [&](auto routine) {
    routine(CblasRowMajor, order(a.transposed), order(b.transposed), count(rows), count(columns), count(depth), T(1),
            a.data, count(a.width), b.data, count(b.width), T(1), c, count(columns));
  };
  if constexpr (sizeof(T) == sizeof(float))
    gemm(cblas_sgemm);
  else
    gemm(cblas_dgemm);
}

}  // namespace lifelong::cblas

#endif

#include <lifelong/config/pop_macros.hpp>
