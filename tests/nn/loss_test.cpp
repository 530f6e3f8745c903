// SPDX-License-Identifier: MIT
// The logistic loss against its plain formula in double, for large logits too, and what it makes of labels and targets.
#include <lifelong/importance/estimation.hpp>
#include <lifelong/importance/fisher.hpp>
#include <lifelong/importance/gauss_newton.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/mlp.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "finite_difference.hpp"
#include "random_batch.hpp"

namespace loss_test {

namespace ll = lifelong;
using ll::nn::LogisticCrossEntropy;

namespace {

/// -y log p - (1-y) log(1-p), p = 1/(1 + exp(-f)), in long double.
long double plain(long double f, long double y) {
  return y * std::log1p(std::exp(-f)) + (1 - y) * std::log1p(std::exp(f));
}

template <class T>
struct Answer {
  double loss;
  std::vector<T> gradient;
};
template <class T>
Answer<T> differentiated(std::vector<T> row, const ll::SampleContext<T>& sample) {
  const double loss = LogisticCrossEntropy{}.differentiate(std::span<T>(row), sample);
  return {loss, row};
}

auto network(std::size_t outputs) {
  auto made = ll::nn::mlp<double>({4, 5, outputs}, {.seed = 3}, {}, LogisticCrossEntropy{});
  const ll::Random random(9);
  for (std::size_t i = 0; i < made.parameters().size(); ++i) made.parameters()[i] = 0.5 * random.normal(i);
  return made;
}

/// Answers of zeros and ones.
test::RandomBatch<double> yes_or_no(std::size_t samples, std::size_t outputs) {
  test::RandomBatch<double> data(samples, 4, outputs);
  for (double& target : data.targets) target = target > 0 ? 1 : 0;
  for (std::size_t n = 0; n < samples; ++n)
    if (outputs == 1) data.labels[n] = data.targets[n] > 0 ? 1 : 0;
  return data;
}

}  // namespace

TEST_CASE("the logistic loss is the mean of -log p of the answers", "[nn][loss]") {
  const std::vector<double> row{0.3, -1.7, 2.5}, target{1, 0, 0.25};
  const auto all = differentiated<double>(row, {-1, {0, 3}, 0, target});
  double loss = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    loss += static_cast<double>(plain(static_cast<long double>(row[c]), static_cast<long double>(target[c]))) / 3;
    CHECK(std::abs(all.gradient[c] - (1 / (1 + std::exp(-row[c])) - target[c]) / 3) < 1e-15);
  }
  CHECK(std::abs(all.loss - loss) < 1e-15);

  const auto some = differentiated<double>(row, {-1, {1, 1}, 0, target});
  CHECK(std::abs(some.loss -
                 static_cast<double>(plain(static_cast<long double>(row[1]), static_cast<long double>(0)))) < 1e-15);
  CHECK(some.gradient[0] == 0);
  CHECK(some.gradient[2] == 0);
}

TEMPLATE_TEST_CASE("large logits neither overflow nor lose the loss", "[nn][loss]", float, double) {
  for (const TestType f : {TestType(30), TestType(90), TestType(1000), std::numeric_limits<TestType>::max()})
    for (const TestType y : {TestType(0), TestType(1)})
      for (const TestType sign : {TestType(-1), TestType(1)}) {
        const std::vector<TestType> target{y};
        const auto got = differentiated<TestType>({sign * f}, {-1, {0, 1}, 0, target});
        const bool right = (sign > 0) == (y == 1);
        CHECK(got.loss ==
              (right ? Approx(std::exp(-static_cast<double>(f))).margin(0) : Approx(static_cast<double>(f))));
        const double share = std::exp(-static_cast<double>(f));
        CHECK(std::abs(static_cast<double>(got.gradient[0])) == (right ? Approx(share).margin(1e-12) : Approx(1.0)));
      }
}

TEST_CASE("the gradient of a logistic network is that of its loss", "[nn][loss]") {
  for (const std::size_t outputs : {std::size_t{1}, std::size_t{3}}) {
    const auto data = yes_or_no(7, outputs);
    test::check_gradient(network(outputs), data.batch());
  }
}

TEST_CASE("labels are answers where there are no targets", "[nn][loss]") {
  auto model = network(1);
  const auto data = yes_or_no(9, 1);
  auto targets = data.batch(), labels = data.batch();
  targets.labels = {};
  labels.targets = {};
  CHECK(model.loss(labels) == model.loss(targets));
  std::vector<double> a(model.parameters().size()), b = a;
  ll::importance::BernoulliFisher fisher{.labels = ll::importance::Labels::empirical};
  ll::importance::estimate(fisher, model, std::vector{labels}, a);
  ll::importance::estimate(fisher, model, std::vector{targets}, b);
  CHECK(a == b);

  auto several = network(3);
  test::RandomBatch<double> classes(9, 4, 3);
  for (std::size_t i = 0; i < classes.targets.size(); ++i)
    classes.targets[i] = classes.labels[i / 3] == static_cast<std::int32_t>(i % 3) ? 1 : 0;
  auto one_hot = classes.batch(), named = classes.batch();
  named.targets = {};
  CHECK(several.loss(named) == several.loss(one_hot));
}

TEST_CASE("an answer that is none is named", "[nn][loss][errors]") {
  auto model = network(1);
  auto data = yes_or_no(3, 1);
  const auto refused = [&](auto& network, const ll::Batch<double>& batch) {
    return test::message_of<ll::InvalidArgument>([&] { (void)network.loss(batch); });
  };
  data.targets[2] = 1.5;
  CHECK(refused(model, data.batch()) ==
        "target 0 of sample 2 of the batch is 1.5, which is no answer: it must be from 0 to 1");
  data.labels[1] = 2;
  auto labels = data.batch();
  labels.targets = {};
  CHECK(refused(model, labels) == "batch.labels[1] is 2, but the answer of a single output is 0 or 1");
  auto two = network(2);
  CHECK(refused(two, labels) == "batch.labels[1] is 2, not one of the 2 outputs");
  labels.labels = {};
  CHECK_THROWS_AS(model.loss(labels), ll::ShapeMismatch);
}

TEST_CASE("the curvature of the logistic loss is that of its likelihood over the outputs", "[nn][loss]") {
  auto model = network(3);
  const auto data = yes_or_no(11, 3);
  std::vector<double> curvature(model.parameters().size()), fisher = curvature;
  ll::importance::estimate(ll::importance::GaussNewton{}, model, std::vector{data.batch()}, curvature);
  ll::importance::estimate(ll::importance::BernoulliFisher{}, model, std::vector{data.batch()}, fisher);
  for (std::size_t i = 0; i < fisher.size(); ++i) CHECK(std::abs(3 * curvature[i] - fisher[i]) < 1e-12);
}

}  // namespace loss_test
