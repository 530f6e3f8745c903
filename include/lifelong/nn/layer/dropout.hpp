// SPDX-License-Identifier: MIT
// Values that are left out at random in training.
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
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// In training each value is 0 with probability `p`, else x / (1 - p). In evaluation, in which importances are
/// estimated, y = x. Every training pass draws anew, and each value has a random number of its own, so results are the
/// same for any number of threads. Srivastava 2014.
struct Dropout {
  double p = 0.5;
  std::size_t values = 0;  ///< per sample, found by `connect`

  static constexpr bool in_place = true;
  static constexpr Lengths lengths = Lengths::kept;

  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "Dropout(rate " + lifelong::detail::exact_text(p) + ")"; }

  /// \throws InvalidArgument unless 0 <= p < 1.
  Shape connect(Shape in) {
    lifelong::detail::require_within("Dropout.p", p, 0, 1);
    values = in.size();
    return in;
  }

  [[nodiscard]] std::size_t draws() const { return values; }
  void declare(Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    if (flow.mode == Mode::evaluate) {
      std::copy_n(x.data, x.size(), y.data);
      return;
    }
    detail::grow(flow.memory.array(0), x.size());
    T* factor = flow.memory.array(0).data();
    const T kept = static_cast<T>(1 / (1 - p));
    detail::for_each_range(backend, x.size(), 64, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        factor[i] = flow.random.uniform(flow.first_draw + i) < p ? T(0) : kept;
        y.data[i] = factor[i] * x.data[i];
      }
    });
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>&, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T>, std::span<T>) const {
    if (flow.mode == Mode::evaluate) return;
    detail::for_each_element<T>(backend, x.size(),
                                [d = dy.data, factor = flow.memory.array(0).data()]<class V>(std::size_t i) {
                                  store<V>(d, i, load<V>(d, i) * load<V>(factor, i));
                                });
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
