// SPDX-License-Identifier: MIT
// What the checks of the library have in common: finite numbers, and numbers as text.
#include <lifelong/core/error.hpp>

#include <clocale>
#include <cstdlib>
#include <limits>
#include <string>

#include "catch.hpp"

namespace error_test {

namespace ll = lifelong;
using ll::detail::exact_text;
using ll::detail::is_finite;
using ll::detail::setting;
using ll::detail::text;
using test::message_of;

TEST_CASE("a number is finite by its bits", "[error]") {
  constexpr double most = std::numeric_limits<double>::max(), infinity = std::numeric_limits<double>::infinity();
  for (const double value : {0.0, -0.0, 1.0, most, -most, std::numeric_limits<double>::denorm_min()})
    CHECK(is_finite(value));
  for (const double value : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN(),
                             -std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::signaling_NaN()})
    CHECK_FALSE(is_finite(value));
  for (const float value : {0.0F, 3.4e38F, -3.4e38F, 1e-45F}) CHECK(is_finite(value));
  for (const float value : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()})
    CHECK_FALSE(is_finite(value));
}

TEST_CASE("the text of a number reads back as the same number, whatever the locale", "[error]") {
  const char* const names[] = {"C", "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8"};
  for (const char* name : names) {
    if (std::setlocale(LC_ALL, name) == nullptr) continue;
    CHECK(text(0.1) == "0.1");
    CHECK(text(-3) == "-3");
    CHECK(text(1e-5) == "1e-05");
    CHECK(text(100000) == "100000");
    CHECK(text(1e20) == "1e+20");
    CHECK(text(0) == "0");
    CHECK(text(1.40737488) == "1.40737");
    CHECK(text(-std::numeric_limits<double>::infinity()) == "-inf");
    CHECK(text(-std::numeric_limits<double>::quiet_NaN()) == "nan");
    const std::string near_third = exact_text(1.0 / 3);
    std::setlocale(LC_ALL, "C");
    CHECK(std::strtod(near_third.c_str(), nullptr) == 1.0 / 3);
    CHECK(exact_text(1.0 / 3) == near_third);
    CHECK(exact_text(0.1) == "0.1");
    CHECK(exact_text(1 + std::numeric_limits<double>::epsilon()) != exact_text(1));
  }
  std::setlocale(LC_ALL, "C");
}

TEST_CASE("a setting has to be a number in the parameters' type", "[error]") {
  CHECK(setting<float>("rate", 0.5) == 0.5F);
  CHECK(setting<float>("rate", 0) == 0);
  CHECK(setting<double>("rate", 1e300) == 1e300);
  CHECK(message_of<ll::InvalidArgument>([] { setting<float>("rate", -1e39); }) ==
        "rate must be a number that fits the parameters' type, float, but is -1e+39");
  CHECK_THROWS_AS(setting<float>("rate", 1e-46), ll::InvalidArgument);
}

TEST_CASE("NaN is outside every domain", "[error]") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const double value : {nan, infinity, -infinity}) {
    CHECK_THROWS_AS(ll::detail::require_at_least("x", value, 0), ll::InvalidArgument);
    CHECK_THROWS_AS(ll::detail::require_positive("x", value), ll::InvalidArgument);
    CHECK_THROWS_AS(ll::detail::require_within("x", value, 0, 1), ll::InvalidArgument);
    CHECK_THROWS_AS(ll::detail::require_between("x", value, 0, 1), ll::InvalidArgument);
  }
  CHECK(message_of<ll::InvalidArgument>([] { ll::detail::require_within("x", 1, 0, 1); }) ==
        "x must be in [0, 1), but is 1");
}

TEST_CASE("a value just outside of its bounds is not shown as one of them", "[error]") {
  using namespace ll::detail;
  CHECK(message_of<ll::InvalidArgument>([] { require_between("share", 1 + 0x1p-40, 0, 1); }) ==
        "share must be in [0, 1], but is 1.0000000000009095");
  CHECK(message_of<ll::InvalidArgument>([] { require_within("rate", 1, 0, 1); }) == "rate must be in [0, 1), but is 1");
  CHECK(message_of<ll::InvalidArgument>([] { require_at_least("strength", -0.1, 0); }) ==
        "strength must be a finite number of at least 0, but is -0.1");
}

}  // namespace error_test
