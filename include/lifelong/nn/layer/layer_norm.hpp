// SPDX-License-Identifier: MIT
// Normalisation over the features of each position.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/normalization.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// y = γ x̂ + β, x̂ = (x - mean) / √(variance + ε) over the last axis of each position, where the variance has
/// 1/features: PyTorch's `LayerNorm(features)`. The parameters are `weight` γ {features}, ones at first, and `bias` β
/// {features}, zeros at first. Ba 2016.
///
/// The positions share γ and β, so m is applied to each sample's Σ_p dy x̂ and Σ_p dy, and moments are exact.
struct LayerNorm {
  std::size_t features = 0;
  double epsilon = 1e-5;
  std::size_t positions = 1;  ///< per sample, found by `connect`

  static constexpr bool in_place = true;
  static constexpr Lengths lengths = Lengths::kept;

  [[nodiscard]] Shape expected() const { return {features}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "LayerNorm(features " + std::to_string(features) + ", epsilon " + lifelong::detail::exact_text(epsilon) +
           ")";
  }

  /// \throws InvalidArgument for 0 features or ε <= 0, ShapeMismatch unless the last extent is `features`.
  Shape connect(Shape in) {
    const std::string name = "LayerNorm{" + std::to_string(features) + "}";
    if (features == 0) lifelong::detail::raise<InvalidArgument>(name + " must have at least 1 feature");
    lifelong::detail::require_positive("LayerNorm.epsilon", epsilon);
    if (in.last() != features)
      lifelong::detail::raise<ShapeMismatch>(name + " takes " + std::to_string(features) + " features but is given " +
                                             in.text());
    positions = in.size() / features;
    return in;
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight", {features}, BlockKind::normalization);
    layout.add(prefix + ".bias", {features}, BlockKind::normalization);
  }

  template <class T>
  void initialize(std::span<T> own, const Random&, std::uint64_t) const {
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = i < features ? T(1) : T(0);
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    const std::size_t rows = x.size() / features;
    detail::grow(flow.memory.array(0), rows);
    detail::grow(flow.memory.array(1), rows);
    T *mean = flow.memory.array(0).data(), *scale = flow.memory.array(1).data();
    const T *gamma = flow.theta.data(), *beta = gamma + features;
    for_each_row(backend, rows, [&](std::size_t r) {
      const T* from = x.data + r * features;
      const detail::Statistics<T> s = detail::statistics(from, features, epsilon);
      mean[r] = s.mean;
      scale[r] = s.scale;
      detail::for_each_packet<T>(0, features, [&, to = y.data + r * features]<class V>(std::size_t i) {
        store<V>(to, i, (load<V>(from, i) - V(s.mean)) * V(s.scale) * load<V>(gamma, i) + load<V>(beta, i));
      });
    });
  }

  /// dx = (γ dy - mean(γ dy) - x̂ mean(γ dy x̂)) / √(variance + ε).
  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> out) const {
    const T *mean = flow.memory.array(0).data(), *scale = flow.memory.array(1).data(), *gamma = flow.theta.data();
    if (!out.empty()) accumulate(backend, pass, Sequences(flow, x, positions), mean, scale, x, Rows<const T>(dy), out);
    const T share = T(1) / static_cast<T>(features);
    for_each_row(backend, x.size() / features, [&](std::size_t r) {
      const T *from = x.data + r * features, *d = dy.data + r * features;
      const T m = mean[r], s = scale[r];
      const T a =
          share * detail::total<T>(features, [&]<class V>(std::size_t i) { return load<V>(d, i) * load<V>(gamma, i); });
      const T b = share * detail::total<T>(features, [&]<class V>(std::size_t i) {
                    return load<V>(d, i) * load<V>(gamma, i) * ((load<V>(from, i) - V(m)) * V(s));
                  });
      detail::for_each_packet<T>(0, features, [&, to = dx.data + r * features]<class V>(std::size_t i) {
        const V normalized = (load<V>(from, i) - V(m)) * V(s);
        store<V>(to, i, (load<V>(d, i) * load<V>(gamma, i) - V(a) - normalized * V(b)) * V(s));
      });
    });
  }

 private:
  template <class Backend, class Body>
  void for_each_row(const Backend& backend, std::size_t rows, const Body& body) const {
    detail::for_each_range(backend, rows, 16 * features, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) body(r);
    });
  }

  /// Adds up the gradients of γ and β. Each body takes a stretch of features, over all samples in order.
  template <class T, class Backend, class Moment>
  void accumulate(const Backend& backend, const Pass<Moment>& pass, const Sequences& samples, const T* mean,
                  const T* scale, Rows<const T> x, Rows<const T> dy, std::span<T> out) const {
    const bool add = pass.add || !pass.first();
    T *gamma = out.data(), *beta = gamma + features;
    const auto sum = [&]<class V>(std::size_t i) {
      V all_products = add ? load<V>(gamma, i) : V(T(0)), all_sums = add ? load<V>(beta, i) : V(T(0));
      for (std::size_t n = 0; n < samples.count; ++n) {
        V products(T(0)), sums(T(0));
        for (std::size_t r = samples.begin(n); r < samples.end(n); ++r) {
          const V d = load<V>(dy.data + r * features, i);
          products = products + d * ((load<V>(x.data + r * features, i) - V(mean[r])) * V(scale[r]));
          sums = sums + d;
        }
        all_products = all_products + pass.moment(products);
        all_sums = all_sums + pass.moment(sums);
      }
      store<V>(gamma, i, all_products);
      store<V>(beta, i, all_sums);
    };
    detail::for_each_range(backend, features, 8 * samples.rows() + 1,
                           [&](std::size_t begin, std::size_t end) { detail::for_each_packet<T>(begin, end, sum); });
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
