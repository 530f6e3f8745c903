// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include <lifelong/stream/feature_map.hpp>

#include "catch.hpp"

namespace feature_map_test {

namespace ll = lifelong;

namespace {

template <class T = double, class S>
std::vector<T> applied(const ll::FeatureMap& map, const std::vector<S>& in, T scale = 1) {
  std::vector<T> out(map.identity() ? in.size() : map.outputs(), T(-99));
  map.apply(std::span<const S>(in), scale, std::span(out));
  return out;
}

/// Pixel of a row-major image, 0 outside.
double pixel(const std::vector<double>& image, int height, int width, int y, int x) {
  return y < 0 || y >= height || x < 0 || x >= width ? 0 : image[static_cast<std::size_t>(y * width + x)];
}

/// Clockwise rotation, one output pixel at a time, by interpolating along the rows and then between them.
std::vector<double> slow_rotation(const std::vector<double>& image, int height, int width, double degrees) {
  const double angle = degrees * std::acos(-1.0) / 180, cy = (height - 1) / 2.0, cx = (width - 1) / 2.0;
  std::vector<double> out;
  for (int row = 0; row < height; ++row)
    for (int column = 0; column < width; ++column) {
      const double up = cy - row, right = column - cx;  // mathematical axes: clockwise is a negative turn
      const double x = cx + right * std::cos(angle) - up * std::sin(angle);
      const double y = cy - (right * std::sin(angle) + up * std::cos(angle));
      const int y0 = static_cast<int>(std::floor(y)), x0 = static_cast<int>(std::floor(x));
      const auto along = [&](int r) {
        return pixel(image, height, width, r, x0) * (x0 + 1 - x) + pixel(image, height, width, r, x0 + 1) * (x - x0);
      };
      out.push_back(along(y0) * (y0 + 1 - y) + along(y0 + 1) * (y - y0));
    }
  return out;
}

std::vector<double> random_image(std::size_t size) {
  std::vector<double> image(size);
  for (std::size_t i = 0; i < size; ++i) image[i] = ll::Random{5}.uniform(i);
  return image;
}

using Image = std::vector<double>;

}  // namespace

TEST_CASE("a map made by default, or a whole turn, is the identity") {
  const Image image = random_image(12);
  CHECK(applied(ll::FeatureMap{}, image) == image);
  CHECK(ll::FeatureMap::rotation(3, 4, GENERATE(0.0, 360.0, -720.0)).identity());
  CHECK(applied<float>(ll::FeatureMap{}, std::vector<std::uint8_t>{0, 51, 255}, 1.0f / 255) ==
        std::vector<float>{0, 51 * (1.0f / 255), 1});
}

TEST_CASE("quarter turns of a square image move pixels exactly") {
  const Image image{1, 2, 3,  //
                    4, 5, 6,  //
                    7, 8, 9};
  const Image clockwise{7, 4, 1,  //
                        8, 5, 2,  //
                        9, 6, 3};
  const Image half{9, 8, 7, 6, 5, 4, 3, 2, 1};
  const Image counter{3, 6, 9, 2, 5, 8, 1, 4, 7};
  CHECK(applied(ll::FeatureMap::rotation(3, 3, 90), image) == clockwise);
  CHECK(applied(ll::FeatureMap::rotation(3, 3, 180), image) == half);
  CHECK(applied(ll::FeatureMap::rotation(3, 3, 270), image) == counter);
  CHECK(applied(ll::FeatureMap::rotation(3, 3, -90), image) == counter);
  CHECK(applied(ll::FeatureMap::rotation(3, 3, 450), image) == clockwise);
  CHECK(ll::FeatureMap::rotation(28, 28, 90).taps() == 1);
}

TEST_CASE("turns of 2 x 3 images, by hand") {
  const Image image{1, 2, 3,  //
                    4, 5, 6};
  CHECK(applied(ll::FeatureMap::rotation(2, 3, 180), image) == Image{6, 5, 4, 3, 2, 1});
  // Centre (1/2, 1). Output (0, 0) lies at (-1/2, -1) from it and comes from (1, -1/2), which is pixel (3/2, 1/2):
  // half outside, half between 4 and 5. Output (0, 1) comes from pixel (1/2, 1/2), between 1, 2, 4, 5.
  CHECK(applied(ll::FeatureMap::rotation(2, 3, 90), image) == Image{(4 + 5) / 4.0, (1 + 2 + 4 + 5) / 4.0,
                                                                    (1 + 2) / 4.0,  //
                                                                    (5 + 6) / 4.0, (2 + 3 + 5 + 6) / 4.0,
                                                                    (2 + 3) / 4.0});
}

TEST_CASE("a quarter turn of a 1 x 3 image loses its ends") {
  CHECK(applied(ll::FeatureMap::rotation(1, 3, 90), Image{1, 2, 3}) == Image{0, 2, 0});
}

TEST_CASE("bilinear rotation equals the slow, obvious one") {
  const double degrees = GENERATE(20.0, 40.0, 45.0, 80.0, 123.4, -17.0, 181.0, 89.999);
  const auto [height, width] = GENERATE(table<int, int>({{28, 28}, {5, 8}, {7, 3}}));
  const Image image = random_image(static_cast<std::size_t>(height * width));
  const Image expected = slow_rotation(image, height, width, degrees);
  const Image actual = applied(
      ll::FeatureMap::rotation(static_cast<std::size_t>(height), static_cast<std::size_t>(width), degrees), image);
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) CHECK_THAT(actual[i], test::WithinAbs(expected[i], 2e-7));
}

