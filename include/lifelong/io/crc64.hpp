// SPDX-License-Identifier: MIT
// A checksum that finds damaged files: CRC-64/XZ, the one of ECMA-182 as the xz format has it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lifelong::io::io_detail {

/// `tables[k][b]` is what byte b adds to the checksum when k more bytes follow it in a group of eight.
using CrcTables = std::array<std::array<std::uint64_t, 256>, 8>;

constexpr CrcTables crc_tables() {
  constexpr std::uint64_t polynomial = 0xC96C5795D7870F42;  // lowest power first
  CrcTables tables{};
  for (std::size_t b = 0; b < 256; ++b) {
    std::uint64_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
    tables[0][b] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t b = 0; b < 256; ++b) tables[k][b] = tables[0][tables[k - 1][b] & 0xFF] ^ (tables[k - 1][b] >> 8);
  return tables;
}

inline constexpr CrcTables crc_table = crc_tables();

/// The checksum of all bytes that were added, in order. It differs for sure if damage lies within 64 neighbouring bits,
/// and with a probability of 1 - 2^-64 otherwise. It is no protection from people.
class Crc64 {
 public:
  void add(std::span<const std::byte> bytes) {
    std::size_t at = 0;
    for (; bytes.size() - at >= 8; at += 8) crc_ = of_eight(crc_ ^ eight(bytes.data() + at));
    for (; at < bytes.size(); ++at)
      crc_ = crc_table[0][(crc_ ^ std::to_integer<std::uint64_t>(bytes[at])) & 0xFF] ^ (crc_ >> 8);
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }

  /// In 16 digits, 0 to 9 and a to f.
  [[nodiscard]] std::string text() const {
    std::string digits;
    for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[~crc_ >> shift & 15];
    return digits;
  }

 private:
  static std::uint64_t eight(const std::byte* bytes) {
    const auto byte = [&](std::size_t k) { return std::to_integer<std::uint64_t>(bytes[k]) << 8 * k; };
    return byte(0) | byte(1) | byte(2) | byte(3) | byte(4) | byte(5) | byte(6) | byte(7);
  }
  static std::uint64_t of_eight(std::uint64_t value) {
    const auto byte = [&](std::size_t k) { return crc_table[7 - k][value >> 8 * k & 0xFF]; };
    return byte(0) ^ byte(1) ^ byte(2) ^ byte(3) ^ byte(4) ^ byte(5) ^ byte(6) ^ byte(7);
  }

  std::uint64_t crc_ = ~std::uint64_t{0};
};

}  // namespace lifelong::io::io_detail

#include <lifelong/config/pop_macros.hpp>
