// SPDX-License-Identifier: MIT
// Importances against slow versions written from the papers, one sample at a time in double, and what must leave them
// unchanged. The same checks for networks, at batch speed, are in nn_moments_test.cpp.
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace importance_test {

namespace ll = lifelong;
using namespace ll::importance;
using test::TinyModel;
using test::TinyTask;

namespace {

/// Ω after one task.
template <class Importance>
std::vector<double> importance_of(const Importance& importance, const TinyTask& task, std::size_t batch_size = 8) {
  ll::Learner learner{TinyModel(), importance, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  learner.consolidate(task, {.batch_size = batch_size});
  return {learner.importance().begin(), learner.importance().end()};
}

/// 1/N Σ_n over samples of `add(sample, gradient of log p(c|x) for every c, p, sum)`.
template <class Add>
std::vector<double> slow(const TinyTask& task, Add add) {
  const TinyModel model;
  std::vector<double> sum(model.theta.size());
  for (std::size_t n = 0; n < task.size(); ++n) {
    const auto one = task.all().sample(n);
    const auto p = model.probabilities(one);
    std::vector<std::vector<double>> gradients;
    for (std::size_t c = 0; c < model.out; ++c) {
      std::vector<double> seed(model.out), g(sum.size());
      for (std::size_t k = 0; k < model.out; ++k) seed[k] = (k == c ? 1.0 : 0.0) - p[k];
      model.pullback(one, seed, g);
      gradients.push_back(g);
    }
    add(n, gradients, p, sum);
  }
  for (double& value : sum) value /= static_cast<double>(task.size());
  return sum;
}

void check(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance = 1e-12) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO("parameter " << i);
    REQUIRE_THAT(actual[i], test::WithinRel(expected[i], tolerance));
  }
}

std::vector<double> slow_fisher(const TinyTask& task, Labels labels) {
  return slow(task, [&](std::size_t n, const auto& gradients, const auto& p, auto& sum) {
    for (std::size_t i = 0; i < sum.size(); ++i) {
      if (labels == Labels::exact)
        for (std::size_t c = 0; c < p.size(); ++c) sum[i] += p[c] * gradients[c][i] * gradients[c][i];
      else {
        const auto y = labels == Labels::empirical
                           ? static_cast<std::size_t>(task.labels[n])
                           : static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
        sum[i] += gradients[y][i] * gradients[y][i];
      }
    }
  });
}

TinyTask reversed(TinyTask task) {
  std::reverse(task.labels.begin(), task.labels.end());
  for (std::size_t n = 0; n < task.size() / 2; ++n)
    std::swap_ranges(task.inputs.begin() + static_cast<std::ptrdiff_t>(n * 4),
                     task.inputs.begin() + static_cast<std::ptrdiff_t>(n * 4 + 4),
                     task.inputs.begin() + static_cast<std::ptrdiff_t>((task.size() - 1 - n) * 4));
  return task;
}

/// A model that has a gradient and nothing else.
struct GradientOnly {
  using value_type = double;
  TinyModel model{};
  std::span<double> parameters() { return model.theta; }
  double gradient(const ll::Batch<double>& batch, std::span<double> out) { return model.gradient(batch, out); }
};

}  // namespace

TEST_CASE("exact, predicted and empirical Fisher equal the slow version", "[importance]") {
  const TinyTask task(5);
  for (const Labels labels : {Labels::exact, Labels::predicted, Labels::empirical})
    check(importance_of(Fisher{.labels = labels}, task), slow_fisher(task, labels));
}