TEST_CASE("planes are turned each for itself") {
  CHECK(applied(ll::FeatureMap::rotation(2, 2, 90, 2), Image{1, 2, 3, 4, 5, 6, 7, 8}) == Image{3, 1, 4, 2, 7, 5, 8, 6});
}

TEST_CASE("bytes into floats are scaled") {
  const ll::FeatureMap map = ll::FeatureMap::rotation(2, 2, 90);
  CHECK(applied<float>(map, std::vector<std::uint8_t>{0, 51, 102, 255}, 0.5f) ==
        std::vector<float>{51, 0, 127.5f, 25.5f});
}

TEST_CASE("a permutation moves every feature once, by its seed alone") {
  Image image(784);
  for (std::size_t i = 0; i < 784; ++i) image[i] = static_cast<double>(i);
  const Image once = applied(ll::FeatureMap::permutation(784, ll::Random{1, ll::Purpose::permutation, 1}), image);
  std::vector<int> seen(784);
  for (const double value : once) ++seen[static_cast<std::size_t>(value)];
  CHECK(seen == std::vector<int>(784, 1));
  CHECK(once != image);
  CHECK(once == applied(ll::FeatureMap::permutation(784, ll::Random{1, ll::Purpose::permutation, 1}), image));
  CHECK(once != applied(ll::FeatureMap::permutation(784, ll::Random{1, ll::Purpose::permutation, 2}), image));
}

TEST_CASE("the user's own map may change the number of features and use any number of taps") {
  const ll::FeatureMap pairs{4, 2, {0, 1, 2, 3}, {0.5f, 0.5f, 1, -1}};
  CHECK(pairs.outputs() == 2);
  CHECK(applied(pairs, Image{1, 3, 7, 5}) == Image{2, 2});
  const ll::FeatureMap wide{2, 5, {0, 0, 0, 0, 1}, {1, 1, 1, 1, 1}};
  CHECK(applied(wide, Image{1, 10}) == Image{14});
}

TEST_CASE("copies share their tables") {
  const ll::FeatureMap map = ll::FeatureMap::rotation(4, 4, 30);
  const ll::FeatureMap copy = map;
  CHECK(copy.index().data() == map.index().data());
  CHECK(copy.weight().data() == map.weight().data());
}

TEST_CASE("maps that cannot be are refused") {
  const float nan = std::nanf("");
  CHECK_THROWS_AS((ll::FeatureMap{4, 0, {}, {}}), ll::InvalidArgument);
  CHECK_THROWS_AS((ll::FeatureMap{4, 2, {0, 1, 2}, {1, 1, 1}}), ll::ShapeMismatch);
  CHECK_THROWS_AS((ll::FeatureMap{4, 1, {0, 1}, {1}}), ll::ShapeMismatch);
  CHECK_THROWS_AS((ll::FeatureMap{4, 1, {0, 1}, {1, nan}}), ll::InvalidArgument);
  CHECK(test::message_of<ll::InvalidArgument>([] {
          ll::FeatureMap{4, 1, {0, 4}, {1, 1}};
        }) == "FeatureMap.index[1] is 4, but there are only 4 inputs");
  CHECK_THROWS_AS(ll::FeatureMap::rotation(3, 3, std::nan("")), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::FeatureMap::rotation(3, 3, HUGE_VAL), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::FeatureMap::rotation(0, 3, 10), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::FeatureMap::rotation(std::size_t{1} << 32, std::size_t{1} << 32, 10), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::FeatureMap::permutation(std::size_t{1} << 33, ll::Random{0}), ll::InvalidArgument);
}

TEST_CASE("arrays that do not fit a map are refused") {
  const ll::FeatureMap map = ll::FeatureMap::rotation(2, 2, 90);
  const Image four(4), five(5);
  Image out(4), less(3);
  CHECK_THROWS_AS(map.apply(std::span(five), 1.0, std::span(out)), ll::ShapeMismatch);
  CHECK_THROWS_AS(map.apply(std::span(four), 1.0, std::span(less)), ll::ShapeMismatch);
  CHECK_THROWS_AS(ll::FeatureMap{}.apply(std::span(four), 1.0, std::span(less)), ll::ShapeMismatch);
}

}  // namespace feature_map_test
