// SPDX-License-Identifier: MIT
// The search for NaN and Inf in arrays, whatever flags the compiler is given.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong::detail {

#if !defined(LIFELONG_HAS_PACKETS)
inline constexpr std::size_t register_bytes = 16;
#endif

template <class T>
using UnsignedOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

/// The bits of numbers, in which an exponent of ones and its lowest bit add up to a carry into the sign.
template <class T>
struct ExponentBits {
  static constexpr UnsignedOf<T> lowest = UnsignedOf<T>{1} << (sizeof(T) == 4 ? 23 : 52);
  static constexpr UnsignedOf<T> all = (~UnsignedOf<T>{0} >> 1) / lowest * lowest;

  /// The sign bit of the result is 1 if the number is NaN or Inf.
  static constexpr UnsignedOf<T> carry(UnsignedOf<T> bits) { return (bits & all) + lowest; }
};

/// True if all values are finite. It looks at a register of values at a time.
template <class T, std::size_t bytes = register_bytes>
[[nodiscard]] bool all_finite(const T* values, std::size_t count) {
  UnsignedOf<T> carries = 0;
  std::size_t i = 0;
#if defined(LIFELONG_HAS_PACKETS)
  using Bits = VectorOf<UnsignedOf<T>, bytes>;
  constexpr std::size_t width = bytes / sizeof(T);
  Bits sums{};
  for (; count - i >= width; i += width) {
    Bits bits;
    __builtin_memcpy(&bits, values + i, bytes);
    sums |= (bits & ExponentBits<T>::all) + ExponentBits<T>::lowest;
  }
  if (i > 0)
    for (std::size_t k = 0; k < width; ++k) carries |= sums[k];
#endif
  for (; i < count; ++i) carries |= ExponentBits<T>::carry(std::bit_cast<UnsignedOf<T>>(values[i]));
  return carries >> (8 * sizeof(T) - 1) == 0;
}

/// Number of the first value that is NaN or Inf; the number of values if there is none.
template <class T>
[[nodiscard]] std::size_t first_not_finite(std::span<const T> values) {
  if (all_finite(values.data(), values.size())) return values.size();
  std::size_t i = 0;
  while (is_finite(values[i])) ++i;
  return i;
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
