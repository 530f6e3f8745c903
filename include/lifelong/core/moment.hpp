// SPDX-License-Identifier: MIT
// What is summed over samples: their gradients (training), the squares of these (Fisher) or the absolute values (MAS).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>

#include <lifelong/core/packet.hpp>

namespace lifelong::moment {

/// Elementwise function m with m(d·x) = m(d)·m(x), which is why Σ_n m(d_n x_nᵀ) = m(D)ᵀ m(X) is one matrix product.
/// `factor(w)` is what a gradient is multiplied by to give its moment the weight w: m(factor(w)·v) = w·m(v).
struct Sum {
  template <class T>
  [[nodiscard]] static T factor(T weight) {
    return weight;
  }
  template <class V>
  LIFELONG_HOST_DEVICE V operator()(V value) const {
    return value;
  }
};

/// m(v) = v².
struct Square {
  template <class T>
  [[nodiscard]] static T factor(T weight) {
    return std::sqrt(weight);
  }
  template <class V>
  LIFELONG_HOST_DEVICE V operator()(V value) const {
    return value * value;
  }
};

/// m(v) = |v|.
struct Absolute {
  template <class T>
  [[nodiscard]] static T factor(T weight) {
    return weight;
  }
  template <class V>
  LIFELONG_HOST_DEVICE V operator()(V value) const {
    return abs(value);
  }
};

}  // namespace lifelong::moment

#include <lifelong/config/pop_macros.hpp>
