// SPDX-License-Identifier: MIT
// A batch without its samples of weight 0: every array keeps the rows of the others, however long it is.
#include <lifelong/core/present_samples.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "catch.hpp"

namespace present_samples_test {

namespace ll = lifelong;

namespace {

template <class Value>
std::vector<Value> copy_of(std::span<const Value> values) {
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("samples of weight 0 are left out of every array of a batch", "[core][weights]") {
  const std::vector<float> inputs{1, 2, 3, 4, 5, 6, 7};  // one value more than the samples need
  const std::vector<float> targets{10, 20, 30}, weights{2, 0, 0.5};
  const std::vector<std::int32_t> labels{7, 8, 9};
  const std::vector<ll::OutputRange> active{{0, 1}, {1, 2}, {3, 4}};
  const std::vector<std::uint64_t> indices{100, 200, 300};
  const std::vector<std::uint32_t> lengths{1, 2, 2};
  ll::Batch<float> batch{.size = 3, .features = 2, .inputs = inputs, .targets = targets};
  batch.labels = labels;
  batch.active = active;
  batch.indices = indices;
  batch.weights = weights;
  batch.lengths = lengths;

  ll::PresentSamples<float> samples;
  const ll::Batch<float> present = samples.of(batch);
  CHECK(present.size == 2);
  CHECK(present.features == 2);
  CHECK(copy_of(present.inputs) == std::vector<float>{1, 2, 5, 6});
  CHECK(copy_of(present.targets) == std::vector<float>{10, 30});
  CHECK(copy_of(present.labels) == std::vector<std::int32_t>{7, 9});
  CHECK(copy_of(present.indices) == std::vector<std::uint64_t>{100, 300});
  CHECK(copy_of(present.lengths) == std::vector<std::uint32_t>{1, 2});
  CHECK(copy_of(present.weights) == std::vector<float>{2, 0.5});
  REQUIRE(present.active.size() == 2);
  CHECK((present.active[1].first == 3 && present.active[1].count == 4));
}

TEST_CASE("a batch without a sample of weight 0 is not copied, and weights of 1 are left away", "[core][weights]") {
  const std::vector<float> inputs{1, 2}, some{0.5, 2}, ones{1, 1}, none{0, 0};
  ll::Batch<float> batch{.size = 2, .features = 1, .inputs = inputs};
  ll::PresentSamples<float> samples;
  for (const auto* weights : {&some, &ones}) {
    batch.weights = *weights;
    const ll::Batch<float> present = samples.of(batch);
    CHECK(present.inputs.data() == inputs.data());
    CHECK(present.weights.empty() == (weights == &ones));
  }
  batch.weights = none;
  CHECK(samples.of(batch).size == 0);
}

}  // namespace present_samples_test
