// SPDX-License-Identifier: MIT
// Losses and gradients with weights; a sample of weight 0 leaves no trace, in a network or in a learner.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "finite_difference.hpp"
#include "random_batch.hpp"
#include "weights.hpp"

namespace weights_test {

namespace ll = lifelong;
using namespace ll::nn;
using Vector = std::vector<double>;

namespace {

auto plain() { return sequential<double>(std::tuple{Linear{4, 5}, Tanh{}, Linear{5, 3}}, 3); }

/// Everything that a sample could leave a trace in.
auto tracing() {
  return sequential<double>(std::tuple{Linear{4, 5}, BatchNorm{5}, Tanh{}, Dropout{0.4}, Linear{5, 3}}, 3);
}

}  // namespace

TEST_CASE("the loss is the weighted mean of the losses", "[nn][weights]") {
  auto network = plain();
  const test::RandomBatch<double> data(11, 4, 3);
  const Vector weights = test::some_weights(11, false);
  auto batch = data.batch();
  batch.weights = weights;
  double loss = 0, total = 0;
  Vector gradient(network.parameters().size()), sum = gradient, one = gradient;
  for (std::size_t n = 0; n < 11; ++n) {
    loss += weights[n] * network.evaluation_gradient(data.batch().sample(n), one);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weights[n] * one[i];
    total += weights[n];
  }
  CHECK(std::abs(network.loss(batch) - loss / total) < 1e-12);
  CHECK(std::abs(network.gradient(batch, gradient) - loss / total) < 1e-12);
  for (std::size_t i = 0; i < sum.size(); ++i) CHECK(std::abs(gradient[i] - sum[i] / total) < 1e-12);
  test::check_gradient(network, batch);
}

TEST_CASE("whole weights train as repeated samples", "[nn][weights]") {
  auto network = plain();
  const test::RandomBatch<double> data(11, 4, 3);
  const Vector weights = test::some_weights(11, true);
  auto batch = data.batch();
  batch.weights = weights;
  const auto repeated = test::repeated(data.batch(), weights);
  Vector a(network.parameters().size()), b = a;
  CHECK(std::abs(network.gradient(batch, a) - network.gradient(repeated.batch(false), b)) < 1e-12);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) < 1e-12);
}

TEST_CASE("samples of weight 0 leave no trace in a network", "[nn][weights]") {
  auto with = tracing(), without = tracing();
  const test::RandomBatch<double> data(11, 4, 3);
  const auto padded = test::padded(data.batch());
  Vector a(with.parameters().size()), b = a;
  for (int pass = 0; pass < 3; ++pass) {
    CHECK(with.gradient(padded.batch(), a) == without.gradient(data.batch(), b));
    CHECK(a == b);
    CHECK(std::equal(with.buffers().begin(), with.buffers().end(), without.buffers().begin()));
    CHECK(with.loss(padded.batch()) == without.loss(data.batch()));
    CHECK(with.evaluation_gradient(padded.batch(), a) == without.evaluation_gradient(data.batch(), b));
    CHECK(a == b);
  }
}

TEST_CASE("samples of weight 0 leave no trace in a learner", "[nn][weights]") {
  const auto make = [] {
    return ll::Learner{tracing(), ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{},
                       ll::optimizer::Adam{}};
  };
  auto with = make(), without = make();
  const test::RandomBatch<double> data(11, 4, 3);
  const auto padded = test::padded(data.batch());
  for (int step = 0; step < 3; ++step) CHECK(with.step(padded.batch()).loss == without.step(data.batch()).loss);
  CHECK(std::equal(with.parameters().begin(), with.parameters().end(), without.parameters().begin()));
}

TEST_CASE("a batch whose weights are all 0 has no loss, and changes nothing", "[nn][weights][errors]") {
  auto network = tracing();
  const test::RandomBatch<double> data(5, 4, 3);
  const Vector zeros(5);
  auto batch = data.batch();
  batch.weights = zeros;
  Vector gradient(network.parameters().size());
  CHECK_THROWS_AS(network.gradient(batch, gradient), ll::InvalidArgument);
  ll::Learner learner{network, ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{}};
  CHECK(test::message_of<ll::InvalidArgument>([&] { learner.step(batch); }) ==
        "the mean loss of a batch of 0 samples is undefined");
  CHECK(std::equal(network.parameters().begin(), network.parameters().end(), learner.parameters().begin()));
}

TEST_CASE("Kronecker factors have weights", "[nn][kronecker][weights]") {
  const auto check = [](auto network) {
    const test::RandomBatch<double> data(11, 4, 3);
    const Vector weights = test::some_weights(11, true);
    auto batch = data.batch();
    batch.weights = weights;
    const auto repeated = test::repeated(data.batch(), weights), padded = test::padded(batch);
    const auto factors = [&](const ll::Batch<double>& of) {
      return ll::importance::estimate(KroneckerFisher{}, network, std::vector{of}).layers;
    };
    const auto a = factors(batch), b = factors(repeated.batch(false)), c = factors(padded.batch());
    REQUIRE(a.size() == b.size());
    for (std::size_t l = 0; l < a.size(); ++l) {
      for (std::size_t k = 0; k < a[l].a.size(); ++k) CHECK(std::abs(a[l].a[k] - b[l].a[k]) < 1e-12);
      for (std::size_t k = 0; k < a[l].g.size(); ++k) CHECK(std::abs(a[l].g[k] - b[l].g[k]) < 1e-12);
      CHECK(a[l].a == c[l].a);
      CHECK(a[l].g == c[l].g);
    }
  };
  check(plain());
  check(sequential<double>(Shape{1, 2, 2}, std::tuple{Conv2d{1, 2, 2, 1, 1}, Tanh{}, Flatten{}, Linear{18, 3}}, 5));
}

TEST_CASE("fit passes batches by in which nothing has a weight", "[nn][weights]") {
  const std::vector<double> inputs{1, 2, 3, 4, 5, 6, 7, 8, 4, 3, 2, 1};
  const ll::Dataset<double> all(inputs, std::vector<std::int32_t>{0, -100, 2}, {4});
  const ll::Dataset<double> known(std::vector<double>{1, 2, 3, 4, 4, 3, 2, 1}, std::vector<std::int32_t>{0, 2}, {4});
  const auto learner = [] {
    return ll::Learner{plain(), ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{},
                       ll::optimizer::Sgd{.learning_rate = 0.1}};
  };
  auto a = learner(), b = learner();
  std::size_t calls = 0;
  const auto count = [&](const ll::FitProgress&) { ++calls; };
  CHECK(a.fit(ll::ignore_label(all), {.epochs = 2, .batch_size = 1, .shuffle = false}, count).steps == 6);
  CHECK(calls == 6);
  b.fit(known, {.epochs = 2, .batch_size = 1, .shuffle = false});
  for (std::size_t i = 0; i < a.parameters().size(); ++i) REQUIRE(a.parameters()[i] == b.parameters()[i]);
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          a.fit(ll::weighted(known, std::vector<double>{0, 0}), {.batch_size = 1});
        }) == "fit: no example of the task has a weight above 0");
}

}  // namespace weights_test
