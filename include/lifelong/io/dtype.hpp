// SPDX-License-Identifier: MIT
// The types of array elements, as the formats of this folder spell them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace lifelong::io::io_detail {

/// A type of elements. A format that does not have it spells it with no letters.
struct Dtype {
  std::string_view safetensors;  ///< `F32`
  std::string_view npy;          ///< `<f4`, little-endian
  std::size_t bytes = 0;         ///< of an element
};

inline constexpr Dtype dtypes[] = {
    {"F64", "<f8", 8},  {"F32", "<f4", 4},  {"F16", "<f2", 2},  {"BF16", "", 2},   {"I64", "<i8", 8}, {"I32", "<i4", 4},
    {"I16", "<i2", 2},  {"I8", "|i1", 1},   {"U64", "<u8", 8},  {"U32", "<u4", 4}, {"U16", "<u2", 2}, {"U8", "|u1", 1},
    {"BOOL", "|b1", 1}, {"F8_E4M3", "", 1}, {"F8_E5M2", "", 1}, {"C64", "", 8},    {"F8_E8M0", "", 1}};

/// The type that the format `spelling` calls `name`; one of 0 bytes if there is none.
constexpr Dtype find_dtype(std::string_view Dtype::*spelling, std::string_view name) {
  for (const Dtype& known : dtypes)
    if (!name.empty() && known.*spelling == name) return known;
  return {};
}

/// The types of C++ whose values are read and written.
template <class T>
concept element = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int8_t> ||
    std::same_as<T, std::uint8_t> || std::same_as<T, std::int16_t> || std::same_as<T, std::uint16_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::uint32_t> || std::same_as<T, std::int64_t> ||
    std::same_as<T, std::uint64_t>;

/// The dtype of T: a letter for its kind, and its bits.
template <element T>
consteval Dtype make_dtype() {
  const char kind = std::is_floating_point_v<T> ? 'F' : std::is_signed_v<T> ? 'I' : 'U';
  constexpr const char* bits = sizeof(T) == 8 ? "64" : sizeof(T) == 4 ? "32" : sizeof(T) == 2 ? "16" : "8";
  for (const Dtype& known : dtypes)
    if (known.safetensors[0] == kind && known.safetensors.substr(1) == bits) return known;
  return {};
}
template <element T>
inline constexpr Dtype dtype_of = make_dtype<T>();

/// A number of 16 bits in the format binary16 of IEEE 754 (float16, "half"), exactly.
constexpr float from_half(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half} >> 15 << 31, exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  if (exponent == 0) {  // zero, or a multiple of 2^-24
    const float size = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -size : size;
  }
  const std::uint32_t widened = exponent == 0x1f ? 0xff : exponent + 127 - 15;  // Inf and NaN stay what they are
  return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

}  // namespace lifelong::io::io_detail

#include <lifelong/config/pop_macros.hpp>
