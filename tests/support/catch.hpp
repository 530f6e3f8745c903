// SPDX-License-Identifier: MIT
// Catch2, version 2 or 3, under one name; `main` comes with the library that is linked. Where headers of both can be
// found, LIFELONG_TEST_CATCH says which.
#pragma once

#if !defined(LIFELONG_TEST_CATCH)
#if __has_include(<catch2/catch_test_macros.hpp>)
#define LIFELONG_TEST_CATCH 3
#else
#define LIFELONG_TEST_CATCH 2
#endif
#endif

#if LIFELONG_TEST_CATCH == 3
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
namespace test {
using Catch::Matchers::ContainsSubstring;
}
#else
#include <catch2/catch.hpp>
namespace test {
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
}  // namespace test
#endif

#include <string>

namespace test {

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

/// The message of the `E` that `call` throws; fails the test if it throws anything else or nothing.
template <class E, class F>
std::string message_of(F&& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  FAIL("nothing was thrown");
  return {};
}

}  // namespace test
