// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <lifelong/io/npy_dataset.hpp>

#include "catch.hpp"
#include "folder.hpp"

namespace npy_dataset_test {

namespace ll = lifelong;
using ll::io::NpyArray;
using test::ContainsSubstring;

namespace {

template <class T>
NpyArray array(const std::string& name, std::vector<std::size_t> shape, const std::vector<T>& values) {
  return {name, std::string(ll::io::npy_detail::dtype_of<T>), std::move(shape),
          ll::io::io_detail::to_little_endian(std::span<const T>(values))};
}

/// What a half is, by its definition.
double half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
  double size = exponent == 0 ? fraction : fraction + 1024;
  for (int e = exponent == 0 ? 1 : exponent; e < 25; ++e) size /= 2;
  for (int e = 25; e < exponent; ++e) size *= 2;
  return bits >> 15 != 0 ? -size : size;
}

template <class S = float>
std::string refusal(const NpyArray& features, const NpyArray& answers) {
  return test::message_of<ll::FormatError>([&] { (void)ll::io::npy_dataset<S>(features, answers); });
}

}  // namespace

TEST_CASE("every half becomes the float that it is") {
  std::size_t infinite = 0, not_a_number = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto of = static_cast<std::uint16_t>(bits);
    const float value = ll::io::io_detail::from_half(of);
    if ((bits & 0x7c00) != 0x7c00) {
      REQUIRE(static_cast<double>(value) == half(of));
      REQUIRE(std::signbit(value) == (bits >> 15 != 0));
    } else {
      REQUIRE(!ll::detail::is_finite(value));
      ++((bits & 0x3ff) == 0 ? infinite : not_a_number);
      REQUIRE((value != value) == ((bits & 0x3ff) != 0));
    }
  }
  CHECK(infinite == 2);
  CHECK(not_a_number == 2 * 1023);
}

TEST_CASE("halves of either byte order are floats") {
  NpyArray halves = array<std::uint16_t>("x.npy", {3}, {0x3c00, 0xc100, 0x0001});
  halves.dtype = "<f2";
  CHECK(halves.values<float>() == std::vector<float>{1, -2.5F, 0x1p-24F});
  halves.visit([](const auto& values) { CHECK(values.size() == 3); });
  CHECK_THROWS_AS(halves.values<double>(), ll::FormatError);
  CHECK_THROWS_AS(halves.values<std::uint16_t>(), ll::FormatError);
  CHECK_THAT(test::message_of<ll::FormatError>([&] { (void)halves.labels(); }), ContainsSubstring("holds <f2"));

  std::string text("\x93NUMPY\x01\x00\x38\x00", 10);
  text += "{'descr': '>f2', 'fortran_order': True, 'shape': (2, 2)}";
  text += std::string("\x3c\x00\x40\x00\x42\x00\x44\x00", 8);
  const NpyArray big = ll::io::parse_npy(std::as_bytes(std::span(text.data(), text.size())), "big.npy");
  CHECK(big.dtype == "<f2");
  CHECK(big.values<float>() == std::vector<float>{1, 3, 2, 4});
}

TEMPLATE_TEST_CASE("features of any type become floats", "", std::int8_t, std::uint8_t, std::int16_t, std::uint16_t,
                   std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, float, double) {
  const auto features = array<TestType>("x.npy", {3, 1, 2}, {0, 1, 2, 3, 100, 127});
  const auto data = ll::io::npy_dataset(features, array<std::int64_t>("y.npy", {3, 1}, {2, 0, 1}));
  CHECK(data.size() == 3);
  CHECK(data.shape() == std::vector<std::size_t>{1, 2});
  CHECK(data.scale() == 1);
  CHECK(std::ranges::equal(data.inputs(), std::vector<float>{0, 1, 2, 3, 100, 127}));
  CHECK(std::ranges::equal(data.labels(), std::vector<std::int32_t>{2, 0, 1}));
  const auto of_doubles = ll::io::npy_dataset<double>(features, array<std::uint8_t>("y.npy", {3}, {2, 0, 1}));
  CHECK(std::ranges::equal(of_doubles.inputs(), std::vector<double>{0, 1, 2, 3, 100, 127}));
}

TEST_CASE("answers are labels if they are whole numbers, else targets") {
  const auto features = array<float>("x.npy", {2}, {1, 2});
  const auto classes = ll::io::npy_dataset(features, array<std::uint64_t>("y.npy", {2}, {0, 5}));
  CHECK(classes.classes() == 6);
  CHECK(classes.targets() == 0);
  CHECK(classes.shape() == std::vector<std::size_t>{1});
  const auto targets = ll::io::npy_dataset(features, array<double>("y.npy", {2, 3}, {0, 1, 2, 3, 4, 5.5}));
  CHECK(targets.targets() == 3);
  CHECK(std::ranges::equal(targets.target_values(), std::vector<float>{0, 1, 2, 3, 4, 5.5F}));
  CHECK(ll::io::npy_dataset(features, array<float>("y.npy", {2}, {1, 2})).targets() == 1);

  const auto bytes = ll::io::npy_dataset<std::uint8_t>(array<std::int64_t>("x.npy", {2}, {0, 255}),
                                                       array<float>("y.npy", {2}, {1, 2}));
  CHECK(bytes.scale() == 1.0 / 255);
  CHECK(std::ranges::equal(bytes.inputs(), std::vector<std::uint8_t>{0, 255}));
}

