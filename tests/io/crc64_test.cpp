// SPDX-License-Identifier: MIT
// The checksum against the published check value and a version that takes one bit at a time.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/random.hpp>
#include <lifelong/io/crc64.hpp>

#include "catch.hpp"

namespace crc64_test {

namespace ll = lifelong;
using ll::io::io_detail::Crc64;

namespace {

/// Polynomial division, one bit at a time.
std::uint64_t slow(std::span<const std::byte> bytes) {
  std::uint64_t crc = ~std::uint64_t{0};
  for (const std::byte byte : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = ((crc ^ std::to_integer<std::uint64_t>(byte >> bit)) & 1) != 0;
      crc = (crc >> 1) ^ (odd ? 0xC96C5795D7870F42 : 0);
    }
  return ~crc;
}

std::string of(std::span<const std::byte> bytes) {
  Crc64 crc;
  crc.add(bytes);
  return crc.text();
}

}  // namespace

TEST_CASE("the checksum is CRC-64/XZ") {
  Crc64 crc;
  crc.add("123456789");
  CHECK(crc.text() == "995dc9bbdf1939fa");
  CHECK(Crc64().text() == "0000000000000000");
}

TEST_CASE("the checksum is the slow one for every length, however the bytes come") {
  const ll::Random random(1);
  std::vector<std::byte> bytes;
  for (std::size_t size = 0; size < 70; ++size) {
    const std::uint64_t expected = slow(bytes);
    CHECK(std::stoull(of(bytes), nullptr, 16) == expected);
    for (std::size_t cut = 0; cut <= size; cut += 5) {
      Crc64 crc;
      crc.add(std::span(bytes).first(cut));
      crc.add(std::span(bytes).subspan(cut));
      CHECK(crc.text() == of(bytes));
    }
    bytes.push_back(static_cast<std::byte>(random.bits(size)));
  }
}

}  // namespace crc64_test
