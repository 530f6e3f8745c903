// SPDX-License-Identifier: MIT
// Products of row-major matrices: by cuBLAS on a device, by plain loops elsewhere. Link with -lcublas.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#if defined(__CUDACC__)
#include <cublas_v2.h>
#endif

#include <lifelong/config/push_macros.hpp>

#include <climits>
#include <cstddef>
#include <new>
#include <string>
#include <type_traits>

#include <lifelong/cuda/lanes.cuh>
#include <lifelong/cuda/system.cuh>
#include <lifelong/cuda/workspace.cuh>

namespace lifelong::cuda::detail {

/// A factor of a product: a matrix of `rows` x `columns` in the device's memory, row-major, or its transpose.
template <class T>
struct Factor {
  const T* data;
  std::size_t rows, columns;  ///< as it is stored
  bool transposed = false;

  [[nodiscard]] LIFELONG_HOST_DEVICE std::size_t height() const { return transposed ? columns : rows; }
  [[nodiscard]] LIFELONG_HOST_DEVICE std::size_t width() const { return transposed ? rows : columns; }
  [[nodiscard]] LIFELONG_HOST_DEVICE T at(std::size_t row, std::size_t column) const {
    return transposed ? data[column * columns + row] : data[row * columns + column];
  }
};

/// "128 x 784 times 784 x 1024 float"
template <class T>
LIFELONG_RARE std::string shapes_of(const Factor<T>& a, const Factor<T>& b) {
  return std::to_string(a.height()) + " x " + std::to_string(a.width()) + " times " + std::to_string(b.height()) +
         " x " + text_of<T>(b.width());
}

/// One element of C = A B or C += A B, its sum in the order of k.
template <class T>
struct ProductElement {
  Factor<T> a, b;
  T* c;
  bool add;

  LIFELONG_HOST_DEVICE void operator()(std::size_t i) const {
    using V = Lanes<T, 1, false>;
    const std::size_t row = i / b.width(), column = i % b.width();
    V sum(T(0));
    for (std::size_t k = 0; k < a.width(); ++k) sum = sum + V(a.at(row, k)) * V(b.at(k, column));
    c[i] = (add ? V(c[i]) + sum : sum).lane[0];
  }
};

/// Products on a system without a library for them: one thread per element. They heed no TF32.
template <class On>
class Products {
 public:
  Products(typename On::Stream stream, bool) : stream_(stream) {}

  /// Enqueues C = A B, or C += A B. C is row-major and overlaps neither A nor B.
  template <class T>
  void multiply(const Factor<T>& a, const Factor<T>& b, T* c, bool add) const {
    On::launch_each(stream_, a.height() * b.width(), ProductElement<T>{a, b, c, add});
  }

 private:
  typename On::Stream stream_;
};

#if defined(__CUDACC__)

/// \throws std::bad_alloc if there is too little memory, `Error` for every other status than success.
template <class What>
void check(cublasStatus_t status, const char* call, const What& what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
#if defined(__cpp_exceptions)
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw std::bad_alloc();
#endif
  lifelong::detail::raise<Error>(std::string(call) + " for " + what() + ": " + cublasGetStatusName(status) + ", " +
                                 cublasGetStatusString(status));
}

/// A handle of cuBLAS that works on one stream, with memory of its own to work in. Without atomics, and with one
/// stream, cuBLAS gives the same bits in every run on the same kind of device.
class Cublas {
 public:
  explicit Cublas(cudaStream_t stream) : memory_(bytes) {
    check(cublasCreate(&handle_), "cublasCreate", name);
    check(cublasSetStream(handle_, stream), "cublasSetStream", name);
    check(cublasSetWorkspace(handle_, memory_.as<void>(), bytes), "cublasSetWorkspace",
          [] { return std::to_string(bytes) + " bytes"; });
    check(cublasSetAtomicsMode(handle_, CUBLAS_ATOMICS_NOT_ALLOWED), "cublasSetAtomicsMode", name);
  }
  ~Cublas() { static_cast<void>(cublasDestroy(handle_)); }
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;

  [[nodiscard]] cublasHandle_t get() const { return handle_; }

 private:
  static constexpr std::size_t bytes = std::size_t{32} << 20;  // what cuBLAS recommends for its largest devices
  static std::string name() { return "products"; }

  Memory<Device, false> memory_;
  cublasHandle_t handle_ = nullptr;
};

/// Products by cuBLAS. With `tf32`, factors in float are rounded to 11 significant bits first and the sums are taken in
/// float: an element of C is off by up to 2⁻¹⁰ Σ_k |a_k b_k|, and tensor cores are used.
template <class On>
requires std::is_base_of_v<Device, On>
class Products<On> {
 public:
  Products(cudaStream_t stream, bool tf32) : cublas_(stream), tf32_(tf32) {}

  /// Enqueues C = A B, or C += A B. C is row-major and overlaps neither A nor B. \throws Error, which names the shapes.
  template <class T>
  void multiply(const Factor<T>& a, const Factor<T>& b, T* c, bool add) const {
    if (a.height() == 0 || b.width() == 0) return;
    require_small(a, b);
    const T one = 1, before = add ? T(1) : T(0);
    constexpr cudaDataType_t type = std::is_same_v<T, double> ? CUDA_R_64F : CUDA_R_32F;
    // cuBLAS is column-major, where a row-major matrix is its own transpose: Cᵀ = Bᵀ Aᵀ.
    check(cublasGemmEx(cublas_.get(), operation(b), operation(a), length(b.width()), length(a.height()),
                       length(a.width()), &one, b.data, type, length(b.columns), a.data, type, length(a.columns),
                       &before, c, type, length(b.width()), compute_type<T>(), CUBLAS_GEMM_DEFAULT),
          "cublasGemmEx", [&] { return shapes_of(a, b); });
  }

 private:
  static int length(std::size_t count) { return static_cast<int>(count); }
  template <class T>
  static cublasOperation_t operation(const Factor<T>& factor) {
    return factor.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  }
  template <class T>
  [[nodiscard]] cublasComputeType_t compute_type() const {
    if (std::is_same_v<T, double>) return CUBLAS_COMPUTE_64F;
    return tf32_ ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  }
  /// \throws Error for a side that cuBLAS cannot count.
  template <class T>
  static void require_small(const Factor<T>& a, const Factor<T>& b) {
    for (const std::size_t side : {a.height(), a.width(), b.width()})
      if (side > INT_MAX)
        lifelong::detail::raise<Error>("cublasGemmEx for " + shapes_of(a, b) + ": sides of more than 2^31 - 1");
  }

  Cublas cublas_;
  bool tf32_;
};

#endif

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
