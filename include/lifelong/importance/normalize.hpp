// Importances brought to a common scale: the unit interval.
#pragma once

#include <cstddef>

#include <lifelong/core/packet.hpp>

namespace lifelong::importance {

/// What all parameters' values are divided by.
enum class Normalize {
  none,    ///< nothing
  max,     ///< the largest value
  min_max  ///< shifted and scaled so that the smallest is 0 and the largest 1
};

/// As recipes print it.
inline const char* name_of(Normalize normalize) {
  return normalize == Normalize::none ? "nothing" : normalize == Normalize::max ? "max" : "min-max";
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

/// What brings `value(0)` to `value(count - 1)` to the scale; values that are all 0, or all equal for min-max, stay or
/// become 0.
template <class T, class Value>
Affine<T> scale_of(Normalize normalize, std::size_t count, const Value& value) {
  if (normalize == Normalize::none || count == 0) return {};
  T least = value(0), most = value(0);
  for (std::size_t i = 1; i < count; ++i) {
    const T v = value(i);
    least = min(least, v);
    most = max(most, v);
  }
  const T shift = normalize == Normalize::min_max ? least : T(0);
  return {most > shift ? T(1) / (most - shift) : T(1), shift};
}

}  // namespace lifelong::importance
