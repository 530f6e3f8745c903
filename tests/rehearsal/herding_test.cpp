// SPDX-License-Identifier: MIT
// Herding against algorithm 4 of iCaRL, one candidate after the other.
#include <lifelong/rehearsal/herding.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <lifelong/core/random.hpp>

#include "catch.hpp"

namespace herding_test {

namespace ll = lifelong;
using ll::rehearsal::Herding;

namespace {

std::vector<double> random_features(std::size_t count, std::size_t width, std::uint64_t seed) {
  std::vector<double> features;
  for (std::size_t k = 0; k < count * width; ++k)
    features.push_back((1 + ll::Random(seed, ll::Purpose::user, 1).uniform(k / width)) *
                       (0.7 + ll::Random(seed).normal(k)));
  return features;
}

template <class T = double>
std::vector<std::uint32_t> herd(const std::vector<T>& features, std::size_t width, std::size_t count) {
  Herding herding;
  const auto order = herding(std::span<const T>(features), width, count);
  return {order.begin(), order.end()};
}

std::vector<std::vector<double>> unit_rows(const std::vector<double>& features, std::size_t width) {
  std::vector<std::vector<double>> rows;
  for (std::size_t first = 0; first < features.size(); first += width) {
    std::vector<double> row(features.begin() + static_cast<long>(first),
                            features.begin() + static_cast<long>(first + width));
    double length = 0;
    for (const double value : row) length += value * value;
    for (double& value : row) value /= std::sqrt(length);
    rows.push_back(row);
  }
  return rows;
}

/// ‖μ − (φ(x) + Σ φ(p_j)) / k‖ of candidate x behind the first `k - 1` of `order`.
double distance(const std::vector<std::vector<double>>& rows, const std::vector<std::uint32_t>& order, std::size_t k,
                std::size_t x) {
  double total = 0;
  for (std::size_t i = 0; i < rows[0].size(); ++i) {
    double mean = 0, sum = rows[x][i];
    for (const auto& row : rows) mean += row[i] / static_cast<double>(rows.size());
    for (std::size_t j = 0; j + 1 < k; ++j) sum += rows[order[j]][i];
    const double difference = mean - sum / static_cast<double>(k);
    total += difference * difference;
  }
  return std::sqrt(total);
}

}  // namespace

TEST_CASE("herding takes the best example at every step, and none twice", "[rehearsal][herding]") {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto features = random_features(40, 5, seed);
    const auto rows = unit_rows(features, 5);
    const auto order = herd(features, 5, 40);
    REQUIRE(order.size() == 40);
    for (std::size_t k = 1; k <= order.size(); ++k) {
      double best = std::numeric_limits<double>::max();
      for (std::size_t x = 0; x < rows.size(); ++x)
        if (std::find(order.begin(), order.begin() + static_cast<long>(k - 1), x) ==
            order.begin() + static_cast<long>(k - 1))
          best = std::min(best, distance(rows, order, k, x));
      REQUIRE_THAT(distance(rows, order, k, order[k - 1]), test::WithinAbs(best, 1e-12));
    }
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t k = 0; k < sorted.size(); ++k) REQUIRE(sorted[k] == k);
  }
}

TEST_CASE("fewer exemplars are a prefix of more", "[rehearsal][herding]") {
  const auto features = random_features(30, 4, 7);
  const auto all = herd(features, 4, 1000);
  CHECK(all.size() == 30);
  for (std::size_t count = 0; count <= 30; ++count)
    CHECK(herd(features, 4, count) == std::vector<std::uint32_t>(all.begin(), all.begin() + static_cast<long>(count)));
}

TEST_CASE("the length of a feature does not count, however large or small", "[rehearsal][herding]") {
  const auto features = random_features(25, 6, 9);
  const auto order = herd(features, 6, 25);
  for (const double factor : {3.7, 1e-3, 0x1p900, 0x1p-900}) {
    auto scaled = features;
    for (std::size_t k = 0; k < 6; ++k) scaled[11 * 6 + k] *= factor;
    CHECK(herd(scaled, 6, 25) == order);
  }
  std::vector<float> narrow(features.begin(), features.end());
  CHECK(herd(narrow, 6, 3).size() == 3);
}

TEST_CASE("of equal candidates the first is taken, each once", "[rehearsal][herding]") {
  const std::vector<double> features{1, 0, 0, 1, 2, 0, 0, 3, 1, 0};  // a b a b a
  CHECK(herd(features, 2, 5) == std::vector<std::uint32_t>{0, 1, 2, 3, 4});
}

TEST_CASE("herding refuses features without a direction", "[rehearsal][herding]") {
  CHECK_THAT(test::message_of<ll::NumericError>([] {
               herd<double>({1, 2, 0, 0, 3, 4}, 2, 1);
             }),
             test::ContainsSubstring("all features of sample 1 of the batch are 0"));
  CHECK_THROWS_AS(herd<double>({1, 2, 1, std::numeric_limits<double>::quiet_NaN()}, 2, 1), ll::NumericError);
  CHECK_THROWS_AS(herd<double>({1, 2, 3}, 2, 1), ll::ShapeMismatch);
  CHECK_THROWS_AS(herd<double>({1, 2, 3}, 0, 1), ll::ShapeMismatch);
  CHECK(herd<double>({}, 2, 4).empty());
}

TEST_CASE("the shares of classes never exceed the capacity together", "[rehearsal][herding]") {
  for (std::size_t capacity = 1; capacity < 60; ++capacity)
    for (std::size_t classes = 1; classes <= capacity; ++classes) {
      const std::size_t share = ll::rehearsal::share_of_class(capacity, classes);
      REQUIRE((share * classes <= capacity && (share + 1) * classes > capacity));
    }
  CHECK_THAT(test::message_of<ll::InvalidArgument>([] { static_cast<void>(ll::rehearsal::share_of_class(5, 6)); }),
             test::ContainsSubstring("capacity of 5 examples has no room for one of each of 6 classes"));
}

}  // namespace herding_test
