// SPDX-License-Identifier: MIT
// Shapes that are known on both sides have to be the same.
#include <lifelong/stream/cached.hpp>
#include <lifelong/stream/joined.hpp>
#include <lifelong/stream/permuted.hpp>
#include <lifelong/stream/rotated.hpp>
#include <lifelong/stream/shape.hpp>
#include <lifelong/stream/split.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "catch.hpp"

namespace shape_test {

namespace ll = lifelong;

namespace {

using Extents = std::vector<std::size_t>;

std::size_t product(const Extents& shape) {
  std::size_t values = 1;
  for (const std::size_t extent : shape) values *= extent;
  return values;
}

ll::Dataset<float> of_shape(const Extents& shape, std::size_t count = 2) {
  return {std::vector<float>(count * product(shape)), std::vector<std::int32_t>(count), shape};
}

/// What is known of a network's inputs.
struct Shape {
  Extents extents;
  std::size_t rank() const { return extents.size(); }
  std::size_t operator[](std::size_t k) const { return extents[k]; }
};
struct Network {
  Extents shape;
  Shape input_shape() const { return {shape}; }
  std::size_t inputs() const { return product(shape); }
};
struct Flat {
  std::size_t count;
  std::size_t inputs() { return count; }  // not const
};
struct Anything {};

bool takes(const Extents& network, const Extents& data) {
  try {
    Network model{network};
    ll::detail::require_shape(of_shape(data), model);
    return true;
  } catch (const ll::ShapeMismatch&) {
    return false;
  }
}

}  // namespace

TEST_CASE("a network takes data of its own shape, and data that only have its size", "[stream][shape]") {
  CHECK(takes({3, 8, 6}, {3, 8, 6}));
  CHECK_FALSE(takes({3, 8, 6}, {8, 6, 3}));
  CHECK_FALSE(takes({3, 8, 6}, {3, 6, 8}));
  CHECK(takes({3, 8, 6}, {144}));
  CHECK(takes({144}, {3, 8, 6}));
  CHECK_FALSE(takes({3, 8, 6}, {24, 6}));
  CHECK(takes({1, 28, 28}, {28, 28}));
  CHECK(takes({1, 28, 28}, {28, 28, 1}));
  CHECK(takes({28, 28}, {784, 1}));
  CHECK_FALSE(takes({1, 28, 28}, {27, 28}));
  CHECK_FALSE(takes({144}, {143}));
}

TEST_CASE("a shape that does not fit is named with the one that is needed", "[stream][shape][errors]") {
  Network model{{3, 8, 6}};
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          ll::detail::require_shape(of_shape({8, 6, 3}), model);
        }) == "the examples are 8 x 6 x 3 where the network takes 3 x 8 x 6");
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          ll::detail::require_shape(of_shape({3, 8, 5}), model);
        }) == "the examples have 120 features where the network takes 144");
  Flat flat{144};
  CHECK_NOTHROW(ll::detail::require_shape(of_shape({8, 6, 3}), flat));
  CHECK_THROWS_AS(ll::detail::require_shape(of_shape({8}), flat), ll::ShapeMismatch);
  Anything anything;
  CHECK_NOTHROW(ll::detail::require_shape(of_shape({8}), anything));
}

TEST_CASE("a view has the shape of its data unless features were put elsewhere", "[stream][shape]") {
  const ll::Examples<float> images(of_shape({3, 4, 5}, 6));
  const Extents shape{3, 4, 5}, flat{60};
  CHECK(images.shape() == shape);
  CHECK(images.subset({4, 2}).first(1).shape() == shape);
  const auto turned = images.mapped(ll::FeatureMap::rotation(4, 5, 20, 3));
  CHECK(turned.shape() == shape);
  const auto permuted = images.mapped(ll::FeatureMap::permutation(60, ll::Random{1}));
  CHECK(permuted.shape() == flat);
  CHECK(ll::CachedExamples<float>(turned).shape() == shape);
  CHECK(ll::CachedExamples<float>(permuted).shape() == flat);
  CHECK(ll::Joined<float>({images, turned}).shape() == shape);
  CHECK(ll::Joined<float>({images, permuted, turned}).shape() == flat);
}

TEST_CASE("images of different shapes are no one task, part or stream", "[stream][shape][errors]") {
  const auto first = of_shape({3, 4, 4}), last = of_shape({4, 4, 3});
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          ll::Joined<float>({first, last});
        }) == "the examples of part 1 of Joined are 4 x 4 x 3, others are 3 x 4 x 4");
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          ll::Stream<float>({{"one", first, last}}, 1);
        }) == "the examples of test of task 'one' are 4 x 4 x 3, others are 3 x 4 x 4");
  const ll::SplitData<float> mixed{first, last};
  CHECK_THROWS_AS(ll::stream::permuted(mixed, 1), ll::ShapeMismatch);
  CHECK_THROWS_AS(ll::stream::split(mixed, 1), ll::ShapeMismatch);
  CHECK_NOTHROW(ll::stream::permuted(ll::SplitData<float>{first, of_shape({48})}, 2));
}

TEST_CASE("a rotation turns images of its own height and width only", "[stream][shape][errors]") {
  const auto turn = ll::FeatureMap::rotation(8, 6, 20, 3);
  CHECK_NOTHROW(ll::Examples<float>(of_shape({3, 8, 6})).mapped(turn));
  CHECK_NOTHROW(ll::Examples<float>(of_shape({144})).mapped(turn));
  CHECK_NOTHROW(ll::Examples<float>(of_shape({8, 6, 1})).mapped(ll::FeatureMap::rotation(8, 6, 20)));
  CHECK_NOTHROW(ll::Examples<float>(of_shape({2, 3, 8, 6})).mapped(ll::FeatureMap::rotation(8, 6, 20, 6)));
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          (void)ll::Examples<float>(of_shape({8, 6, 3})).mapped(turn);
        }) == "a rotation of images of 8 x 6 cannot turn examples of 8 x 6 x 3, whose last two extents are others");
  CHECK_THROWS_AS(ll::Examples<float>(of_shape({3, 6, 8})).mapped(turn), ll::ShapeMismatch);
}

}  // namespace shape_test