TEST_CASE("empirical labels need labels", "[importance][errors]") {
  const TinyTask task(5);
  ll::Batch<double> batch = task.all();
  batch.labels = {};
  ll::Learner learner{TinyModel(), Fisher{.labels = Labels::empirical}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  REQUIRE_THROWS_AS(learner.consolidate(std::vector<ll::Batch<double>>{batch}), ll::InvalidArgument);
  learner.importance_policy().labels = Labels::exact;
  learner.consolidate(std::vector<ll::Batch<double>>{batch});
  REQUIRE(learner.tasks() == 1);
}

TEST_CASE("sampled Fisher is one draw per sample number and unbiased", "[importance]") {
  const TinyTask task(5);
  const auto exact = slow_fisher(task, Labels::exact);
  std::vector<double> mean(exact.size());
  const std::size_t draws = 4000;
  for (std::uint64_t seed = 0; seed < draws; ++seed) {
    const auto drawn = importance_of(Fisher{.labels = Labels::sampled, .seed = seed}, task);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += drawn[i] / static_cast<double>(draws);
  }
  for (std::size_t i = 0; i < mean.size(); ++i) REQUIRE_THAT(mean[i], test::WithinRel(exact[i], 0.06));
  const auto once = importance_of(Fisher{.labels = Labels::sampled, .seed = 3}, task);
  check(importance_of(Fisher{.labels = Labels::sampled, .seed = 3}, task, 5), once);
  REQUIRE(importance_of(Fisher{.labels = Labels::sampled, .seed = 4}, task) != once);
}

TEST_CASE("MAS takes the absolute value per sample", "[importance]") {
  const TinyTask task(6);
  const TinyModel model;
  std::vector<double> expected(model.theta.size());
  for (std::size_t n = 0; n < task.size(); ++n) {
    const auto one = task.all().sample(n);
    std::vector<double> seed(model.out), g(expected.size());
    model.predict(one, seed);
    for (double& f : seed) f *= 2;
    model.pullback(one, seed, g);
    for (std::size_t i = 0; i < g.size(); ++i) expected[i] += std::abs(g[i]) / static_cast<double>(task.size());
  }
  check(importance_of(Mas{}, task), expected);
}

TEST_CASE("importances do not depend on batch size or sample order", "[importance]") {
  const TinyTask task(7);
  for (const std::size_t batch : {1u, 2u, 7u, 100u}) {
    check(importance_of(Fisher{}, task, batch), importance_of(Fisher{}, task, 8));
    check(importance_of(Mas{}, task, batch), importance_of(Mas{}, task, 8));
  }
  check(importance_of(Fisher{}, reversed(task)), importance_of(Fisher{}, task));
  check(importance_of(Mas{}, reversed(task)), importance_of(Mas{}, task));
}

TEST_CASE("the batch Fisher is another number: it shrinks with the batch", "[importance]") {
  const TinyTask task(8, 64);
  const auto exact = importance_of(Fisher{.labels = Labels::empirical}, task);
  check(importance_of(BatchFisher{}, task, 1), exact);
  const auto batched = importance_of(BatchFisher{}, task, 32);
  double sum = 0, exact_sum = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    sum += batched[i];
    exact_sum += exact[i];
  }
  REQUIRE(sum < 0.5 * exact_sum);
}

