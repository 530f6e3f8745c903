// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <lifelong/adapter/eigen.hpp>

#include "catch.hpp"

namespace eigen_test {

namespace ll = lifelong;

namespace {

template <class X, class Y>
concept makes_dataset = requires(X&& x, Y&& y) {
  ll::nn::dataset(std::forward<X>(x), std::forward<Y>(y));
};

template <class T>
using Rows = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

TEST_CASE("Eigen matrices become a data set without a copy") {
  const Rows<float> inputs = Rows<float>::Random(3, 4);
  const Eigen::VectorXi labels = Eigen::VectorXi::LinSpaced(3, 0, 2);
  const ll::Dataset<float> data = ll::nn::dataset(inputs, labels);
  CHECK(data.inputs().data() == inputs.data());
  CHECK(data.labels().data() == labels.data());
  CHECK(data.size() == 3);
  CHECK(data.shape() == std::vector<std::size_t>{4});
  CHECK(ll::nn::dataset(inputs, labels, {2, 2}).shape() == std::vector<std::size_t>{2, 2});

  const std::vector<std::int32_t> vector{1, 0, 1};
  CHECK(ll::nn::dataset(inputs, vector).labels().data() == vector.data());
  CHECK(ll::nn::dataset(Eigen::Map<const Rows<float>>(inputs.data(), 3, 4), labels).inputs().data() == inputs.data());
  CHECK(ll::nn::dataset(inputs.middleRows(1, 2), labels.head(2)).inputs().data() == inputs.data() + 4);
}

TEST_CASE("real targets in an Eigen matrix become a regression data set") {
  const Rows<double> inputs = Rows<double>::Random(3, 4), targets = Rows<double>::Random(3, 2);
  const ll::Dataset<double> data = ll::nn::dataset(inputs, targets);
  CHECK(data.targets() == 2);
  CHECK(data.target_values().data() == targets.data());
  const Eigen::VectorXd one_each = Eigen::VectorXd::Zero(3);
  CHECK(ll::nn::dataset(inputs, one_each).targets() == 1);
}

TEST_CASE("temporary Eigen matrices are refused while compiling, views are not") {
  using X = Rows<float>;
  using Y = Eigen::VectorXi;
  STATIC_REQUIRE(makes_dataset<X&, Y&>);
  STATIC_REQUIRE(makes_dataset<const X&, std::span<const std::int32_t>>);
  STATIC_REQUIRE(makes_dataset<Eigen::Map<X>, Eigen::Map<const Y>>);
  STATIC_REQUIRE_FALSE(makes_dataset<X, Y&>);
  STATIC_REQUIRE_FALSE(makes_dataset<X&, Y>);
  STATIC_REQUIRE_FALSE(makes_dataset<X&, std::vector<std::int32_t>>);
  STATIC_REQUIRE_FALSE(makes_dataset<decltype(std::declval<X&>() + std::declval<X&>()), Y&>);
}

TEST_CASE("Eigen matrices in another order, or of different length, are refused") {
  const Eigen::VectorXi labels = Eigen::VectorXi::Zero(3);
  const Eigen::MatrixXf columns = Eigen::MatrixXf::Zero(3, 4);
  CHECK_THROWS_AS(ll::nn::dataset(columns, labels), ll::InvalidArgument);
  const Rows<float> inputs = Rows<float>::Zero(3, 4);
  CHECK_THROWS_AS(ll::nn::dataset(inputs.leftCols(2), labels), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::nn::dataset(inputs.topRows(2), labels), ll::ShapeMismatch);
  CHECK_THROWS_AS(ll::nn::dataset(inputs, labels, {5}), ll::ShapeMismatch);
  const Rows<float> targets = Rows<float>::Zero(2, 2);
  CHECK_THROWS_AS(ll::nn::dataset(inputs, targets), ll::ShapeMismatch);
}

}  // namespace eigen_test
