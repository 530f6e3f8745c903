// SPDX-License-Identifier: MIT
// Gradients of a weight matrix that every sample uses at each of its positions, for samples of equal and unequal
// length.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>
#include <lifelong/nn/product/shared_product.hpp>

namespace lifelong::nn {

/// A pass of the gradient of b in y_t = W x_t + b at every position t of a sample: bias (+)= Σ_n m(Σ_t D_n(t, ·)),
/// where d has a row for each position, and bias belongs to its columns from `first` on. See `sequence_product`.
template <class T, class Backend, class Moment>
void sequence_sum(const Backend& backend, const Pass<Moment>& pass, const Sequences& samples, Rows<const T> d,
                  std::size_t first, std::span<T> bias) {
  const bool add = pass.add || !pass.first();
  detail::for_each_range(backend, bias.size(), samples.rows() + 1, [&](std::size_t begin, std::size_t end) {
    detail::for_each_packet<T>(begin, end, [&]<class V>(std::size_t f) {
      V total = add ? load<V>(bias.data(), f) : V(T(0));
      for (std::size_t n = 0; n < samples.count; ++n) {
        V own = V(T(0));
        for (std::size_t r = samples.begin(n); r < samples.end(n); ++r)
          own = own + load<V>(d.data + r * d.width + first, f);
        total = total + pass.moment(own);
      }
      store<V>(bias.data(), f, total);
    });
  });
}

/// A pass of the gradient of W in y_t = W x_t + b at every position t of a sample: weight (+)= Σ_n m(D_nᵀ X_n), where d
/// and x have a row for each position. It is exact for each sample, and results are bitwise equal for any number of
/// threads. Samples of unequal length are taken one after the other.
template <class T, class Backend, class Moment>
void sequence_product(const Backend& backend, const Pass<Moment>& pass, const Sequences& samples, Rows<const T> d,
                      Rows<const T> x, Rows<T> weight, AlignedVector<T>& scratch) {
  if (pass.first() && !pass.add) std::fill_n(weight.data, weight.size(), T(0));
  if constexpr (std::same_as<Moment, moment::Sum>) {
    product(backend, Transposed<T>{d}, x, weight, d.count, Add{});
  } else {
    const auto add = [&](std::size_t count, std::size_t positions, std::size_t row) {
      const auto from = [&](const Rows<const T>& rows) {
        return Positions<T>{rows.data + row * rows.width, rows.width, positions * rows.width, rows.width};
      };
      shared_product(backend, pass.moment, count, positions, from(d), from(x), true,
                     Elements<T>{weight.data, weight.width}, scratch);
    };
    if (samples.starts.empty()) return add(samples.count, samples.positions, 0);
    for (std::size_t n = 0; n < samples.count; ++n) add(1, samples.length(n), samples.begin(n));
  }
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
