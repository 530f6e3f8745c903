// SPDX-License-Identifier: MIT
// The nearest class mean against its definition, on arrays and on the features of networks.
#include <lifelong/evaluation/evaluate.hpp>
#include <lifelong/nn/mlp.hpp>
#include <lifelong/rehearsal/features.hpp>
#include <lifelong/rehearsal/nearest_mean.hpp>
#include <lifelong/stream/dataset.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"

namespace nearest_mean_test {

namespace ll = lifelong;
using ll::rehearsal::FeaturesOf;
using ll::rehearsal::NearestMean;

namespace {

/// A trunk that gives its inputs.
struct Same {
  using value_type = double;
  std::size_t width;
  [[nodiscard]] std::size_t inputs() const { return width; }
  [[nodiscard]] std::size_t outputs() const { return width; }
  void predict(const ll::Batch<double>& batch, std::span<double> out) const {
    std::copy_n(batch.inputs.begin(), out.size(), out.begin());
  }
};
static_assert(ll::PredictiveModel<NearestMean<Same>>);

struct Archetype {
  using value_type = float;
  std::size_t inputs() const;
  std::size_t features() const;
  void predict_features(const ll::Batch<float>&, std::span<float>);
};
struct NoInputs {
  using value_type = float;
  std::size_t features() const;
  void predict_features(const ll::Batch<float>&, std::span<float>);
};
struct NoFeatures {
  using value_type = float;
  std::size_t inputs() const;
  void predict_features(const ll::Batch<float>&, std::span<float>);
};
struct NoPrediction {
  using value_type = float;
  std::size_t inputs() const;
  std::size_t features() const;
};
static_assert(ll::rehearsal::FeatureModel<Archetype>);
static_assert(!ll::rehearsal::FeatureModel<NoInputs> && !ll::rehearsal::FeatureModel<NoFeatures> &&
              !ll::rehearsal::FeatureModel<NoPrediction>);

std::vector<double> scaled(std::span<const double> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  std::vector<double> unit;
  for (const double value : values) unit.push_back(value / std::sqrt(squares));
  return unit;
}

/// −½ ‖φ(x) − μ_c‖² + 1 for sample `n` of `queries`, where μ_c is that of `examples`.
double slow_output(const ll::Batch<double>& examples, const ll::Batch<double>& queries, std::size_t n, std::size_t c) {
  const std::size_t width = examples.features;
  std::vector<double> mean(width);
  for (std::size_t i = 0; i < examples.size; ++i)
    if (examples.labels[i] == static_cast<std::int32_t>(c)) {
      const auto phi = scaled(examples.inputs.subspan(i * width, width));
      for (std::size_t k = 0; k < width; ++k)
        mean[k] += phi[k] * (examples.weights.empty() ? 1.0 : examples.weights[i]);
    }
  mean = scaled(mean);
  const auto phi = scaled(queries.inputs.subspan(n * width, width));
  double squares = 0;
  for (std::size_t k = 0; k < width; ++k) squares += (phi[k] - mean[k]) * (phi[k] - mean[k]);
  return 1 - squares / 2;
}

}  // namespace

TEST_CASE("the largest output is that of the closest mean of normalized features", "[rehearsal][nearest_mean]") {
  const test::RandomBatch<double> data(60, 6, 4), queries(20, 6, 4, 2);
  ll::Batch<double> examples = data.batch();
  examples.targets = {};
  std::vector<double> weights;
  for (std::size_t n = 0; n < 60; ++n) weights.push_back(0.5 + static_cast<double>(n % 3));
  for (const bool weighted : {false, true}) {
    if (weighted) examples.weights = weights;
    NearestMean<Same> whole(Same{6}, 4), parts(Same{6}, 4);
    whole.learn(examples);
    for (std::size_t n = 0; n < 60; n += 7) parts.learn(examples.slice(n, std::min<std::size_t>(7, 60 - n)));
    std::vector<double> out(20 * 4), again(20 * 4);
    whole.predict(queries.batch(), out);
    parts.predict(queries.batch(), again);
    CHECK(out == again);
    for (std::size_t n = 0; n < 20; ++n)
      for (std::size_t c = 0; c < 4; ++c)
        REQUIRE_THAT(out[n * 4 + c], test::WithinAbs(slow_output(examples, queries.batch(), n, c), 1e-13));
  }
}

TEST_CASE("only a class that was seen can win", "[rehearsal][nearest_mean]") {
  NearestMean<Same> nearest(Same{2}, 3);
  const std::vector<double> inputs{1, 0.1}, opposite{-1, -0.1};
  const std::vector<std::int32_t> label{1};
  nearest.learn({1, 2, inputs, label});
  CHECK(nearest.samples(1) == 1);
  std::vector<double> out(3);
  nearest.predict({1, 2, opposite}, out);
  CHECK_THAT(out[1], test::WithinAbs(-1, 1e-15));
  CHECK(out[0] == std::numeric_limits<double>::lowest());
  CHECK(ll::accuracy(nearest, ll::Dataset<double>(opposite, label, {2})) == 1);
}

TEST_CASE("the features of a network are what its last layer takes", "[rehearsal][nearest_mean]") {
  auto network = ll::nn::mlp<double>({5, 7, 6, 4});
  static_assert(ll::rehearsal::FeatureModel<decltype(network)>);
  REQUIRE(network.features() == 6);
  const test::RandomBatch<double> data(9, 5, 4);
  std::vector<double> features(9 * 6), out(9 * 4);
  network.predict_features(data.batch(), features);
  network.predict(data.batch(), out);
  const std::size_t head = network.parameters().size() - 4 * 7;  // 4 x 6 weights, 4 biases
  for (std::size_t n = 0; n < 9; ++n)
    for (std::size_t c = 0; c < 4; ++c) {
      double value = network.parameters()[head + 24 + c];
      for (std::size_t k = 0; k < 6; ++k) value += network.parameters()[head + c * 6 + k] * features[n * 6 + k];
      REQUIRE_THAT(out[n * 4 + c], test::WithinAbs(value, 1e-13));
    }
  auto linear = ll::nn::mlp<double>({5, 4});
  CHECK(linear.features() == 5);
  CHECK_THROWS_AS(network.predict_features(data.batch(), std::span<double>(out)), ll::ShapeMismatch);

  NearestMean nearest{FeaturesOf{network}, 4};
  nearest.learn(ll::Dataset<double>(data.inputs, data.labels, {5}));
  nearest.predict(data.batch(), out);
  ll::Batch<double> by_features{9, 6, features, data.labels};
  REQUIRE_THAT(out[5], test::WithinAbs(slow_output(by_features, by_features, 1, 1), 1e-13));
}

TEST_CASE("a nearest mean refuses what has no direction, and stays as it was", "[rehearsal][nearest_mean]") {
  NearestMean<Same> nearest(Same{2}, 2);
  const std::vector<double> good{1, 2, 3, 4}, zero{1, 2, 0, 0};
  const std::vector<std::int32_t> labels{0, 0}, wrong{0, 2};
  CHECK_THAT(test::message_of<ll::NumericError>([&] {
               nearest.learn({2, 2, zero, labels});
             }),
             test::ContainsSubstring("all features of sample 1 of the batch are 0"));
  CHECK_THROWS_AS(nearest.learn({2, 2, good, wrong}), ll::InvalidArgument);
  CHECK_THROWS_AS(nearest.learn({2, 2, good}), ll::ShapeMismatch);
  CHECK_THROWS_AS(nearest.learn({1, 4, good, std::span(labels).first(1)}), ll::ShapeMismatch);
  CHECK(nearest.samples(0) == 0);
  CHECK_THROWS_AS(NearestMean<Same>(Same{2}, 0), ll::InvalidArgument);
  CHECK_THROWS_AS(NearestMean<Same>(Same{0}, 2), ll::InvalidArgument);
  CHECK_THROWS_AS(nearest.samples(2), ll::InvalidArgument);

  const std::vector<double> opposed{1, 0, -1, 0};
  nearest.learn({2, 2, opposed, labels});
  std::vector<double> out(4);
  CHECK_THAT(test::message_of<ll::NumericError>([&] {
               nearest.predict({2, 2, good}, out);
             }),
             test::ContainsSubstring("the examples of class 0 have the mean 0"));
}

}  // namespace nearest_mean_test
