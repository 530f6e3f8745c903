// SPDX-License-Identifier: MIT
// Batches whose sizes or values cannot be are refused before anything is computed.
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/finite.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "catch.hpp"

namespace check_batch_test {

namespace ll = lifelong;

TEMPLATE_TEST_CASE("the first value that is not finite is found at any place", "[core][finite]", float, double) {
  using Limits = std::numeric_limits<TestType>;
  const std::vector<TestType> ordinary{
      0, -0.0, 1, -1, Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min()};
  for (const TestType bad :
       {Limits::quiet_NaN(), -Limits::quiet_NaN(), Limits::signaling_NaN(), Limits::infinity(), -Limits::infinity()})
    for (std::size_t size = 0; size < 70; ++size) {
      std::vector<TestType> values(size);
      for (std::size_t i = 0; i < size; ++i) values[i] = ordinary[i % ordinary.size()];
      CHECK(ll::detail::first_not_finite(std::span<const TestType>(values)) == size);
      for (std::size_t i = size; i-- > 0;) {
        values[i] = bad;
        if (ll::detail::first_not_finite(std::span<const TestType>(values)) != i) FAIL(i);
      }
    }
}

TEST_CASE("sizes whose product overflows are refused", "[core][batch][errors]") {
  constexpr std::size_t half = std::size_t{1} << 63;
  const std::vector<float> inputs(6);
  const auto refused = [&](std::size_t size, std::size_t features) {
    const ll::Batch<float> batch{.size = size, .features = features, .inputs = inputs};
    return test::message_of<ll::ShapeMismatch>([&] { ll::detail::check_sizes(batch); });
  };
  CHECK(refused(half, 2) == "batch.inputs has 6 elements where 9223372036854775808 rows of 2 are needed");
  CHECK(refused(half + 3, 2) == "batch.inputs has 6 elements where 9223372036854775811 rows of 2 are needed");
  CHECK(refused(4, 2) == "batch.inputs has 6 elements where 8 are needed");
  const ll::Batch<float> wrapped{.size = half + 3, .features = 2, .inputs = inputs};
  CHECK_THROWS_AS(ll::detail::check_inputs(wrapped, 2), ll::ShapeMismatch);
  CHECK_THROWS_AS(ll::detail::require_finite_values(wrapped), ll::ShapeMismatch);
  const ll::Batch<float> uneven{.size = 3, .features = 2, .inputs = inputs, .targets = std::span(inputs).first(4)};
  CHECK(test::message_of<ll::ShapeMismatch>([&] { ll::detail::check_sizes(uneven); }) ==
        "batch.targets has 4 elements where multiples of 3 are needed");
}

TEST_CASE("a value of a batch that is not finite is named", "[core][batch][errors]") {
  std::vector<double> inputs(8), targets(2);
  const ll::Batch<double> batch{.size = 2, .features = 4, .inputs = inputs, .targets = targets};
  CHECK_NOTHROW(ll::detail::require_finite_values(batch));
  CHECK_NOTHROW(ll::detail::require_finite_values(ll::Batch<double>{}));
  targets[1] = -std::numeric_limits<double>::infinity();
  const auto message = [&] {
    return test::message_of<ll::NumericError>([&] { ll::detail::require_finite_values(batch); });
  };
  CHECK(message() == "sample 1, target 0 of the batch is -inf");
  inputs[7] = std::numeric_limits<double>::quiet_NaN();
  CHECK(message() == "sample 1, feature 3 of the batch is nan");
}

TEST_CASE("a model has outputs, as many as a range can reach", "[core][batch][errors]") {
  CHECK(ll::detail::require_outputs(0xFFFFFFFF) == 0xFFFFFFFF);
  CHECK_THROWS_AS(ll::detail::require_outputs(0), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::detail::require_outputs(std::size_t{1} << 32), ll::InvalidArgument);
}

}  // namespace check_batch_test