TEST_CASE("a model with only a gradient has the empirical Fisher, and is told what the others need", "[importance]") {
  const TinyTask task(5);
  ll::Learner learner{GradientOnly(), Fisher{.labels = Labels::empirical}, ll::penalty::Quadratic{},
                      ll::optimizer::Sgd{}};
  learner.consolidate(task);
  check({learner.importance().begin(), learner.importance().end()}, slow_fisher(task, Labels::empirical));
  ll::Learner other{GradientOnly(), Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  REQUIRE_THROWS_AS(other.consolidate(task), ll::InvalidArgument);
  REQUIRE(other.tasks() == 0);
}

TEST_CASE("merge rules", "[importance]") {
  const TinyTask first(1), second(2);
  const auto a = importance_of(Fisher{}, first), b = importance_of(Fisher{}, second);
  const auto merged = [&](Merge merge) {
    ll::Learner learner{TinyModel(), Fisher{.merge = merge}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
    learner.consolidate(first);
    learner.consolidate(second);
    return std::vector<double>(learner.importance().begin(), learner.importance().end());
  };
  const auto expected = [&](double keep, double add) {
    std::vector<double> out(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = keep * a[i] + add * b[i];
    return out;
  };
  check(merged(Merge::sum()), expected(1, 1));
  check(merged(Merge::decay(0.3)), expected(0.3, 1));
  check(merged(Merge::decay(0)), expected(0, 1));
  check(merged(Merge::mean()), expected(0.5, 0.5));
  check(merged(Merge::average(0.3)), expected(0.7 * 0.3, 0.3));
  check(merged(Merge::average_from_first(0.3)), expected(0.7, 0.3));
  check(merged(Merge::last()), expected(0, 1));
}

TEST_CASE("SI is the path integral of the task's own gradient", "[importance]") {
  for (const Clamp clamp : {Clamp::cumulative, Clamp::increment, Clamp::none}) {
    ll::Learner learner{TinyModel(), SynapticIntelligence{.xi = 0.05, .clamp = clamp, .merge = Merge::decay(0.1)},
                        ll::penalty::Quadratic{.strength = 0.7}, ll::optimizer::Momentum{.learning_rate = 0.02}};
    std::vector<double> theta = TinyModel().theta, start = theta, anchor = theta;
    const std::size_t count = theta.size();
    std::vector<double> v(count), omega(count), importance(count), g(count);
    bool below_zero = false;
    for (std::uint32_t task = 0; task < 3; ++task) {
      for (std::uint64_t step = 0; step < 5; ++step) {  // any gradients do: with random ones some paths go uphill
        for (std::size_t i = 0; i < count; ++i)
          g[i] = ll::Random(task, ll::Purpose::user).normal(step * count + i) * (step == 4 ? 3 : 1);
        learner.step(std::span<const double>(g));
        for (std::size_t i = 0; i < count; ++i) {
          v[i] = 0.9 * v[i] + g[i] + 0.7 * importance[i] * (theta[i] - anchor[i]);
          omega[i] -= g[i] * (-0.02 * v[i]);
          theta[i] -= 0.02 * v[i];
        }
      }
      learner.consolidate();
      for (std::size_t i = 0; i < count; ++i) {
        const double d = theta[i] - start[i];
        const double c = omega[i] / (d * d + 0.05);
        importance[i] = 0.1 * importance[i] + (clamp == Clamp::increment ? std::max(c, 0.0) : c);
        below_zero = below_zero || importance[i] < 0;
        if (clamp == Clamp::cumulative) importance[i] = std::max(importance[i], 0.0);
        omega[i] = 0;
        start[i] = anchor[i] = theta[i];
      }
    }
    REQUIRE(below_zero == (clamp != Clamp::increment));  // otherwise the clamping rules are not tested
    for (std::size_t i = 0; i < count; ++i) {
      REQUIRE_THAT(learner.importance()[i], test::WithinAbs(importance[i], 1e-12));
      REQUIRE_THAT(learner.parameters()[i], test::WithinAbs(theta[i], 1e-12));
    }
  }
}

TEST_CASE("the path integral of SI is the decrease of the loss, to first order", "[importance]") {
  const TinyTask task(3);
  ll::Learner learner{TinyModel(), SynapticIntelligence{.xi = 1e9, .clamp = Clamp::none}, ll::penalty::Quadratic{},
                      ll::optimizer::Sgd{.learning_rate = 1e-3}};
  std::vector<double> g(learner.parameters().size());
  const double before = learner.model().gradient(task.all(), g);
  for (int step = 0; step < 1000; ++step) learner.step(task.all());
  const double after = learner.model().gradient(task.all(), g);
  learner.consolidate();
  double sum = 0;  // with ξ so large Ω ξ is the path integral itself
  for (const double omega : learner.importance()) sum += omega * 1e9;
  REQUIRE(before - after > 0.05);
  REQUIRE_THAT(sum, test::WithinRel(before - after, 2e-3));
}

}  // namespace importance_test
