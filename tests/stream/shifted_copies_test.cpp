// SPDX-License-Identifier: MIT
// Moved images against a crop from an image with a border, and how often each move comes.
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/shifted_copies.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace shifted_copies_test {

namespace ll = lifelong;

namespace {

constexpr std::size_t height = 5, width = 7, planes = 2, pixels = height * width;

/// Two examples of two planes; every value is another.
ll::Dataset<double> images() {
  std::vector<double> values;
  for (std::size_t i = 0; i < 2 * planes * pixels; ++i) values.push_back(static_cast<double>(1 + i));
  return {std::move(values), {3, 4}, {planes, height, width}};
}

struct Read {
  std::vector<double> inputs = std::vector<double>(planes * pixels);
  std::int32_t label = -1;
  ll::OutputRange active;
  double weight = 1;
  std::uint32_t length = 0;
  template <class Source>
  Read(const Source& source, std::size_t i) {
    source.read(i, ll::ExampleRow<double>{inputs, label, {}, active, weight, length});
  }
};

/// The crop of the image's size at (top, left) of the image with a border of `border` zeros.
std::vector<double> crop(const std::vector<double>& image, std::size_t border, std::size_t top, std::size_t left) {
  const std::size_t wide = width + 2 * border;
  std::vector<double> result;
  for (std::size_t p = 0; p < planes; ++p) {
    std::vector<double> padded((height + 2 * border) * wide);
    for (std::size_t r = 0; r < height; ++r)
      for (std::size_t c = 0; c < width; ++c)
        padded[(r + border) * wide + c + border] = image[p * pixels + r * width + c];
    for (std::size_t r = 0; r < height; ++r)
      for (std::size_t c = 0; c < width; ++c) result.push_back(padded[(top + r) * wide + left + c]);
  }
  return result;
}

}  // namespace

TEST_CASE("shifted copies are crops from the image with a border, each as likely") {
  const auto data = images();
  constexpr std::size_t border = 2, copies = 5000;
  const ll::ShiftedCopies moved(data, height, width, {.copies = copies, .pixels = border, .seed = 6});
  REQUIRE(moved.size() == 2 * copies);
  CHECK(moved.shape() == std::vector<std::size_t>{planes, height, width});
  std::map<std::vector<double>, double> count;
  for (std::size_t i = 0; i < moved.size(); ++i) {
    const Read found(moved, i);
    CHECK(found.label == (i % 2 == 0 ? 3 : 4));
    ++count[found.inputs];
  }
  const double expected = copies / 25.0;
  double chi_square = 0;
  for (std::size_t example = 0; example < 2; ++example)
    for (std::size_t move = 0; move < 25; ++move) {
      const double found = count[crop(Read(data, example).inputs, border, move / 5, move % 5)];
      chi_square += (found - expected) * (found - expected) / expected;
    }
  CHECK(count.size() == 50);  // no other image comes
  CHECK(chi_square < 96);     // the 0.9999 quantile for 48 degrees of freedom
}

TEST_CASE("moves follow from the seed and the number alone") {
  const auto data = images();
  const ll::ShiftedCopies moved(data, height, width, {.copies = 9, .pixels = 3, .seed = 1});
  const ll::ShiftedCopies again(data, height, width, {.copies = 20, .pixels = 3, .seed = 1});
  const ll::ShiftedCopies other(data, height, width, {.copies = 9, .pixels = 3, .seed = 2});
  std::size_t differ = 0;
  for (std::size_t i = moved.size(); i-- > 0;) {
    CHECK(Read(moved, i).inputs == Read(again, i).inputs);
    differ += Read(moved, i).inputs == Read(other, i).inputs ? 0U : 1U;
  }
  CHECK(differ > 12);
  const ll::ShiftedCopies still(data, height, width, {.pixels = 0});
  CHECK(Read(still, 1).inputs == Read(data, 1).inputs);
}

TEST_CASE("shifted copies refuse what they cannot move") {
  const auto data = images();
  const auto refused = [&](std::size_t h, std::size_t w, ll::ShiftOptions options) {
    return test::message_of<ll::InvalidArgument>([&] { ll::ShiftedCopies(data, h, w, options); });
  };
  CHECK_THAT(refused(height, width, {.copies = 0}), test::ContainsSubstring("ShiftOptions.copies must be"));
  CHECK_THAT(refused(height, width, {.copies = ~std::size_t{0} / 2}), test::ContainsSubstring("cannot be counted"));
  CHECK_THAT(refused(height, width, {.pixels = 5}), test::ContainsSubstring("less than the sides of the image, 5"));
  CHECK_THAT(refused(0, width, {}), test::ContainsSubstring("sides of the image, 0"));
  CHECK_THROWS_AS(ll::ShiftedCopies(data, 6, 7), ll::ShapeMismatch);
  CHECK_THROWS_AS(ll::ShiftedCopies(data, ~std::size_t{0} / 2, 8), ll::ShapeMismatch);
  CHECK_THROWS_AS(Read(ll::ShiftedCopies(data, height, width), 2), ll::InvalidArgument);
}

}  // namespace shifted_copies_test
