// SPDX-License-Identifier: MIT
// Layers that apply a function to every value: ReLU, Tanh, Sigmoid, GELU.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/layout.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of Eigen's AVX-512 by GCC 12, its bug 105593
#endif

namespace lifelong::nn {

/// Makes a layer without parameters from a `Function` with two members over the elements [begin, end): `apply(x, y,
/// begin, end)` writes y = f(x); `multiply_by_slope(x, y, d, begin, end)` does d ← d · f'(x). A
/// `recipe()` is up to the function.
template <class Function>
struct Elementwise {
  static constexpr bool in_place = true;
  static constexpr Lengths lengths = Lengths::kept;

  [[nodiscard]] Shape expected() const { return {}; }
  [[nodiscard]] Shape connect(Shape in) const { return in; }
  void declare(Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>&, Rows<const T> x, Rows<T> y) const {
    detail::for_each_range(backend, x.size(), Function::operations,
                           [&](std::size_t begin, std::size_t end) { Function::apply(x.data, y.data, begin, end); });
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>&, const Flow<T>&, Rows<const T> x, Rows<const T> y,
                Rows<T> dy, Rows<T>, std::span<T>) const {
    detail::for_each_range(backend, x.size(), Function::operations, [&](std::size_t begin, std::size_t end) {
      Function::multiply_by_slope(x.data, y.data, dy.data, begin, end);
    });
  }
};

namespace detail {

template <class T>
using Values = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using ConstValues = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;

}  // namespace detail

/// max(0, x) with slope 0 at 0. NaN stays NaN.
struct ReLU : Elementwise<ReLU> {
  static constexpr std::size_t operations = 8;  ///< time per element, in floating-point operations

  [[nodiscard]] std::string recipe() const { return "ReLU()"; }

  template <class T>
  static void apply(const T* x, T* y, std::size_t begin, std::size_t end) {
    detail::for_each_packet<T>(begin, end,
                               [=]<class V>(std::size_t i) { store<V>(y, i, max(load<V>(x, i), V(T(0)))); });
  }
  template <class T>
  static void multiply_by_slope(const T*, const T* y, T* d, std::size_t begin, std::size_t end) {
    detail::for_each_packet<T>(begin, end, [=]<class V>(std::size_t i) {
      store<V>(d, i, where_positive(load<V>(y, i), load<V>(d, i), V(T(0))));
    });
  }
};

/// tanh(x), slope 1 - tanh²(x).
struct Tanh : Elementwise<Tanh> {
  static constexpr std::size_t operations = 32;

  [[nodiscard]] std::string recipe() const { return "Tanh()"; }

  template <class T>
  static void apply(const T* x, T* y, std::size_t begin, std::size_t end) {
    const auto count = static_cast<Eigen::Index>(end - begin);
    detail::Values<T>(y + begin, count) = detail::ConstValues<T>(x + begin, count).tanh();
  }
  template <class T>
  static void multiply_by_slope(const T*, const T* y, T* d, std::size_t begin, std::size_t end) {
    detail::for_each_packet<T>(begin, end, [=]<class V>(std::size_t i) {
      const V value = load<V>(y, i);
      store<V>(d, i, load<V>(d, i) * (V(T(1)) - value * value));
    });
  }
};

/// σ(x) = 1 / (1 + exp(-x)), slope σ (1 - σ).
struct Sigmoid : Elementwise<Sigmoid> {
  static constexpr std::size_t operations = 32;

  [[nodiscard]] std::string recipe() const { return "Sigmoid()"; }

  template <class T>
  static void apply(const T* x, T* y, std::size_t begin, std::size_t end) {
    const auto count = static_cast<Eigen::Index>(end - begin);
    detail::Values<T>(y + begin, count) = (T(1) + (-detail::ConstValues<T>(x + begin, count)).exp()).inverse();
  }
  template <class T>
  static void multiply_by_slope(const T*, const T* y, T* d, std::size_t begin, std::size_t end) {
    detail::for_each_packet<T>(begin, end, [=]<class V>(std::size_t i) {
      const V value = load<V>(y, i);
      store<V>(d, i, load<V>(d, i) * (value * (V(T(1)) - value)));
    });
  }
};

/// x Φ(x) with Φ the normal distribution function by erf (PyTorch's default), slope Φ(x) + x φ(x).
struct GELU : Elementwise<GELU> {
  static constexpr std::size_t operations = 128;

  [[nodiscard]] std::string recipe() const { return "GELU()"; }

  template <class T>
  static void apply(const T* x, T* y, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) y[i] = x[i] * distribution(x[i]);
  }
  template <class T>
  static void multiply_by_slope(const T* x, const T*, T* d, std::size_t begin, std::size_t end) {
    constexpr T inverse_root_two_pi = T(0.39894228040143267794);
    for (std::size_t i = begin; i < end; ++i)
      d[i] *= distribution(x[i]) + x[i] * inverse_root_two_pi * std::exp(-x[i] * x[i] / 2);
  }

 private:
  template <class T>
  static T distribution(T x) {
    constexpr T inverse_root_two = T(0.70710678118654752440);
    return std::erfc(-x * inverse_root_two) / 2;
  }
};

}  // namespace lifelong::nn

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <lifelong/config/pop_macros.hpp>
