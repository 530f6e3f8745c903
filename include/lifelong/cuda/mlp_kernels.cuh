// SPDX-License-Identifier: MIT
// The bodies of launches of a multilayer perceptron, besides its products. All are elementwise or sum in an order that
// depends on sizes alone.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <lifelong/config.hpp>
#include <lifelong/cuda/lanes.cuh>
#include <lifelong/nn/mlp_options.hpp>

namespace lifelong::cuda::detail {

/// A number whose operations are rounded one by one.
template <class T>
using Number = Lanes<T, 1, false>;

/// The functions of the C library, as a device and a host have them. Their last digits differ between the two.
template <class T>
struct Functions {
  static LIFELONG_HOST_DEVICE T exp(T x) {
#if defined(__CUDA_ARCH__)
    return ::exp(x);
#else
    return std::exp(x);
#endif
  }
  static LIFELONG_HOST_DEVICE T log(T x) {
#if defined(__CUDA_ARCH__)
    return ::log(x);
#else
    return std::log(x);
#endif
  }
  static LIFELONG_HOST_DEVICE T tanh(T x) {
#if defined(__CUDA_ARCH__)
    return ::tanh(x);
#else
    return std::tanh(x);
#endif
  }
  static LIFELONG_HOST_DEVICE T erfc(T x) {
#if defined(__CUDA_ARCH__)
    return ::erfc(x);
#else
    return std::erfc(x);
#endif
  }
};

/// What stands behind a linear layer: an activation, or nothing behind the last. The formulas are those of
/// nn/layer/activation.hpp.
struct Curve {
  bool none = true;
  nn::Activation activation = nn::Activation::relu;

  /// True if the slope is found from x, not from y = f(x).
  [[nodiscard]] LIFELONG_HOST_DEVICE bool needs_input() const { return !none && activation == nn::Activation::gelu; }

  /// y = f(x).
  template <class T>
  [[nodiscard]] LIFELONG_HOST_DEVICE T value(T x) const {
    if (none) return x;
    switch (activation) {
      case nn::Activation::relu:
        return T(0) > x ? T(0) : x;
      case nn::Activation::tanh:
        return Functions<T>::tanh(x);
      case nn::Activation::sigmoid:
        return T(1) / (T(1) + Functions<T>::exp(-x));
      case nn::Activation::gelu:
        return x * distribution(x);
    }
    return x;
  }

  /// f'(x), from y = f(x), or from x if it `needs_input`.
  template <class T>
  [[nodiscard]] LIFELONG_HOST_DEVICE T slope(T value) const {
    using V = Number<T>;
    switch (activation) {
      case nn::Activation::relu:
        return value > 0 ? T(1) : T(0);
      case nn::Activation::tanh:
        return (V(T(1)) - V(value) * V(value)).lane[0];
      case nn::Activation::sigmoid:
        return (V(value) * (V(T(1)) - V(value))).lane[0];
      case nn::Activation::gelu:
        return (V(distribution(value)) +
                V(value) * V(T(0.39894228040143267794)) * V(Functions<T>::exp(-value * value / 2)))
            .lane[0];
    }
    return T(1);
  }
  /// d f'(x), where a closed ReLU lets nothing through, not even an infinite d.
  template <class T>
  [[nodiscard]] LIFELONG_HOST_DEVICE T pull(T d, T slope) const {
    if (activation == nn::Activation::relu) return slope > 0 ? d : T(0);
    return (Number<T>(d) * Number<T>(slope)).lane[0];
  }

 private:
  template <class T>
  static LIFELONG_HOST_DEVICE T distribution(T x) {
    return Functions<T>::erfc(-x * T(0.70710678118654752440)) / 2;
  }
};

/// y ← f(y + b) for every element of N x `width` outputs; what f was applied to stays in `kept` if that is not null.
template <class T>
struct Activate {
  T* y;
  T* kept;
  const T* bias;
  std::size_t width;
  Curve curve;

