// SPDX-License-Identifier: MIT
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <lifelong/core/random.hpp>
#include <lifelong/io/number.hpp>

#include "catch.hpp"

namespace number_test {

namespace ll = lifelong;
using namespace lifelong::io::io_detail;

TEST_CASE("whole numbers are read up to the ends of 64 bits") {
  using Limits = std::numeric_limits<std::int64_t>;
  CHECK(whole_number("0") == 0);
  CHECK(whole_number("-0") == 0);
  CHECK(whole_number("+0017") == 17);
  CHECK(whole_number("9223372036854775807") == Limits::max());
  CHECK(whole_number("-9223372036854775808") == Limits::min());
  for (const char* text : {"9223372036854775808", "-9223372036854775809", "18446744073709551616", "", "+", "-", "--1",
                           "1.0", " 1", "1 ", "0x1", "1e3"}) {
    CAPTURE(text);
    CHECK(!whole_number(text));
  }
}

TEST_CASE("real numbers are the same by from_chars and by strtod") {
  const ll::Random random(3);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::string text = std::to_string(random.bits(3 * i)) + "." + std::to_string(random.bits(3 * i + 1)) + "e" +
                             std::to_string(static_cast<int>(random.below(3 * i + 2, 600)) - 330);
    REQUIRE(real_number(text) == by_strtod(text));
  }
  CHECK(real_number("1e400") == std::numeric_limits<double>::infinity());
  CHECK(real_number("-1e-400") == 0);
}

TEST_CASE("text around a number is trimmed of spaces and tabs alone") {
  CHECK(trimmed(" \t1 2\t ") == "1 2");
  CHECK(trimmed("\n1") == "\n1");
  CHECK(trimmed("  ").empty());
}

}  // namespace number_test
