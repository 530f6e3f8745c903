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

/// Maps {positions, features} to {features}, the values of the last position, such as the last state of a recurrent
/// layer.
struct LastPosition {
  static constexpr bool in_place = false;

  [[nodiscard]] Shape expected() const { return {}; }
  [[nodiscard]] std::string recipe() const { return "LastPosition()"; }

  /// \throws ShapeMismatch unless given {positions, features}.
  Shape connect(Shape in) const {
    if (in.rank() != 2 || in.size() == 0)
      lifelong::detail::raise<ShapeMismatch>("LastPosition takes positions x features but is given " + in.text());
    return {in.last()};
  }

  void declare(Layout&, const std::string&) const {}
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}

  template <class T, class Backend>
  void forward(const Backend&, const Flow<T>&, Rows<const T> x, Rows<T> y) const {
    for (std::size_t n = 0; n < x.count; ++n)
      std::copy_n(x.row(n).data() + x.width - y.width, y.width, y.row(n).data());
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend&, const Pass<Moment>&, const Flow<T>&, Rows<const T>, Rows<const T>, Rows<T> dy,
                Rows<T> dx, std::span<T>) const {
    if (dx.data == nullptr) return;
    for (std::size_t n = 0; n < dx.count; ++n) {
      std::fill_n(dx.row(n).data(), dx.width - dy.width, T(0));
      std::copy_n(dy.row(n).data(), dy.width, dx.row(n).data() + dx.width - dy.width);
    }
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
