// SPDX-License-Identifier: MIT
// Cached examples are the examples themselves.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/stream/cached.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "catch.hpp"

namespace cached_test {

namespace {

namespace ll = lifelong;

ll::Dataset<std::uint8_t> images(std::size_t count) {
  std::vector<std::uint8_t> pixels(count * 16);
  std::vector<std::int32_t> labels(count);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(37 * i % 251);
  for (std::size_t i = 0; i < count; ++i) labels[i] = static_cast<std::int32_t>(i % 3);
  return {std::move(pixels), std::move(labels), {4, 4}};
}

/// All that a source hands out.
template <class Source>
ll::BatchBuffer<float> read_all(const Source& source) {
  ll::BatchBuffer<float> buffer;
  buffer.resize(source.size(), source.features(), source.targets());
  for (std::size_t i = 0; i < source.size(); ++i) source.read(i, buffer.row(i, i));
  return buffer;
}

template <class A, class B>
void check_same(const A& a, const B& b) {
  REQUIRE(a.size() == b.size());
  const auto left = read_all(a), right = read_all(b);
  const auto x = left.batch(), y = right.batch();
  CHECK(std::vector<float>(x.inputs.begin(), x.inputs.end()) == std::vector<float>(y.inputs.begin(), y.inputs.end()));
  CHECK(std::vector<std::int32_t>(x.labels.begin(), x.labels.end()) ==
        std::vector<std::int32_t>(y.labels.begin(), y.labels.end()));
  CHECK(std::vector<float>(x.targets.begin(), x.targets.end()) ==
        std::vector<float>(y.targets.begin(), y.targets.end()));
  CHECK(std::vector<ll::OutputRange>(x.active.begin(), x.active.end()) ==
        std::vector<ll::OutputRange>(y.active.begin(), y.active.end()));
}

}  // namespace

TEST_CASE("cached examples are read as their source is, bit by bit", "[stream][cached]") {
  const auto rotated = ll::Examples<std::uint8_t>(images(40)).mapped(ll::FeatureMap::rotation(4, 4, 20));
  check_same(ll::CachedExamples<float>(rotated), rotated);
  check_same(ll::CachedExamples<float>(rotated, 1 << 20, ll::backend::OpenMP{2}), rotated);
  const auto shifted = rotated.relabeled(2, {2, 3});
  const ll::CachedExamples<float> cached(shifted);
  check_same(cached, shifted);
  auto copy = cached;
  check_same(copy, shifted);
  check_same(ll::CachedExamples<float>(std::move(copy)), shifted);
}

TEST_CASE("targets and no examples at all are cached too", "[stream][cached]") {
  const ll::Dataset<float> regression(std::vector<float>{1, 2, 3, 4}, std::vector<float>{5, 6}, 1, {2});
  check_same(ll::CachedExamples<float>(ll::Examples<float>(regression)), ll::Examples<float>(regression));
  const auto none = ll::Examples<std::uint8_t>(images(3)).first(0);
  CHECK(ll::CachedExamples<float>(none).size() == 0);
}

TEST_CASE("a cache keeps within its bound and its range", "[stream][cached]") {
  const auto examples = ll::Examples<std::uint8_t>(images(10));
  CHECK_NOTHROW(ll::CachedExamples<float>(examples, 10 * (17 * 4 + 28)));
  CHECK(test::message_of<ll::InvalidArgument>([&] { ll::CachedExamples<float>(examples, 10 * (17 * 4 + 28) - 1); }) ==
        "CachedExamples: 10 examples would take 960 bytes, but at most 959 are allowed");
  const ll::CachedExamples<float> cached(examples);
  ll::BatchBuffer<float> buffer;
  buffer.resize(1, 16, 0);
  CHECK_THROWS_AS(cached.read(10, buffer.row(0, 0)), ll::InvalidArgument);
}

}  // namespace cached_test
