// SPDX-License-Identifier: MIT
// Brings importances to a common scale, the unit interval.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <lifelong/backend/loop.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong::importance {

/// By what the values of all parameters are divided.
enum class Normalize {
  none,    ///< nothing
  max,     ///< the largest value
  min_max  ///< shifted and scaled so that the smallest is 0 and the largest 1
};

/// The name in recipes.
inline const char* name_of(Normalize normalize) {
  return normalize == Normalize::none ? "nothing" : normalize == Normalize::max ? "max" : "min-max";
}

/// \throws InvalidArgument unless the ceiling is above 0; infinity stands for none.
inline void require_ceiling(const char* name, double ceiling) {
  constexpr double none = std::numeric_limits<double>::infinity();
  if (std::bit_cast<std::uint64_t>(ceiling) != std::bit_cast<std::uint64_t>(none))
    detail::require_positive(name, ceiling);
}

/// value ↦ (value - shift) · scale.
template <class T>
struct Affine {
  T scale = 1;
  T shift = 0;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(V value) const {
    return (value - V(shift)) * V(scale);
  }
};

/// value ↦ min(value, most).
template <class T>
struct Ceiling {
  T most;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(V value) const {
    return min(value, V(most));
  }
};

/// The values of an array, as a kernel.
template <class T>
struct Values {
  const T* values;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return load<V>(values, i);
  }
};

/// A path importance's score over all tasks, taken from its kernel as a kernel of its own.
template <class Walk>
struct MergedScore {
  Walk walk;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return walk.template merged<V>(i);
  }
};

/// The values of a kernel with their signs changed, so that the largest of them is minus the smallest value.
template <class Kernel>
struct Negative {
  Kernel kernel;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return -kernel.template operator()<V>(i);
  }
};

/// The map that brings the values of a kernel, over all parameters, to the scale. Values that are all 0 stay 0; with
/// min-max, values that are all equal become 0.
template <class T, class Backend, class Kernel>
Affine<T> scale_of(Normalize normalize, const Loop<T, Backend>& loop, const Kernel& kernel) {
  if (normalize == Normalize::none || loop.size() == 0) return {};
  const T most = loop.maximum(kernel);
  const T shift = normalize == Normalize::min_max ? -loop.maximum(Negative<Kernel>{kernel}) : T(0);
  return {most > shift ? T(1) / (most - shift) : T(1), shift};
}

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
