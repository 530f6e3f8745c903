// SPDX-License-Identifier: MIT
// The last position of a sequence, for a classifier.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// Maps {positions, features} to {features}, the values of each sample's last position, such as the last state of a
/// recurrent layer.
struct LastPosition {
  static constexpr bool in_place = false;
  static constexpr Lengths lengths = Lengths::ended;

  std::size_t positions = 0;  ///< per sample, found by `connect`

  [[nodiscard]] Shape expected() const { return {}; }
  [[nodiscard]] std::string recipe() const { return "LastPosition()"; }

  /// \throws ShapeMismatch unless given {positions, features}.
  Shape connect(Shape in) {
    if (in.rank() != 2 || in.size() == 0)
      lifelong::detail::raise<ShapeMismatch>("LastPosition takes positions x features but is given " + in.text());
    positions = in[0];
    return {in.last()};
  }

  void declare(Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}

  template <class T, class Backend>
  void forward(const Backend&, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    const Sequences samples(flow, x, positions);
    for (std::size_t n = 0; n < y.count; ++n)
      std::copy_n(x.data + (samples.end(n) - 1) * y.width, y.width, y.row(n).data());
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend&, const Pass<Moment>&, const Flow<T>& flow, Rows<const T> x, Rows<const T>, Rows<T> dy,
                Rows<T> dx, std::span<T>) const {
    if (dx.data == nullptr) return;
    const Sequences samples(flow, x, positions);
    std::fill_n(dx.data, dx.size(), T(0));
    for (std::size_t n = 0; n < dy.count; ++n)
      std::copy_n(dy.row(n).data(), dy.width, dx.data + (samples.end(n) - 1) * dy.width);
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