  LIFELONG_HOST_DEVICE void operator()(std::size_t i) const {
    const T x = y[i] + bias[i % width];
    if (kept != nullptr) kept[i] = x;
    y[i] = curve.value(x);
  }
};

/// For one value of one sample, over `cotangents` deltas d_k of it, which lie `count` apart: d_k ← d_k f', and
/// S (+)= Σ_k m(d_k) in the order of k if there is an S.
template <class T, class Moment>
struct Descend {
  T* delta;
  const T* values;  ///< of the activation, from which its slope is found
  T* sum;           ///< S; may be null
  std::size_t count, cotangents;
  Curve curve;
  bool add;
  Moment moment;

  LIFELONG_HOST_DEVICE void operator()(std::size_t i) const {
    using V = Number<T>;
    const T slope = curve.none ? T(1) : curve.slope(values[i]);
    V total(add ? sum[i] : T(0));
    for (std::size_t k = 0; k < cotangents; ++k) {
      T& delta_k = delta[k * count + i];
      if (!curve.none) delta_k = curve.pull(delta_k, slope);
      total = total + moment(V(delta_k));
    }
    if (sum != nullptr) sum[i] = total.lane[0];
  }
};

/// to_i ← m(from_i).
template <class T, class Moment>
struct TakeMoment {
  const T* from;
  T* to;
  Moment moment;

  LIFELONG_HOST_DEVICE void operator()(std::size_t i) const { to[i] = moment(Number<T>(from[i])).lane[0]; }
};

/// Sums of the columns of a matrix over blocks of `block` of its rows: block after block, `width` sums each.
template <class T>
struct ColumnSums {
  static constexpr std::size_t height = 32;  ///< of blocks that are summed by themselves

  const T* matrix;
  std::size_t rows, width, block;
  T* to;
  bool add;

  [[nodiscard]] static std::size_t blocks(std::size_t rows) { return (rows + height - 1) / height; }

  LIFELONG_HOST_DEVICE void operator()(std::size_t i) const {
    const std::size_t column = i % width, first = i / width * block;
    const std::size_t end = rows - first < block ? rows : first + block;
    T sum = add ? to[i] : T(0);
    for (std::size_t row = first; row < end; ++row) sum += matrix[row * width + column];
    to[i] = sum;
  }
};

/// What the loss of a classifier needs to know of a sample.
template <class T>
struct Answer {
  std::uint32_t label, first, count;  ///< the label; the range of the active outputs
  T share;                            ///< by which the gradient is multiplied
};

/// Writes p, the softmax of the active outputs f and 0 for the others, and returns log Σ exp(f), as
/// `lifelong::softmax`.
template <class T>
LIFELONG_HOST_DEVICE T softmax(const T* f, const Answer<T>& answer, T* p, std::size_t width) {
  const std::size_t first = answer.first, end = first + answer.count;
  T largest = f[first];
  for (std::size_t c = first; c < end; ++c) largest = f[c] > largest ? f[c] : largest;
  T total = 0;
  for (std::size_t c = 0; c < width; ++c) {
    p[c] = c < first || c >= end ? T(0) : Functions<T>::exp(f[c] - largest);
    total += p[c];
  }
  for (std::size_t c = first; c < end; ++c) p[c] /= total;
  return largest + Functions<T>::log(total);
}

/// One sample's loss and its gradient, as `nn::SoftmaxCrossEntropy` has them.
template <class T>
struct SoftmaxLoss {
  const T* outputs;
  const Answer<T>* answers;
  T* delta;
  double* losses;
  std::size_t width;

  LIFELONG_HOST_DEVICE void operator()(std::size_t n) const {
    using V = Number<T>;
    const Answer<T> answer = answers[n];
    const T* f = outputs + n * width;
    T* to = delta + n * width;
    losses[n] = static_cast<double>(softmax(f, answer, to, width) - f[answer.label]);
    to[answer.label] -= 1;
    for (std::size_t c = 0; c < width; ++c) to[c] = (V(to[c]) * V(answer.share)).lane[0];
  }
};

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
