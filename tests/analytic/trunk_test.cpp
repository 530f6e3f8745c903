// SPDX-License-Identifier: MIT
#include <lifelong/analytic/random_features.hpp>
#include <lifelong/analytic/random_filters.hpp>
#include <lifelong/analytic/trunk.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <lifelong/core/random.hpp>

#include "catch.hpp"

namespace trunk_test {

namespace ll = lifelong;
using ll::analytic::RandomFeatures;
using ll::analytic::RandomFilters;

static_assert(ll::analytic::Trunk<RandomFeatures<float>> && ll::analytic::Trunk<RandomFilters<double>>);

namespace {

template <class T>
std::vector<T> images(std::size_t values) {
  const ll::Random random(3);
  std::vector<T> made;
  for (std::size_t i = 0; i < values; ++i) made.push_back(static_cast<T>(std::max(0.0, random.normal(i))));
  return made;
}

/// Cell (row, column) of filter f, by the definition.
double slow_cell(const RandomFilters<double>& trunk, const std::vector<double>& image, std::size_t height,
                 std::size_t width, std::size_t side, std::size_t cells, std::size_t f, std::size_t row,
                 std::size_t column) {
  const std::size_t down = height - side + 1, across = width - side + 1;
  double total = 0;
  std::size_t count = 0;
  for (std::size_t y = down * row / cells; y < down * (row + 1) / cells; ++y)
    for (std::size_t x = across * column / cells; x < across * (column + 1) / cells; ++x, ++count) {
      double answer = 0;
      for (std::size_t r = 0; r < side; ++r)
        for (std::size_t c = 0; c < side; ++c) answer += trunk.tap(f, r, c) * image[(y + r) * width + x + c];
      total += std::max(answer, 0.0);
    }
  return total / static_cast<double>(count);
}

}  // namespace

TEST_CASE("random features are those of their rows, which have length 1") {
  const RandomFeatures<double> trunk(20, 35, 4);
  const std::vector<double> inputs = images<double>(60);
  std::vector<double> out(3 * 35);
  trunk.predict({3, 20, inputs}, out);
  for (std::size_t n = 0; n < 3; ++n)
    for (std::size_t j = 0; j < 35; ++j) {
      double value = 0, length = 0;
      for (std::size_t i = 0; i < 20; ++i) {
        value += trunk.row(j, i) * inputs[n * 20 + i];
        length += trunk.row(j, i) * trunk.row(j, i);
      }
      CHECK_THAT(length, test::WithinAbs(1, 1e-14));
      CHECK_THAT(out[n * 35 + j], test::WithinAbs(std::max(value, 0.0), 1e-13));
    }
  const RandomFeatures<double> same(20, 35, 4), other(20, 35, 5);
  CHECK(same.row(34, 19) == trunk.row(34, 19));
  CHECK(other.row(34, 19) != trunk.row(34, 19));
  CHECK(same.fingerprint() == trunk.fingerprint());
  CHECK(other.fingerprint() != trunk.fingerprint());
  CHECK_THROWS_AS(RandomFeatures<double>(20, 0), ll::InvalidArgument);
  CHECK_THROWS_AS(RandomFeatures<double>(std::size_t{1} << 60, 16), ll::OutOfMemory);
}

TEST_CASE("random filters are pooled answers of filters of mean 0 and length 1") {
  const std::size_t height = 13, width = 17, side = 4, cells = 3, filters = 21;
  const RandomFilters<double> trunk(height, width, {.filters = filters, .side = side, .cells = cells, .seed = 6});
  const std::vector<double> image = images<double>(height * width);
  std::vector<double> out(trunk.outputs());
  REQUIRE(out.size() == filters * cells * cells);
  trunk.predict({1, height * width, image}, out);
  for (std::size_t f = 0; f < filters; ++f) {
    double sum = 0, length = 0;
    for (std::size_t k = 0; k < side * side; ++k) {
      const double tap = trunk.tap(f, k / side, k % side);
      sum += tap;
      length += tap * tap;
    }
    CHECK_THAT(sum, test::WithinAbs(0, 1e-14));
    CHECK_THAT(length, test::WithinAbs(1, 1e-14));
    for (std::size_t cell = 0; cell < cells * cells; ++cell)
      CHECK_THAT(
          out[cell * filters + f],
          test::WithinAbs(slow_cell(trunk, image, height, width, side, cells, f, cell / cells, cell % cells), 1e-13));
  }
}

TEST_CASE("random filters say what they cannot be") {
  CHECK(RandomFilters<float>(28, 28).outputs() == 1600);
  CHECK(test::message_of<ll::InvalidArgument>([] { RandomFilters<float>(28, 6); }) ==
        "RandomFilters.side must be from 1 to the smaller side of the image, 6, but is 7");
  CHECK_THROWS_AS(RandomFilters<float>(10, 10), ll::InvalidArgument);  // 4 places, 5 cells
  CHECK_THROWS_AS(RandomFilters<float>(28, 28, {.filters = 0}), ll::InvalidArgument);
  std::vector<float> image(28 * 28), out(10);
  CHECK_THROWS_AS(RandomFilters<float>(28, 28).predict({1, 28 * 28, image}, out), ll::ShapeMismatch);
}

}  // namespace trunk_test
