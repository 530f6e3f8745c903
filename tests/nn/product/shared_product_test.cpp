// SPDX-License-Identifier: MIT
// Moments of per-sample products against sums written out in double.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/product/shared_product.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "catch.hpp"

namespace shared_product_test {

namespace {

namespace ll = lifelong;
using ll::nn::Elements, ll::nn::Positions, ll::nn::shared_product;

/// N samples of a matrix, positions x features, or features x positions if `channels_first`.
template <class T>
struct Factor {
  std::vector<T> values;
  Positions<T> view;

  Factor(std::size_t samples, std::size_t positions, std::size_t features, bool channels_first, std::uint64_t seed)
      : values(samples * positions * features) {
    const ll::Random random(seed);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(random.normal(i));
    view = {values.data(), features, positions * features, features, 1};
    if (channels_first) view.position = 1, view.feature = positions;
  }
  double at(std::size_t n, std::size_t t, std::size_t f) const {
    return static_cast<double>(view.data[n * view.sample + t * view.position + f * view.feature]);
  }
};

struct Sizes {
  std::size_t samples, positions, left, right;
  bool left_channels_first = false, right_channels_first = true;
};

template <class T, class Moment>
std::vector<double> slowly(const Factor<T>& left, const Factor<T>& right, const Sizes& sizes, Moment moment) {
  std::vector<double> sums(sizes.left * sizes.right);
  for (std::size_t n = 0; n < sizes.samples; ++n)
    for (std::size_t i = 0; i < sizes.left; ++i)
      for (std::size_t j = 0; j < sizes.right; ++j) {
        double own = 0;
        for (std::size_t t = 0; t < sizes.positions; ++t) own += left.at(n, t, i) * right.at(n, t, j);
        sums[i * sizes.right + j] += moment(own);
      }
  return sums;
}

/// Largest error relative to the largest element.
template <class T, class Moment>
double error(const Sizes& sizes, Moment moment) {
  const Factor<T> left(sizes.samples, sizes.positions, sizes.left, sizes.left_channels_first, 1);
  const Factor<T> right(sizes.samples, sizes.positions, sizes.right, sizes.right_channels_first, 2);
  const std::vector<double> expected = slowly(left, right, sizes, moment);
  const ll::backend::Serial serial;
  ll::AlignedVector<T> scratch;
  std::vector<T> rows(expected.size(), T(3)), columns(expected.size(), T(3));
  shared_product(serial, moment, sizes.samples, sizes.positions, left.view, right.view, false,
                 Elements<T>{rows.data(), sizes.right, 1}, scratch);
  shared_product(serial, moment, sizes.samples, sizes.positions, left.view, right.view, true,
                 Elements<T>{columns.data(), 1, sizes.left}, scratch);
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < sizes.left; ++i)
    for (std::size_t j = 0; j < sizes.right; ++j) {
      const double value = expected[i * sizes.right + j];
      largest = std::max(largest, std::abs(value) + 3);
      worst = std::max(worst, std::abs(static_cast<double>(rows[i * sizes.right + j]) - value));
      worst = std::max(worst, std::abs(static_cast<double>(columns[j * sizes.left + i]) - value - 3));
    }
  return worst / largest;
}

void check(const Sizes& sizes) {
  INFO(sizes.samples << " samples, " << sizes.positions << " positions, " << sizes.left << " x " << sizes.right);
  CHECK(error<double>(sizes, ll::moment::Square{}) < 1e-13);
  CHECK(error<double>(sizes, ll::moment::Absolute{}) < 1e-13);
  CHECK(error<double>(sizes, ll::moment::Sum{}) < 1e-13);
  CHECK(error<float>(sizes, ll::moment::Square{}) < 1e-5);
  CHECK(error<float>(sizes, ll::moment::Absolute{}) < 1e-5);
}

}  // namespace

TEST_CASE("moments of shared products are exact for edges of any size", "[nn][shared_product]") {
  for (const std::size_t left : {1u, 5u, 6u, 7u, 20u})
    for (const std::size_t right : {1u, 3u, 16u, 33u, 64u, 81u}) check({3, 4, left, right});
  for (const std::size_t positions : {1u, 2u, 9u, 300u}) check({5, positions, 13, 10});
}

TEST_CASE("moments of shared products are exact for every order of the factors", "[nn][shared_product]") {
  for (const bool left_first : {false, true})
    for (const bool right_first : {false, true}) check({4, 6, 11, 19, left_first, right_first});
}

TEST_CASE("shared products of many samples are cut into chunks", "[nn][shared_product]") {
  check({30, 700, 3, 20});  // more values than are packed at a time
  check({2, 5000, 3, 40});  // in one sample
}

TEST_CASE("the shared product of no samples is zero", "[nn][shared_product]") { check({0, 4, 7, 5}); }

TEST_CASE("shared products are bitwise equal for any number of threads", "[nn][shared_product]") {
  const Sizes sizes{40, 50, 61, 130};
  const Factor<float> left(sizes.samples, sizes.positions, sizes.left, true, 1);
  const Factor<float> right(sizes.samples, sizes.positions, sizes.right, true, 2);
  const auto product = [&](const auto& backend) {
    std::vector<float> out(sizes.left * sizes.right);
    ll::AlignedVector<float> scratch;
    shared_product(backend, ll::moment::Square{}, sizes.samples, sizes.positions, left.view, right.view, false,
                   Elements<float>{out.data(), sizes.right, 1}, scratch);
    return out;
  };
  const std::vector<float> expected = product(ll::backend::Serial{});
  for (const int threads : {1, 2, 3}) CHECK(product(ll::backend::OpenMP{threads}) == expected);
}

}  // namespace shared_product_test
