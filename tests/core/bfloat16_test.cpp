// SPDX-License-Identifier: MIT
// Bfloat16: every pattern, every tie, alone and in packets.
#include <lifelong/core/bfloat16.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "catch.hpp"

namespace bfloat16_test {

namespace ll = lifelong;

namespace {

/// Nearest of the two neighbours by exact distances in double, ties to the even one.
std::uint16_t slow_bits(float value) {
  const auto word = std::bit_cast<std::uint32_t>(value);
  const auto below = static_cast<std::uint16_t>(word >> 16);
  const auto above = static_cast<std::uint16_t>(below + 1);
  const auto distance = [&](std::uint16_t bits) {
    const double neighbour = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
    // Beyond the largest finite number the next one would be 2^128.
    const double finite = std::isinf(neighbour) ? std::copysign(0x1p128, neighbour) : neighbour;
    return std::abs(finite - static_cast<double>(value));
  };
  if (distance(below) == distance(above)) return below % 2 == 0 ? below : above;
  return distance(below) < distance(above) ? below : above;
}

/// What `store` makes of values, packet by packet.
template <class T>
std::vector<ll::Bfloat16> stored(const std::vector<T>& values) {
  using V = ll::Packet<T>;
  std::vector<ll::Bfloat16> result(values.size());
  std::size_t i = 0;
  for (; i + ll::lane_count<V> <= values.size(); i += ll::lane_count<V>)
    ll::store(result.data(), i, ll::load<V>(values.data(), i));
  for (; i < values.size(); ++i) ll::store(result.data(), i, values[i]);
  return result;
}

/// What `load` makes of them again.
template <class T>
std::vector<T> loaded(const std::vector<ll::Bfloat16>& values) {
  using V = ll::Packet<T>;
  std::vector<T> result(values.size());
  std::size_t i = 0;
  for (; i + ll::lane_count<V> <= values.size(); i += ll::lane_count<V>)
    ll::store(result.data(), i, ll::load<V>(values.data(), i));
  for (; i < values.size(); ++i) result[i] = ll::load<T>(values.data(), i);
  return result;
}

template <class T>
void check_round_trip() {
  std::vector<ll::Bfloat16> all(65536);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) all[bits].bits = static_cast<std::uint16_t>(bits);
  const std::vector<T> values = loaded<T>(all);
  const std::vector<ll::Bfloat16> again = stored(values);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    INFO("pattern " << bits);
    const float exact = std::bit_cast<float>(bits << 16);
    const float alone = all[bits];
    if (std::isnan(exact)) {
      REQUIRE((std::isnan(alone) && std::isnan(values[bits])));
      REQUIRE((std::isnan(static_cast<float>(again[bits])) && std::isnan(static_cast<float>(ll::Bfloat16(exact)))));
    } else {
      REQUIRE(std::bit_cast<std::uint32_t>(alone) == bits << 16);
      REQUIRE(values[bits] == static_cast<T>(exact));
      REQUIRE(again[bits].bits == bits);
      REQUIRE(ll::Bfloat16(exact).bits == bits);
    }
  }
}

}  // namespace

TEST_CASE("all 65536 patterns survive the way through float and double", "[bfloat16]") {
  check_round_trip<float>();
  check_round_trip<double>();
}

TEST_CASE("rounding is to the nearest, ties to even, for every exponent and sign", "[bfloat16]") {
  std::vector<float> values;
  for (std::uint32_t upper = 0; upper < 65536; ++upper)
    for (const std::uint32_t lower : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const float value = std::bit_cast<float>(upper << 16 | lower);
      if (std::isfinite(value)) values.push_back(value);
    }
  const std::vector<ll::Bfloat16> packets = stored(values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t expected = slow_bits(values[i]);
    if (packets[i].bits != expected || ll::Bfloat16(values[i]).bits != expected) {
      INFO(std::bit_cast<std::uint32_t>(values[i]));
      REQUIRE(packets[i].bits == expected);
      REQUIRE(ll::Bfloat16(values[i]).bits == expected);
    }
    const double error = std::abs(static_cast<double>(static_cast<float>(packets[i])) - static_cast<double>(values[i]));
    if (!(std::abs(values[i]) > 3.38e38f))
      REQUIRE(error <= std::max(0x1p-134, 0x1p-8 * std::abs(static_cast<double>(values[i]))));
  }
}

TEST_CASE("what is too large becomes infinite, and NaN stays NaN whatever its bits", "[bfloat16]") {
  const float largest = std::numeric_limits<float>::max();
  REQUIRE(std::isinf(static_cast<float>(ll::Bfloat16(largest))));
  REQUIRE(std::isinf(static_cast<float>(ll::Bfloat16(-1e300))));
  std::vector<float> nans;
  for (const std::uint32_t payload : {1u, 0x8000u, 0xffffu, 0x10000u, 0x3fffffu, 0x400000u, 0x7fffffu})
    for (const std::uint32_t sign : {0u, 0x80000000u})
      nans.push_back(std::bit_cast<float>(sign | 0x7f800000u | payload));
  nans.resize(64, nans.back());
  for (const ll::Bfloat16 value : stored(nans)) REQUIRE(std::isnan(static_cast<float>(value)));
  for (const float value : nans) REQUIRE(std::isnan(static_cast<float>(ll::Bfloat16(value))));
}

}  // namespace bfloat16_test
