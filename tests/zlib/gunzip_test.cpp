// SPDX-License-Identifier: MIT
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lifelong/io/idx.hpp>
#include <lifelong/zlib.hpp>

#include "catch.hpp"

namespace gunzip_test {

namespace ll = lifelong;
using ll::zlib::gunzip;
using test::ContainsSubstring;

namespace {

using Bytes = std::vector<std::byte>;

Bytes gzip(const Bytes& plain) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes packed(deflateBound(&stream, static_cast<uLong>(plain.size())) + 32);
  Bytes input = plain;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// Hard to predict, so that deflate stores it in many bytes.
Bytes noise(std::size_t size) {
  Bytes values(size);
  std::uint32_t state = 1;
  for (std::byte& value : values) value = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
  return values;
}

/// An IDX file of one dimension.
Bytes idx(std::uint32_t claimed, const Bytes& values) {
  Bytes file{std::byte{0}, std::byte{0}, std::byte{8}, std::byte{1}};
  for (const int shift : {24, 16, 8, 0}) file.push_back(static_cast<std::byte>(claimed >> shift));
  file.insert(file.end(), values.begin(), values.end());
  return file;
}

Bytes unpacked_idx(const Bytes& packed) {
  return ll::io::idx_detail::unpack_idx(packed, {.unpack = gunzip}, "some.gz");
}

}  // namespace

TEST_CASE("gunzip returns the first bytes up to the limit") {
  const std::size_t size = GENERATE(0u, 1u, 1000u, 65536u, 65537u, 1000000u);
  const Bytes plain = noise(size), packed = gzip(plain);
  CHECK(gunzip(packed, size + 1, "x") == plain);
  CHECK(gunzip(packed, 2 * size + 100, "x") == plain);
  CHECK(gunzip(packed, static_cast<std::size_t>(-1), "x") == plain);
  CHECK(gunzip(packed, size / 2, "x") == Bytes(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(size / 2)));
  CHECK(gunzip(packed, 0, "x").empty());
}

TEST_CASE("every truncation of a gzip stream is refused") {
  const Bytes packed = gzip(noise(100));
  for (std::size_t length = 0; length < packed.size(); ++length) {
    CAPTURE(length);
    const Bytes cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK_THROWS_AS(gunzip(cut, 101, "x"), ll::FormatError);
  }
  CHECK(test::message_of<ll::FormatError>([] { (void)gunzip({}, 1, "some.gz"); }) ==
        "'some.gz' ends in the middle of its gzip stream");
}

TEST_CASE("a flipped bit in contents, checksum or length is refused, unless it changes nothing") {
  const Bytes plain = noise(100), packed = gzip(plain);
  constexpr std::size_t header = 10;  // its time, extra flags and operating system mean nothing here
  int harmless = 0;
  for (std::size_t bit = 8 * header; bit < 8 * packed.size(); ++bit) {
    Bytes damaged = packed;
    damaged[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    CAPTURE(bit);
    try {
      const Bytes result = gunzip(damaged, 100000, "x");
      CHECK(result == plain);
      ++harmless;
    } catch (const ll::FormatError&) {
    }
  }
  CHECK(harmless <= 5);  // the bits between a block's type and the next whole byte
}

TEST_CASE("several members are one stream, anything else behind is refused") {
  const Bytes plain = noise(50), packed = gzip(plain);
  Bytes twice = packed;
  twice.insert(twice.end(), packed.begin(), packed.end());
  const Bytes both = gunzip(twice, 101, "x");
  REQUIRE(both.size() == 100);
  CHECK(Bytes(both.begin() + 50, both.end()) == plain);
  Bytes trailing = packed;
  trailing.push_back(std::byte{0});
  CHECK_THROWS_AS(gunzip(trailing, 51, "x"), ll::FormatError);
}

TEST_CASE("packed IDX files are read") {
  const Bytes values = noise(70000);
  const Bytes file = idx(70000, values);
  CHECK(unpacked_idx(gzip(file)) == file);
  CHECK(ll::io::parse_idx(unpacked_idx(gzip(idx(0, {}))), "x").values.empty());
}

TEST_CASE("a gzip bomb is stored up to one byte too much, and refused") {
  const Bytes bomb = gzip(idx(10, Bytes(50000000)));
  CHECK(bomb.size() < 60000);
  const Bytes stored = unpacked_idx(bomb);
  CHECK(stored.size() == 8 + 10 + 1);
  CHECK(stored.capacity() <= 8 + 10 + 1);
  CHECK_THROWS_AS(ll::io::parse_idx(stored, "x"), ll::FormatError);
}

TEST_CASE("a forged size costs no memory") {
  const Bytes stored = unpacked_idx(gzip(idx(0xffffffff, Bytes(100))));
  CHECK(stored.size() == 108);
  CHECK(stored.capacity() <= 1 << 16);
  CHECK_THROWS_AS(ll::io::parse_idx(stored, "x"), ll::FormatError);
}

}  // namespace gunzip_test