TEST_CASE("numbers that the data set cannot have are refused by name") {
  const auto y = array<std::uint8_t>("y.npy", {2}, {0, 1});
  constexpr std::int32_t exact = 1 << 24;
  CHECK(ll::io::npy_dataset(array<std::int32_t>("x.npy", {2}, {exact, -exact}), y).inputs()[1] == -0x1p24F);
  CHECK(refusal(array<std::int32_t>("x.npy", {2}, {0, exact + 1}), y) ==
        "'x.npy'[1] is 16777217, which <f4 does not have: save x.astype('<f8') and read that type");
  CHECK_THAT(refusal(array<std::int64_t>("x.npy", {2}, {0, -exact - 1}), y), ContainsSubstring("'x.npy'[1] is"));
  CHECK_THAT(refusal(array<double>("x.npy", {2}, {0, 1e39}), y), ContainsSubstring("'x.npy'[1] is 1e+39"));
  CHECK_THAT(refusal<double>(array<std::uint64_t>("x.npy", {2}, {0, (std::uint64_t{1} << 53) + 1}), y),
             ContainsSubstring("9007199254740993"));
  CHECK_THAT(refusal<std::uint8_t>(array<std::int16_t>("x.npy", {2}, {0, 256}), y), ContainsSubstring("is 256"));
  CHECK_THAT(refusal<std::uint8_t>(array<std::int16_t>("x.npy", {2}, {-1, 0}), y), ContainsSubstring("is -1"));
  CHECK_THAT(refusal<std::uint8_t>(array<float>("x.npy", {2}, {1, 0}), y), ContainsSubstring("|u1 does not have"));
  // A number that is none stays, and whoever reads the example is told.
  const double none = std::numeric_limits<double>::quiet_NaN();
  CHECK(!ll::detail::is_finite(ll::io::npy_dataset(array<double>("x.npy", {2}, {0, none}), y).inputs()[1]));
}

TEST_CASE("features and answers must belong together") {
  const auto x = array<float>("x.npy", {2, 3}, std::vector<float>(6));
  CHECK(refusal(x, array<std::uint8_t>("y.npy", {3}, {0, 1, 2})) == "'x.npy' has 2 examples, but 'y.npy' has 3 labels");
  CHECK(refusal(x, array<float>("y.npy", {1, 2}, {0, 1})) == "'x.npy' has 2 examples, but 'y.npy' has 1 targets");
  CHECK_THAT(refusal(x, array<std::uint8_t>("y.npy", {2, 2}, {0, 1, 0, 1})),
             ContainsSubstring("'y.npy' has 2 dimensions (2 x 2)") && ContainsSubstring("y.argmax(axis=1)"));
  CHECK(refusal(x, array<std::int8_t>("y.npy", {2}, {0, -1})) ==
        "'y.npy'[1] is -1, but classes count from 0 to 2147483647");
  CHECK(refusal(array<float>("x.npy", {}, {1}), array<float>("y.npy", {1}, {1})) ==
        "'x.npy' is a single value, not the features of examples");
  CHECK(refusal(array<float>("x.npy", {1}, {1}), array<float>("y.npy", {}, {1})) ==
        "'y.npy' is a single value, not the targets of examples");
  CHECK(refusal(array<float>("x.npy", {0, 3}, {}), array<float>("y.npy", {0}, {})) == "'x.npy' has no features: 0 x 3");
  CHECK(refusal(array<float>("x.npy", {1}, {1}), array<float>("y.npy", {1, 0}, {})) == "'y.npy' has no targets: 1 x 0");
}

TEST_CASE("a data set is read from two NPY files") {
  const test::Folder folder;
  const std::string x = folder.path() + "/x.npy", y = folder.path() + "/y.npy";
  ll::io::write_npy<std::int16_t>(x, {2, 2}, std::vector<std::int16_t>{1, -2, 3, -4});
  ll::io::write_npy<std::uint16_t>(y, {2}, std::vector<std::uint16_t>{1, 0});
  const auto data = ll::io::read_npy_dataset(x, y);
  CHECK(std::ranges::equal(data.inputs(), std::vector<float>{1, -2, 3, -4}));
  CHECK(std::ranges::equal(data.labels(), std::vector<std::int32_t>{1, 0}));
  CHECK_THROWS_AS(ll::io::read_npy_dataset(x, y, 7), ll::FormatError);
  CHECK_THROWS_AS(ll::io::read_npy_dataset(x, folder.path() + "/none"), ll::FileError);
}

}  // namespace npy_dataset_test
