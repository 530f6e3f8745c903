// SPDX-License-Identifier: MIT
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/example_source.hpp>

#include "catch.hpp"

namespace dataset_test {

namespace ll = lifelong;

static_assert(ll::ExampleSource<ll::Dataset<std::uint8_t>, float>);
static_assert(ll::ExampleSource<ll::Dataset<float>, double>);
static_assert(ll::ExampleSource<ll::Dataset<double>, float>);

namespace {

template <class T>
struct Row {
  Row(std::size_t features, std::size_t targets = 0) : inputs(features, T(-9)), values(targets, T(-9)) {}
  operator ll::ExampleRow<T>() { return {inputs, label, values, active, weight, length}; }
  std::vector<T> inputs;
  T weight = 1;
  std::uint32_t length = 0;
  std::int32_t label = 0;
  std::vector<T> values;
  ll::OutputRange active;
};

template <class X, class Y>
concept makes_floats = requires(X&& x, Y&& y) {
  ll::Dataset<float>(std::forward<X>(x), std::forward<Y>(y), {2});
};

template <class X, class Y>
concept views_floats = requires(X&& x, Y&& y) {
  ll::Dataset<float>::view(std::forward<X>(x), std::forward<Y>(y), {2});
};

/// A data set whose vectors are gone when it is used.
template <class Make>
auto made_of_locals(const Make& make) {
  const std::vector<float> inputs{1, 2, 3, 4};
  const std::vector<std::int32_t> labels{0, 1};
  const std::vector<float> targets{5, 6};
  return make(inputs, labels, targets);
}

}  // namespace

TEST_CASE("a dataset made from vectors that live on owns copies of them") {
  const auto classes = made_of_locals(
      [](const auto& inputs, const auto& labels, const auto&) { return ll::Dataset<float>(inputs, labels, {2}); });
  CHECK(std::vector<float>(classes.inputs().begin(), classes.inputs().end()) == std::vector<float>{1, 2, 3, 4});
  CHECK(classes.labels()[1] == 1);
  const auto reals = made_of_locals(
      [](const auto& inputs, const auto&, const auto& targets) { return ll::Dataset<float>(inputs, targets, 1, {2}); });
  CHECK(reals.input(1)[1] == 4);
  CHECK(reals.target_values()[1] == 6);

  std::vector<float> inputs{1, 2};
  const ll::Dataset<float> mixed(inputs, std::vector<std::int32_t>{0}, {2});
  inputs[0] = 9;
  CHECK(mixed.inputs()[0] == 1);
  CHECK(mixed.inputs().data() != inputs.data());
}

TEST_CASE("a dataset that is a view of arrays is one by name, and so are its copies") {
  const std::vector<float> inputs{1, 2, 3, 4, 5, 6};
  std::vector<std::int32_t> labels{0, 4, 2};
  const auto data = ll::Dataset<float>::view(inputs, labels, {1, 2});
  const ll::Dataset<float> copy = data;
  CHECK(copy.inputs().data() == inputs.data());
  CHECK(copy.labels().data() == labels.data());
  CHECK(copy.input(2).data() == inputs.data() + 4);
  CHECK(data.size() == 3);
  CHECK(data.features() == 2);
  CHECK(data.targets() == 0);
  CHECK(data.classes() == 5);
  CHECK(data.shape() == std::vector<std::size_t>{1, 2});
  CHECK(data.scale() == 1);
}

TEST_CASE("a dataset made from rvalues owns them without copying, together with its copies") {
  std::vector<std::uint8_t> inputs{0, 51, 255, 1};
  const std::uint8_t* where = inputs.data();
  auto data = std::make_unique<ll::Dataset<std::uint8_t>>(std::move(inputs), std::vector<std::int32_t>{1, 0},
                                                          std::vector<std::size_t>{2});
  const ll::Dataset<std::uint8_t> copy = *data;
  data.reset();
  CHECK(copy.inputs().data() == where);
  CHECK(copy.inputs()[2] == 255);
  CHECK(copy.labels()[0] == 1);
}

TEST_CASE("an owner lives as long as the last copy") {
  struct Arrays {
    explicit Arrays(int& c) : count(&c) {}
    Arrays(Arrays&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
    ~Arrays() {
      if (count != nullptr) ++*count;
    }
    std::vector<double> inputs{1, 2};
    int* count;
  };
  int freed = 0;
  std::optional<ll::Shared<Arrays>> arrays(Arrays{freed});
  const std::vector<std::int32_t> labels{0};
  std::optional<ll::Dataset<double>> data, copy;
  data.emplace(std::span((*arrays)->inputs), std::span(labels), std::vector<std::size_t>{2}, *arrays);
  copy = data;
  arrays.reset();
  data.reset();
  CHECK(freed == 0);
  CHECK(copy->input(0)[1] == 2);
  copy.reset();
  CHECK(freed == 1);
}

TEST_CASE("what views and does not say so does not compile") {
  using X = std::vector<float>;
  using Y = std::vector<std::int32_t>;
  STATIC_REQUIRE(makes_floats<X&, Y&>);
  STATIC_REQUIRE(makes_floats<const X&, const Y&>);
  STATIC_REQUIRE(makes_floats<X, Y>);
  STATIC_REQUIRE(makes_floats<X&, Y>);
  STATIC_REQUIRE(makes_floats<std::span<float>, std::span<std::int32_t>>);
  STATIC_REQUIRE(makes_floats<std::span<const float, 4>, std::span<const std::int32_t, 2>>);
  STATIC_REQUIRE_FALSE(makes_floats<X&, std::span<std::int32_t>>);
  STATIC_REQUIRE_FALSE(makes_floats<std::span<float>, Y&>);
  STATIC_REQUIRE_FALSE(makes_floats<std::array<float, 4>&, std::array<std::int32_t, 2>&>);
  STATIC_REQUIRE_FALSE(makes_floats<float(&)[4], std::int32_t(&)[2]>);
  STATIC_REQUIRE_FALSE(makes_floats<std::span<double>, std::span<std::int32_t>>);
  STATIC_REQUIRE(views_floats<X&, Y&>);
  STATIC_REQUIRE(views_floats<const X&, const Y&>);
  STATIC_REQUIRE(views_floats<std::array<float, 4>&, std::span<std::int32_t>>);
  STATIC_REQUIRE(views_floats<std::span<float>, const std::span<const std::int32_t, 2>>);
  STATIC_REQUIRE_FALSE(views_floats<X, Y&>);
  STATIC_REQUIRE_FALSE(views_floats<X&, const Y>);
  STATIC_REQUIRE_FALSE(views_floats<std::array<float, 4>, Y&>);
}

TEST_CASE("reading scales bytes by 1/255 and leaves floats exact") {
  const std::vector<std::uint8_t> bytes{0, 255, 51, 102};
  const std::vector<std::int32_t> labels{3, 1};
  const ll::Dataset<std::uint8_t> data(bytes, labels, {2});
  Row<float> row(2);
  data.read(0, ll::ExampleRow<float>(row));
  CHECK(row.inputs == std::vector<float>{0, 1});
  CHECK(row.label == 3);
  Row<double> wide(2);
  data.read(1, ll::ExampleRow<double>(wide));
  CHECK(wide.inputs == std::vector<double>{51 * (1.0 / 255), 102 * (1.0 / 255)});
  CHECK(wide.label == 1);

  data.with_scale(1).read(0, ll::ExampleRow<float>(row));
  CHECK(row.inputs == std::vector<float>{0, 255});
  CHECK(data.with_scale(2).inputs().data() == data.inputs().data());
  CHECK(data.scale() == 1.0 / 255);

  const std::vector<double> reals{0.1, -1e300};
  Row<double> exact(2);
  ll::Dataset<double>::view(reals, std::span(labels).first(1), {2}).read(0, ll::ExampleRow<double>(exact));
  CHECK(exact.inputs == reals);
}

TEST_CASE("regression targets are read row by row") {
  const std::vector<float> inputs{1, 2, 3};
  const std::vector<float> targets{10, 11, 20, 21, 30, 31};
  const ll::Dataset<float> data(inputs, targets, 2, {1});
  CHECK(data.size() == 3);
  CHECK(data.targets() == 2);
  CHECK(data.classes() == 0);
  CHECK(data.labels().empty());
  CHECK(ll::Dataset<float>::view(inputs, targets, 2, {1}).target_values().data() == targets.data());
  Row<double> row(1, 2);
  data.read(1, ll::ExampleRow<double>(row));
  CHECK(row.inputs == std::vector<double>{2});
  CHECK(row.values == std::vector<double>{20, 21});
  const ll::Dataset<float> owning(std::vector<float>{5}, std::vector<float>{6}, 1, {1});
  const ll::Dataset<float> copy = owning;
  CHECK(copy.target_values()[0] == 6);
}

TEST_CASE("sizes that do not belong together are refused") {
  const std::vector<float> inputs(12);
  const std::vector<std::int32_t> labels(3);
  using Data = ll::Dataset<float>;
  CHECK_NOTHROW(Data(inputs, labels, {2, 2}));
  CHECK(test::message_of<ll::ShapeMismatch>([&] { Data(inputs, labels, {5}); }) ==
        "Dataset has 12 inputs, which is not 3 labels of 5 inputs each");
  CHECK_THROWS_AS(Data(inputs, labels, {3}), ll::ShapeMismatch);
  CHECK_THROWS_AS(Data(inputs, labels, {12}), ll::ShapeMismatch);
  const std::vector<float> one_more(13);
  CHECK_THROWS_AS(Data(one_more, labels, {4}), ll::ShapeMismatch);
  CHECK_THROWS_AS(Data::view(inputs, std::span(labels).first(0), {4}), ll::ShapeMismatch);
  CHECK_THROWS_AS(Data(inputs, labels, std::vector<std::size_t>{}), ll::InvalidArgument);
  CHECK_THROWS_AS(Data(inputs, labels, {4, 0}), ll::InvalidArgument);
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max() / 2 + 1;
  CHECK_THROWS_AS(Data(inputs, labels, {huge, 2}), ll::InvalidArgument);
  CHECK_THROWS_AS(Data(inputs, labels, {huge + 2, 2}), ll::InvalidArgument);  // would wrap around to 4
  const std::vector<float> targets(7);
  CHECK_THROWS_AS(Data(inputs, targets, 2, {4}), ll::ShapeMismatch);
  CHECK_THROWS_AS(Data(inputs, targets, 1, {2}), ll::ShapeMismatch);
  CHECK_THROWS_AS(Data(inputs, targets, 0, {2}), ll::InvalidArgument);
  CHECK_THROWS_AS(Data(inputs, labels, {4}).with_scale(0), ll::InvalidArgument);
}

TEST_CASE("a negative label is named") {
  const std::vector<float> inputs(3);
  const std::vector<std::int32_t> labels{0, 1, -2};
  CHECK(test::message_of<ll::InvalidArgument>([&] { ll::Dataset<float>(inputs, labels, {1}); }) ==
        "Dataset.labels[2] is negative: -2");
  const std::vector<std::int32_t> largest{0, 1, std::numeric_limits<std::int32_t>::max()};
  CHECK(ll::Dataset<float>(inputs, largest, {1}).classes() == std::size_t{1} << 31);
}

TEST_CASE("reading what is not there, or into a row that does not fit, is refused") {
  const std::vector<float> inputs(4);
  const std::vector<std::int32_t> labels(2);
  const ll::Dataset<float> data(inputs, labels, {2});
  Row<float> row(2), narrow(1), extra(2, 1);
  CHECK_THROWS_AS(data.read(2, ll::ExampleRow<float>(row)), ll::InvalidArgument);
  CHECK_THROWS_AS(data.read(0, ll::ExampleRow<float>(narrow)), ll::ShapeMismatch);
  CHECK_THROWS_AS(data.read(0, ll::ExampleRow<float>(extra)), ll::ShapeMismatch);
  CHECK(ll::Dataset<float>(std::vector<float>{}, std::vector<std::int32_t>{}, {2}).size() == 0);
}

TEST_CASE("a scale that is no number in the reader's type is refused by name") {
  const ll::Dataset<double> data(std::vector<double>{1, 2}, std::vector<std::int32_t>{0}, {2});
  Row<float> narrow(2);
  Row<double> wide(2);
  for (const double scale : {1e-60, 1e60}) {
    const auto scaled = data.with_scale(scale);
    CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { scaled.read(0, ll::ExampleRow<float>(narrow)); }),
               test::ContainsSubstring("Dataset.scale"));
    CHECK_NOTHROW(scaled.read(0, ll::ExampleRow<double>(wide)));
  }
}

}  // namespace dataset_test
