// SPDX-License-Identifier: MIT
#include <lifelong/analytic/slda.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <lifelong/core/random.hpp>
#include <lifelong/evaluation/evaluate.hpp>
#include <lifelong/stream/dataset.hpp>

#include "catch.hpp"

namespace slda_test {

namespace ll = lifelong;
using ll::analytic::Identity;
using Head = ll::analytic::Slda<Identity<double>>;
using Values = std::vector<double>;

namespace {

constexpr std::size_t features = 55, classes = 3;

/// Classes N(μ_c, 1), whose means are `apart` from each other in the first features, all moved by `shift`.
ll::Dataset<double> gaussians(std::size_t count, double apart, double shift, std::uint64_t seed) {
  const ll::Random random(seed);
  Values inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t label = n * n % 7 % classes;  // unbalanced
    labels.push_back(static_cast<std::int32_t>(label));
    for (std::size_t k = 0; k < features; ++k)
      inputs.push_back(random.normal(n * features + k) + shift + (k == label ? apart : 0));
  }
  return {inputs, labels, {features}};
}

ll::Batch<double> batch_of(const ll::Dataset<double>& data) {
  return {data.size(), features, data.inputs(), data.labels()};
}

/// Σ (x − μ_y)(x − μ_y)ᵀ in two passes.
double slow_scatter(const ll::Dataset<double>& data, std::size_t i, std::size_t j) {
  double total = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    double count = 0, first = 0, second = 0;
    for (std::size_t n = 0; n < data.size(); ++n)
      if (data.labels()[n] == static_cast<std::int32_t>(c)) {
        ++count;
        first += data.inputs()[n * features + i];
        second += data.inputs()[n * features + j];
      }
    for (std::size_t n = 0; n < data.size(); ++n)
      if (data.labels()[n] == static_cast<std::int32_t>(c))
        total += (data.inputs()[n * features + i] - first / count) * (data.inputs()[n * features + j] - second / count);
  }
  return total;
}

}  // namespace

TEST_CASE("slda keeps the pooled scatter within classes, wherever the data lie and however they are cut") {
  const auto data = gaussians(200, 2, 0, 1), moved = gaussians(200, 2, 10, 1);
  Head head(Identity<double>(features), classes), one_by_one(Identity<double>(features), classes),
      elsewhere(Identity<double>(features), classes);
  head.learn(batch_of(data));
  for (std::size_t n = 0; n < data.size(); ++n) one_by_one.learn(batch_of(data).sample(n));
  elsewhere.learn(moved);
  for (std::size_t i = 0; i < features; ++i)
    for (std::size_t j = 0; j < features; ++j) {
      CHECK_THAT(head.scatter(i, j), test::WithinAbs(slow_scatter(data, i, j), 1e-11));
      CHECK(one_by_one.scatter(i, j) == head.scatter(i, j));
      CHECK_THAT(elsewhere.scatter(i, j), test::WithinAbs(head.scatter(i, j), 1e-11));
    }
  CHECK(head.samples(0) + head.samples(1) + head.samples(2) == 200);
}

TEST_CASE("slda is the textbook's rule") {
  const auto data = gaussians(3000, 3, 5, 2), test = gaussians(2000, 3, 5, 3);
  Head head(Identity<double>(features), classes);
  head.learn(data);
  // Two means at a distance of 3√2 with unit covariance: each of two neighbours errs with Φ(−2.12) = 1.7 %.
  CHECK(ll::accuracy(head, test) > 0.95);

  // The bias counts: without it the class with the longest mean wins.
  Values out(classes);
  head.predict(batch_of(test).sample(0), out);
  double slow[classes];
  for (std::size_t c = 0; c < classes; ++c) {  // Λ by Gauss-Seidel on ((1 − ε) S/n + ε) w = μ
    Values w(features);
    for (int sweep = 0; sweep < 200; ++sweep)
      for (std::size_t i = 0; i < features; ++i) {
        double rest = head.mean(c, i);
        const auto element = [&](std::size_t j) {
          return (1 - 1e-4) * head.scatter(i, j) / 3000 + (i == j ? 1e-4 : 0);
        };
        for (std::size_t j = 0; j < features; ++j)
          if (j != i) rest -= element(j) * w[j];
        w[i] = rest / element(i);
      }
    slow[c] = 0;
    for (std::size_t i = 0; i < features; ++i) slow[c] += w[i] * (test.inputs()[i] - 0.5 * head.mean(c, i));
    CHECK_THAT(out[c], test::WithinAbs(slow[c], 1e-8));
  }
}

TEST_CASE("a class that was never seen does not win, and can come later") {
  const auto data = gaussians(300, 3, -5, 4);
  Head head(Identity<double>(features), classes + 1);
  Values out(classes + 1, 1);
  head.predict(batch_of(data).sample(0), out);
  CHECK(out == Values(classes + 1, std::numeric_limits<double>::lowest()));
  head.learn(data);
  CHECK(ll::accuracy(head, data) > 0.9);
  head.predict(batch_of(data).sample(0), out);
  CHECK(out[classes] == std::numeric_limits<double>::lowest());

  Head grown(Identity<double>(features), classes);
  grown.learn(data);
  grown.grow(classes + 1);
  Values later(classes + 1);
  grown.predict(batch_of(data).sample(0), later);
  CHECK(later == out);
}

TEST_CASE("errors name the culprit and leave slda as it was") {
  const auto data = gaussians(50, 3, 0, 5);
  Head head(Identity<double>(features), classes, {.shrinkage = 0});
  head.learn(data);
  const double before = head.scatter(3, 4);
  Values out(classes);
  CHECK_THAT(test::message_of<ll::NumericError>([&] { head.predict(batch_of(data).sample(0), out); }),
             test::ContainsSubstring("Slda: within classes feature"));
  const std::vector<std::int32_t> wrong = {-1};
  const Values input(features), targets(classes);
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          head.learn({1, features, input, wrong});
        }) == "batch.labels[0] is -1, not one of the active outputs [0, 3)");
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          head.learn({1, features, input, {}, targets});
        }) == "Slda learns classes, but the batch has targets");
  CHECK_THROWS_AS(Head(Identity<double>(features), classes, {.shrinkage = 2}), ll::InvalidArgument);
  CHECK(head.scatter(3, 4) == before);
}

}  // namespace slda_test
