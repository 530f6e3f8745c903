// SPDX-License-Identifier: MIT
// The Fisher information of sampled labels is the mean over the draws of each sample, draw by draw.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace draws_test {

namespace ll = lifelong;
using namespace ll::importance;

namespace {

constexpr std::uint64_t seed = 11;
constexpr std::size_t outputs = 3;

/// 1/N Σ_n 1/M Σ_k (∂ log p(y_nk | x_n) / ∂θ)², where `score(f, p, draw)` is the score at the drawn y.
template <class Score>
std::vector<double> slow(std::size_t draws, const Score& score) {
  test::TinyModel model;
  const test::TinyTask task(4, 17);
  std::vector<double> sum(model.theta.size()), gradient(sum.size()), f(outputs);
  for (std::size_t n = 0; n < task.size(); ++n) {
    const ll::Batch<double> one = task.all().sample(n);
    model.predict(one, f);
    for (std::size_t k = 0; k < draws; ++k) {
      const std::vector<double> delta = score(f, model.probabilities(one), Draw(seed, n, k, outputs));
      model.pullback(one, delta, gradient);
      for (std::size_t i = 0; i < sum.size(); ++i)
        sum[i] += gradient[i] * gradient[i] / static_cast<double>(draws) / 17;
    }
  }
  return sum;
}

std::vector<double> class_drawn(const std::vector<double>&, const std::vector<double>& p, const Draw& draw) {
  const double u = draw.uniform(0);
  const std::size_t y = u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2;
  std::vector<double> delta(outputs);
  for (std::size_t c = 0; c < outputs; ++c) delta[c] = (c == y ? 1 : 0) - p[c];
  return delta;
}

std::vector<double> target_drawn(const std::vector<double>&, const std::vector<double>&, const Draw& draw) {
  std::vector<double> delta(outputs);
  for (std::size_t c = 0; c < outputs; ++c) delta[c] = std::sqrt(0.3) * draw.normal(c) / 0.3;
  return delta;
}

std::vector<double> answers_drawn(const std::vector<double>& f, const std::vector<double>&, const Draw& draw) {
  std::vector<double> delta(outputs);
  for (std::size_t c = 0; c < outputs; ++c) {
    const double yes = 1 / (1 + std::exp(-f[c]));
    delta[c] = (draw.uniform(c) < yes ? 1 : 0) - yes;
  }
  return delta;
}

template <class Importance>
std::vector<double> fast(const Importance& importance) {
  test::TinyModel model;
  const test::TinyTask task(4, 17);
  std::vector<double> out(model.theta.size());
  const ll::Batch<double> all = task.all();
  estimate(importance, model, std::vector<ll::Batch<double>>{all.slice(0, 6), all.slice(6, 11)},
           std::span<double>(out));
  return out;
}

void check(const std::vector<double>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    REQUIRE(expected[i] > 0);
    REQUIRE_THAT(actual[i], test::WithinRel(expected[i], 1e-12));
  }
}

}  // namespace

TEST_CASE("any number of draws is the mean over them", "[fisher]") {
  for (const std::uint32_t draws : {1u, 2u, 3u}) {
    INFO(draws << " draws");
    check(fast(Fisher{.labels = Labels::sampled, .seed = seed, .draws = draws}), slow(draws, class_drawn));
    check(
        fast(GaussianFisher{.labels = Labels::sampled, .seed = seed, .draws = draws, .likelihood = {.variance = 0.3}}),
        slow(draws, target_drawn));
    check(fast(BernoulliFisher{.labels = Labels::sampled, .seed = seed, .draws = draws}), slow(draws, answers_drawn));
  }
}

TEST_CASE("a batch's mean gradient of sampled labels has one label per sample", "[fisher]") {
  test::TinyModel model;
  const test::TinyTask task(4, 17);
  std::vector<double> expected(model.theta.size()), mean(expected.size()), gradient(expected.size()), f(outputs);
  std::size_t n = 0;
  for (const std::size_t size : {std::size_t{6}, std::size_t{11}}) {
    mean.assign(mean.size(), 0);
    for (std::size_t k = 0; k < size; ++k, ++n) {
      const ll::Batch<double> one = task.all().sample(n);
      model.pullback(one, class_drawn(f, model.probabilities(one), Draw(seed, n, 0, outputs)), gradient);
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += gradient[i] / static_cast<double>(size);
    }
    for (std::size_t i = 0; i < mean.size(); ++i) expected[i] += mean[i] * mean[i] / 2;
  }
  check(fast(BatchFisher{.labels = Labels::sampled, .seed = seed}), expected);
}

}  // namespace draws_test
