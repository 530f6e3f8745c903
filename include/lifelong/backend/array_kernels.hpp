// SPDX-License-Identifier: MIT
// The kernels of plain array arithmetic, for loops that run no policy's kernel.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <type_traits>

#include <lifelong/core/packet.hpp>

namespace lifelong::detail {

/// to_i ← value.
template <class T>
struct Fill {
  T* to;
  T value;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(to, i, V(value));
    return V(T(0));
  }
};

/// to_i ← from_i, also between T and `Bfloat16`.
template <class T, class From = T, class To = T>
struct Copy {
  const From* from;
  To* to;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(to, i, load<V>(from, i));
    return V(T(0));
  }
};

/// to_i ← factor · to_i.
template <class T>
struct Scale {
  T* to;
  T factor;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(to, i, V(factor) * load<V>(to, i));
    return V(T(0));
  }
};

/// to_i ← to_i / divisor.
template <class T>
struct Divide {
  T* to;
  T divisor;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(to, i, load<V>(to, i) / V(divisor));
    return V(T(0));
  }
};

/// to_i ← to_i + weight · m(from_i).
template <class T, class Moment>
struct AddMoment {
  T* to;
  const T* from;
  Moment moment;
  T weight;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(to, i, load<V>(to, i) + V(weight) * moment(load<V>(from, i)));
    return V(T(0));
  }
};

/// to_i ← function(to_i).
template <class T, class Function>
struct Apply {
  T* to;
  Function function;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(to, i, function(load<V>(to, i)));
    return V(T(0));
  }
};

/// to_i ← what another kernel returns for i.
template <class T, class Kernel>
struct Store {
  T* to;
  Kernel kernel;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(to, i, kernel.template operator()<V>(i));
    return V(T(0));
  }
};

/// The lanes of V from values of T, which may be of half the size.
template <class V, class T>
LIFELONG_HOST_DEVICE V load_as(const T* from, std::size_t i) {
  if constexpr (std::is_same_v<ScalarOf<V>, T>) {
    return load<V>(from, i);
  } else if constexpr (lane_count<V> == 1) {
    return static_cast<V>(from[i]);
  } else {
#if defined(LIFELONG_HAS_PACKETS)
    VectorOf<T, lane_count<V> * sizeof(T)> lanes;
    __builtin_memcpy(&lanes, from + i, sizeof lanes);
    return V(__builtin_convertvector(lanes, typename V::Native));
#endif
  }
}

/// Returns a_i b_i. For sums in double, run it by a loop over doubles: products of floats are exact then, and neither
/// overflow nor vanish.
template <class T>
struct Multiply {
  const T* a;
  const T* b;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return load_as<V>(a, i) * load_as<V>(b, i);
  }
};

/// Counts the values whose magnitude is above `bound`, a power of two or the largest number, and those that are not
/// finite.
template <class T, class From = T>
struct CountBeyond {
  const From* values;
  T bound;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return exceeds(load<V>(values, i), bound);
  }
};

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
