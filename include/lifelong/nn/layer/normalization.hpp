// SPDX-License-Identifier: MIT
// What the normalisation layers share: sums over positions and samples, and the passes over {channels, positions}.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

#include <lifelong/core/packet.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn::detail {

/// Σ_i term.operator()<V>(i) of `count` terms, in a fixed order.
template <class T, class Term, class V = Packet<T>>
T total(std::size_t count, const Term& term) {
  V lanes(T(0));
  std::size_t i = 0;
  for (; i + lane_count<V> <= count; i += lane_count<V>) lanes = lanes + term.template operator()<V>(i);
  T result = sum(lanes);
  for (; i < count; ++i) result += term.template operator()<T>(i);
  return result;
}

/// What a value is normalised with: x̂ = (x - mean) · scale, scale = 1/√(variance + ε).
template <class T>
struct Statistics {
  T mean;
  T scale;
};

/// The part of the gradient that comes through the statistics: the means of γ dy and of γ dy x̂ over the values of
/// which the statistics were taken.
template <class T>
struct Back {
  T mean;
  T variance;
};

/// The mean of `count` values and 1/√(variance + ε), where the variance has 1/count.
template <class T>
Statistics<T> statistics(const T* x, std::size_t count, double epsilon) {
  const T share = T(1) / static_cast<T>(count);
  const T mean = total<T>(count, [=]<class V>(std::size_t i) { return load<V>(x, i); }) * share;
  const T variance = total<T>(count,
                              [=]<class V>(std::size_t i) {
                                const V d = load<V>(x, i) - V(mean);
                                return d * d;
                              }) *
                     share;
  return {mean, T(1) / sqrt(variance + static_cast<T>(epsilon))};
}

/// to[c] (+)= Σ_n m(rows(n, c)), summed in the order of the samples.
template <class T, class Backend, class Moment>
void sum_samples(const Backend& backend, const Moment& moment, Rows<const T> rows, bool add, T* to) {
  for_each_range(backend, rows.width, 2 * rows.count + 1, [&](std::size_t begin, std::size_t end) {
    for_each_packet<T>(begin, end, [&]<class V>(std::size_t c) {
      V sum = add ? load<V>(to, c) : V(T(0));
      for (std::size_t n = 0; n < rows.count; ++n) sum = sum + moment(load<V>(rows.data + n * rows.width, c));
      store<V>(to, c, sum);
    });
  });
}

/// Values of N samples of {channels, positions}, where `of(r)` are the statistics of stretch r = n · channels + c.
template <class T, class Of>
struct ChannelsFirst {
  std::size_t channels;
  std::size_t positions;
  Of of;

  /// y = γ_c x̂ + β_c; θ is γ, then β.
  template <class Backend>
  void normalize(const Backend& backend, const T* theta, Rows<const T> x, Rows<T> y) const {
    for_each_stretch(backend, x.count, [&](std::size_t r) {
      const Statistics<T> s = of(r);
      const T gamma = theta[r % channels], beta = theta[channels + r % channels];
      for_each_packet<T>(r * positions, (r + 1) * positions, [&]<class V>(std::size_t i) {
        store<V>(y.data, i, (load<V>(x.data, i) - V(s.mean)) * V(s.scale) * V(gamma) + V(beta));
      });
    });
  }

  /// The gradients of γ and β for each sample: products(n, c) = Σ_p dy x̂, sums(n, c) = Σ_p dy.
  template <class Backend>
  void gradients(const Backend& backend, Rows<const T> x, Rows<const T> dy, T* products, T* sums) const {
    for_each_stretch(backend, x.count, [&](std::size_t r) {
      const Statistics<T> s = of(r);
      const T *from = x.data + r * positions, *d = dy.data + r * positions;
      products[r] = total<T>(positions, [&]<class V>(std::size_t i) {
        return load<V>(d, i) * ((load<V>(from, i) - V(s.mean)) * V(s.scale));
      });
      sums[r] = total<T>(positions, [&]<class V>(std::size_t i) { return load<V>(d, i); });
    });
  }

  /// dx = scale (γ_c dy - a - b x̂) with a and b = `through(r)`. dx may be dy.
  template <class Backend, class Through>
  void backward(const Backend& backend, const T* theta, Rows<const T> x, Rows<const T> dy, Rows<T> dx,
                const Through& through) const {
    for_each_stretch(backend, x.count, [&](std::size_t r) {
      const Statistics<T> s = of(r);
      const Back<T> back = through(r);
      const T gamma = theta[r % channels];
      for_each_packet<T>(r * positions, (r + 1) * positions, [&]<class V>(std::size_t i) {
        const V normalized = (load<V>(x.data, i) - V(s.mean)) * V(s.scale);
        store<V>(dx.data, i,
                 (load<V>(dy.data, i) * V(gamma) - V(back.mean) - normalized * V(back.variance)) * V(s.scale));
      });
    });
  }

 private:
  template <class Backend, class Body>
  void for_each_stretch(const Backend& backend, std::size_t samples, const Body& body) const {
    for_each_range(backend, samples * channels, 8 * positions, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) body(r);
    });
  }
};

}  // namespace lifelong::nn::detail

#include <lifelong/config/pop_macros.hpp>
