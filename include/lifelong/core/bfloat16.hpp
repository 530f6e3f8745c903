// SPDX-License-Identifier: MIT
// Numbers in 16 bits with the range of float, for arrays whose values need no more than two or three digits.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <lifelong/config.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong {

/// The upper half of a float: its sign and range, 8 significant bits. It only stores values; arithmetic is done in
/// float. Values are rounded to the nearest, ties to even, so they are off by at most 2⁻⁸ = 0.4 % of themselves, or by
/// 2⁻¹³⁴ where they are subnormal (below 2⁻¹²⁶). A value above 3.39e38 becomes infinite; NaN stays NaN.
struct Bfloat16 {
  std::uint16_t bits;

  Bfloat16() = default;
  template <std::floating_point T>
  LIFELONG_HOST_DEVICE explicit Bfloat16(T value) {
    const auto rounded = static_cast<float>(value);
    std::uint32_t word;
    __builtin_memcpy(&word, &rounded, sizeof word);
    const std::uint32_t nan = (word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : 0;
    bits = static_cast<std::uint16_t>(((word + 0x7fff + (word >> 16 & 1)) | nan) >> 16);
  }

  /// The conversion is exact.
  LIFELONG_HOST_DEVICE operator float() const {
    const std::uint32_t word = static_cast<std::uint32_t>(bits) << 16;
    float value;
    __builtin_memcpy(&value, &word, sizeof value);
    return value;
  }
};

#if defined(LIFELONG_HAS_PACKETS)
namespace detail {

/// Converts `count` lanes between `Bfloat16` and a packet. Two conversions are written as instructions, because without
/// SSE4.1 g++ moves the halves one by one.
template <std::size_t count>
struct BfloatLanes {
  using Halves = VectorOf<std::uint16_t, 2 * count>;
  using Pairs = VectorOf<std::uint16_t, 4 * count>;
  using Words = VectorOf<std::uint32_t, 4 * count>;
  using Floats = VectorOf<float, 4 * count>;

  /// Each half above 16 zero bits.
  static Floats widen(Halves halves) {
#if defined(__SSE2__) && !defined(__AVX__)
    if constexpr (count == 4) {
      Words words{};
      double bits;  // 8 bytes that both compilers keep in such a register
      __builtin_memcpy(&bits, &halves, sizeof bits);
      __asm__("punpcklwd %1, %0" : "+x"(words) : "x"(bits));
      return reinterpret_cast<Floats>(words);
    }
#endif
#if __has_builtin(__builtin_shufflevector)
    return widen(halves, std::make_integer_sequence<int, 2 * static_cast<int>(count)>());
#else  // g++ 11
    Words words;
    for (std::size_t k = 0; k < count; ++k) words[k] = static_cast<std::uint32_t>(halves[k]) << 16;
    return reinterpret_cast<Floats>(words);
#endif
  }
  /// The upper half of each word.
  static Halves upper(Words words) {
#if defined(__SSE2__) && !defined(__AVX__)
    if constexpr (count == 4) {
      __asm__("psrad $16, %0\n\tpackssdw %0, %0" : "+x"(words));
      Halves halves;
      __builtin_memcpy(&halves, &words, sizeof halves);
      return halves;
    }
#endif
#if __has_builtin(__builtin_shufflevector)
    return upper(reinterpret_cast<Pairs>(words), std::make_integer_sequence<int, static_cast<int>(count)>());
#else
    Halves halves;
    for (std::size_t k = 0; k < count; ++k) halves[k] = static_cast<std::uint16_t>(words[k] >> 16);
    return halves;
#endif
  }

#if __has_builtin(__builtin_shufflevector)
 private:
  template <int... k>
  static Floats widen(Halves halves, std::integer_sequence<int, k...>) {
    constexpr int zero = static_cast<int>(count);
    return reinterpret_cast<Floats>(__builtin_shufflevector(halves, Halves{}, (k % 2 == 0 ? zero : k / 2)...));
  }
  template <int... k>
  static Halves upper(Pairs pairs, std::integer_sequence<int, k...>) {
    return __builtin_shufflevector(pairs, pairs, (2 * k + 1)...);
  }
#endif
};

}  // namespace detail
#endif

/// Reads `lane_count<V>` values from `data + i`.
template <class V>
LIFELONG_HOST_DEVICE V load(const Bfloat16* data, std::size_t i) {
  if constexpr (detail::reads_itself<V>) {
    return V::read(data + i);
  } else if constexpr (lane_count<V> == 1) {
    return static_cast<V>(static_cast<float>(data[i]));
  } else {
#if defined(LIFELONG_HAS_PACKETS)
    using Lanes = detail::BfloatLanes<lane_count<V>>;
    typename Lanes::Halves halves;
    __builtin_memcpy(&halves, data + i, sizeof halves);
    return V(__builtin_convertvector(Lanes::widen(halves), typename V::Native));
#endif
  }
}

/// Writes `value` to `data + i`, rounded.
template <class V>
LIFELONG_HOST_DEVICE void store(Bfloat16* data, std::size_t i, V value) {
  if constexpr (detail::reads_itself<V>) {
    value.write(data + i);
  } else if constexpr (lane_count<V> == 1) {
    data[i] = Bfloat16(value);
  } else {
#if defined(LIFELONG_HAS_PACKETS)
    using Lanes = detail::BfloatLanes<lane_count<V>>;
    using Words = typename Lanes::Words;
    const auto rounded = __builtin_convertvector(value.lanes, typename Lanes::Floats);
    const Words words = reinterpret_cast<Words>(rounded);
    const Words nan = reinterpret_cast<Words>(rounded != rounded) & 0x7fc00000;
    const auto halves = Lanes::upper((words + 0x7fff + (words >> 16 & 1)) | nan);
    __builtin_memcpy(data + i, &halves, sizeof halves);
#endif
  }
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
