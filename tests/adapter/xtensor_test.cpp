// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <lifelong/lifelong.hpp>
#include <lifelong/xtensor.hpp>

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xarray.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include "catch.hpp"

namespace xtensor_test {

namespace ll = lifelong;

namespace {

template <class X, class Y>
concept makes_dataset = requires(X&& x, Y&& y) {
  ll::xtensor::dataset(std::forward<X>(x), std::forward<Y>(y));
};

using Inputs = xt::xarray<float>;
using Labels = xt::xtensor<std::int32_t, 1>;

}  // namespace

TEST_CASE("xtensor arrays become a data set without a copy") {
  const xt::xarray<std::uint8_t> images = xt::xarray<std::uint8_t>::from_shape({3, 2, 4});
  const Labels labels{2, 0, 1};
  const ll::Dataset<std::uint8_t> data = ll::xtensor::dataset(images, labels);
  CHECK(data.inputs().data() == images.data());
  CHECK(data.labels().data() == labels.data());
  CHECK(data.size() == 3);
  CHECK(data.shape() == std::vector<std::size_t>{2, 4});
  CHECK(data.classes() == 3);

  const std::vector<std::int32_t> vector{1, 1, 1};
  CHECK(ll::xtensor::dataset(images, vector).labels().data() == vector.data());
  const xt::xtensor<double, 1> line{1, 2, 3};
  CHECK(ll::xtensor::dataset(line, labels).features() == 1);
}

TEST_CASE("real targets become a regression data set") {
  const xt::xtensor<float, 2> inputs{{1, 2}, {3, 4}};
  const xt::xtensor<float, 2> targets{{1, 2, 3}, {4, 5, 6}};
  const ll::Dataset<float> data = ll::xtensor::dataset(inputs, targets);
  CHECK(data.targets() == 3);
  CHECK(data.target_values().data() == targets.data());
  const xt::xtensor<float, 1> one_each{1, 2};
  CHECK(ll::xtensor::dataset(inputs, one_each).targets() == 1);
}

TEST_CASE("temporaries are refused while compiling") {
  STATIC_REQUIRE(makes_dataset<Inputs&, Labels&>);
  STATIC_REQUIRE(makes_dataset<const Inputs&, const Labels&>);
  STATIC_REQUIRE(makes_dataset<Inputs&, std::vector<std::int32_t>&>);
  STATIC_REQUIRE(makes_dataset<Inputs&, std::span<const std::int32_t>>);
  STATIC_REQUIRE_FALSE(makes_dataset<Inputs, Labels&>);
  STATIC_REQUIRE_FALSE(makes_dataset<Inputs&, Labels>);
  STATIC_REQUIRE_FALSE(makes_dataset<const Inputs, const Labels>);
  STATIC_REQUIRE_FALSE(makes_dataset<Inputs, std::span<const std::int32_t>>);
  STATIC_REQUIRE_FALSE(makes_dataset<Inputs&, std::vector<std::int32_t>>);
}

TEST_CASE("arrays in another order, or of different length, are refused") {
  const Labels labels{0, 1};
  const xt::xarray<float, xt::layout_type::column_major> columns = {{1, 2}, {3, 4}};
  CHECK_THROWS_AS(ll::xtensor::dataset(columns, labels), ll::InvalidArgument);
  const Inputs rows = {{1, 2}, {3, 4}, {5, 6}};
  CHECK_THROWS_AS(ll::xtensor::dataset(rows, labels), ll::ShapeMismatch);
  const xt::xtensor<float, 2> targets{{1, 2, 3}, {4, 5, 6}};
  CHECK_THROWS_AS(ll::xtensor::dataset(rows, targets), ll::ShapeMismatch);
  const Inputs scalar = 1.0f;
  CHECK_THROWS_AS(ll::xtensor::dataset(scalar, labels), ll::ShapeMismatch);
}

TEST_CASE("a span is seen as an xtensor array, in place") {
  std::vector<float> parameters{1, 2, 3, 4, 5, 6};
  auto weight = ll::xtensor::view(std::span(parameters), {2, 3});
  CHECK(weight.data() == parameters.data());
  CHECK(weight(1, 0) == 4);
  weight(1, 2) = 60;
  CHECK(parameters[5] == 60);
  const auto fixed = ll::xtensor::view(std::span<const float>(parameters), {6});
  CHECK(fixed(5) == 60);
  CHECK_THROWS_AS(ll::xtensor::view(std::span(parameters), {4}), ll::ShapeMismatch);
  constexpr std::size_t half = std::size_t{1} << 63;
  CHECK_THROWS_AS(ll::xtensor::view(std::span(parameters).first(0), {half, 2}), ll::ShapeMismatch);
}

namespace {

// [xtensor]
/// Linear regression whose parameters and arithmetic are xtensor's.
struct XtensorRegression {
  using value_type = double;
  xt::xtensor<double, 1> theta = xt::zeros<double>({3});

  std::span<double> parameters() { return {theta.data(), theta.size()}; }
  double gradient(const ll::Batch<double>& batch, std::span<double> out) {
    const auto rows = static_cast<std::ptrdiff_t>(batch.size);
    const auto x = xt::adapt(batch.inputs.data(), batch.inputs.size(), xt::no_ownership(),
                             std::array<std::size_t, 2>{batch.size, 3});
    const auto y = xt::adapt(batch.targets.data(), batch.targets.size(), xt::no_ownership(),
                             std::array<std::size_t, 1>{batch.size});
    const xt::xtensor<double, 1> error = xt::sum(x * theta, {1}) - y;
    const xt::xtensor<double, 1> sum = xt::sum(xt::view(error, xt::all(), xt::newaxis()) * x, {0});
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = 2 * sum(i) / static_cast<double>(rows);
    return xt::sum(error * error)() / static_cast<double>(rows);
  }
};
// [xtensor]

}  // namespace

TEST_CASE("a model that keeps its parameters in an xtensor learns", "[xtensor]") {
  xt::xtensor<double, 2> x = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 1}};
  xt::xtensor<double, 1> y = {1, 2, 3, 6};
  ll::Learner learner{XtensorRegression{}, ll::importance::Fisher{.labels = ll::importance::Labels::empirical},
                      ll::penalty::Quadratic{.strength = 1}, ll::optimizer::Sgd{.learning_rate = 0.5}};
  const auto task = ll::xtensor::dataset(x, y);
  learner.fit(task, {.epochs = 100, .batch_size = 4});
  CHECK_THAT(learner.model().theta(1), test::WithinRel(2.0, 1e-6));
  learner.consolidate(task);
  CHECK(learner.anchor()[1] == learner.model().theta(1));
}

}  // namespace xtensor_test
