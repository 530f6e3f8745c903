// SPDX-License-Identifier: MIT
// Every importance on every layer: the network's batched passes against the same network asked for one sample and one
// direction at a time.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "finite_difference.hpp"
#include "random_batch.hpp"
#include "slow_importance.hpp"

namespace estimators_by_layer_test {

namespace {

using namespace lifelong;
using namespace lifelong::importance;
using nn::AvgPool2d;
using nn::BatchNorm;
using nn::Conv2d;
using nn::Dropout;
using nn::Embedding;
using nn::Flatten;
using nn::GELU;
using nn::GlobalAvgPool;
using nn::GroupNorm;
using nn::Gru;
using nn::Heads;
using nn::LastPosition;
using nn::LayerNorm;
using nn::Linear;
using nn::Lstm;
using nn::MaxPool2d;
using nn::MeanPosition;
using nn::MultiHeadAttention;
using nn::PositionEmbedding;
using nn::ReLU;
using nn::residual;
using nn::Shape;
using nn::Sigmoid;
using nn::Tanh;
using nn::TransformerBlock;
using test::RandomBatch;

constexpr std::size_t classes = 4, samples = 11;

auto block_of(std::size_t width) { return residual(Tanh{}, Linear{width, width}); }
auto block_with_shortcut() { return residual(std::tuple{Linear{5, 4}, GELU{}}, std::tuple{Linear{5, 4}}); }

using Network = test::AnyNetwork<double>;

/// A small network for one kind of layer.
struct Case {
  std::string name;
  Shape input;
  std::vector<test::AnyLayer<double>> layers;
  std::size_t tokens = 0;  ///< the inputs are their numbers, if any
  bool unequal = false;    ///< whether the inputs are sequences of unequal length
};

std::vector<Case> cases() {
  return {
      {"Linear", {6}, {Linear{6, 5}, Tanh{}, Linear{5, classes}}},
      {"ReLU", {6}, {Linear{6, 7}, ReLU{}, Linear{7, classes}}},
      {"Sigmoid", {6}, {Linear{6, 5}, Sigmoid{}, Linear{5, classes}}},
      {"GELU", {6}, {Linear{6, 5}, GELU{}, Linear{5, classes}}},
      {"Linear over positions", {3, 4}, {Linear{4, 5}, Tanh{}, Linear{5, 2}, Flatten{}, Linear{6, classes}}},
      {"Heads", {6}, {Linear{6, 5}, Tanh{}, Heads{5, {1, 3}}}},
      {"Gru", {4, 3}, {Gru{3, 5}, Gru{5, 4}, LastPosition{}, Linear{4, classes}}},
      {"Lstm", {4, 3}, {Linear{3, 3}, Lstm{3, 5}, Flatten{}, Linear{20, classes}}},
      {"Embedding", {6}, {Embedding{4, 3}, Linear{3, 2}, Tanh{}, Flatten{}, Linear{12, classes}}, 4},
      {"LayerNorm", {6}, {Linear{6, 5}, LayerNorm{5}, Tanh{}, Linear{5, classes}}},
      {"LayerNorm over positions", {3, 4}, {LayerNorm{4}, Linear{4, 5}, LayerNorm{5}, Flatten{}, Linear{15, classes}}},
      {"GroupNorm", {4, 3, 3}, {Linear{3, 3}, GroupNorm{2, 4}, Tanh{}, Flatten{}, Linear{36, classes}}},
      {"BatchNorm", {6}, {Linear{6, 5}, BatchNorm{5}, Tanh{}, Linear{5, classes}}},
      {"BatchNorm of images", {4, 3, 3}, {BatchNorm{4}, Linear{3, 3}, BatchNorm{4}, Flatten{}, Linear{36, classes}}},
      {"Dropout", {6}, {Dropout{0.3}, Linear{6, 5}, Tanh{}, Dropout{0.5}, Linear{5, classes}}},
      {"Conv2d", {2, 4, 5}, {Conv2d{2, 3, 3, 1, 1}, Tanh{}, Flatten{}, Linear{60, classes}}},
      {"Conv2d strided", {2, 5, 5}, {Conv2d{2, 3, 3, 2, 1}, Tanh{}, Conv2d{3, 4, 2}, Flatten{}, Linear{16, classes}}},
      {"Conv2d grouped", {4, 3, 3}, {Conv2d{4, 6, 2, 1, 0, 2}, Tanh{}, Flatten{}, Linear{24, classes}}},
      {"Conv2d depthwise", {3, 4, 4}, {Conv2d{3, 3, 3, 1, 1, 3}, Tanh{}, Flatten{}, Linear{48, classes}}},
      {"Conv2d 1x1", {4, 3, 3}, {Conv2d{4, 2, 1}, Tanh{}, Flatten{}, Linear{18, classes}}},
      {"MaxPool2d", {1, 6, 6}, {Conv2d{1, 2, 3, 1, 1}, MaxPool2d{2}, Flatten{}, Linear{18, classes}}},
      {"AvgPool2d", {1, 6, 6}, {Conv2d{1, 2, 3, 1, 1}, AvgPool2d{3, 2}, Flatten{}, Linear{8, classes}}},
      {"GlobalAvgPool", {1, 4, 4}, {Conv2d{1, 5, 3}, Tanh{}, GlobalAvgPool{}, Linear{5, classes}}},
      {"Attention", {4, 3}, {Linear{3, 6}, MultiHeadAttention{6, 2}, Flatten{}, Linear{24, classes}}},
      {"Attention, causal", {4, 6}, {MultiHeadAttention{6, 3, true}, MeanPosition{}, Linear{6, classes}}},
      {"TransformerBlock",
       {3, 4},
       {PositionEmbedding{4, 4}, TransformerBlock{4, 2, 5}, MeanPosition{}, Linear{4, classes}}},
      {"TransformerBlock of unequal lengths",
       {4},
       {Embedding{5, 4}, PositionEmbedding{4, 4}, TransformerBlock{4, 2, 5}, MeanPosition{}, Linear{4, classes}},
       5,
       true},
      {"Gru and Lstm of unequal lengths",
       {4, 3},
       {Linear{3, 3}, Gru{3, 4}, block_of(4), Lstm{4, 3}, LayerNorm{3}, LastPosition{}, Linear{3, classes}},
       0,
       true},
      {"Residual", {5}, {Linear{5, 5}, block_of(5), block_with_shortcut(), Linear{4, classes}}},
  };
}

RandomBatch<double> data_for(const Case& one, bool ranges) {
  RandomBatch<double> data(samples, one.input.size(), classes, 5);
  if (one.tokens > 0)
    for (double& value : data.inputs) value = std::floor(static_cast<double>(one.tokens) * (value - std::floor(value)));
  data.use_ranges(ranges);
  data.use_lengths(one.unequal ? one.input[0] : 0);
  return data;
}

/// The network after a few steps, so that nothing is as it was drawn.
Network trained(const Case& one) {
  Network network(one.input, one.layers, 3);
  const RandomBatch<double> data = data_for(one, false);
  std::vector<double> gradient(network.parameters().size());
  for (int step = 0; step < 3; ++step) {
    network.gradient(data.batch(), gradient);
    for (std::size_t i = 0; i < gradient.size(); ++i) network.parameters()[i] -= 0.05 * gradient[i];
  }
  return network;
}

/// A network that answers for one sample at a time and knows no moments. `spoil` is what goes wrong in its gradients.
struct OneByOne {
  using value_type = double;
  Network& network;
  std::function<void(std::span<double>)> spoil = [](std::span<double>) {};

  std::span<double> parameters() { return network.parameters(); }
  std::size_t outputs() const { return network.outputs(); }
  const auto& loss_function() const { return network.loss_function(); }

  void predict(const Batch<double>& one, std::span<double> out) {
    if (one.size != 1) FAIL("asked for more than one sample");
    network.predict(one, out);
  }
  void pullback(const Batch<double>& one, std::span<const double> seed, std::span<double> out) {
    if (one.size != 1) FAIL("asked for more than one sample");
    network.pullback(one, seed, out);
    spoil(out);
  }

  /// Each layer by itself, one sample at a time.
  template <class Functional, class Moment>
  void accumulate_local_moment(const Batch<double>& batch, const Functional& functional, Moment moment,
                               std::span<double> out) {
    std::vector<double> gradient(out.size());
    for (std::size_t n = 0; n < batch.size; ++n) {
      std::fill(gradient.begin(), gradient.end(), 0.0);
      network.accumulate_local_moment(batch.sample(n), functional, moment::Sum{}, std::span<double>(gradient));
      spoil(gradient);
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += moment(gradient[i]);
    }
  }
};
static_assert(PullbackModel<OneByOne> && !MomentModel<OneByOne, LogLikelihood, moment::Square>);

/// Calls `check(name, estimator, cancelled)`. Where signed gradients of samples are summed, small results are
/// differences of large terms: they count from `cancelled` of the largest on.
template <class Check>
void for_each_estimator(const Check& check) {
  for (const Labels labels :
       {Labels::exact, Labels::sampled, Labels::predicted, Labels::empirical, Labels::weighted, Labels::unweighted})
    check(std::string("Fisher ") + name_of(labels), Fisher{.labels = labels, .seed = 4, .draws = 3}, 0.0);
  for (const Labels labels : {Labels::exact, Labels::sampled, Labels::empirical})
    check(std::string("GaussianFisher ") + name_of(labels), GaussianFisher{.labels = labels, .seed = 4}, 0.0);
  for (const Labels labels : {Labels::exact, Labels::sampled, Labels::predicted, Labels::empirical})
    check(std::string("BernoulliFisher ") + name_of(labels), BernoulliFisher{.labels = labels, .seed = 4}, 0.0);
  check("ReversedFisher", ReversedFisher{}, 0.0);
  check("GaussNewton", GaussNewton{}, 0.0);
  for (const MasNorm norm : {MasNorm::squared, MasNorm::plain, MasNorm::mean}) {
    check(std::string("Mas ") + name_of(norm), Mas{.norm = norm}, 0.0);
    check(std::string("LocalMas ") + name_of(norm), LocalMas{.norm = norm}, 0.0);
    check(std::string("BatchMas ") + name_of(norm), BatchMas{.norm = norm}, 1e-2);
  }
  for (const Labels labels : {Labels::sampled, Labels::predicted, Labels::empirical})
    check(std::string("BatchFisher ") + name_of(labels), BatchFisher{.labels = labels, .seed = 4}, 1e-2);
  check("Scp", Scp{.slices = 3, .seed = 4}, 1e-2);
  check("WeightedSum", WeightedSum<Fisher, Mas>{.weight_b = 0.3}, 0.0);
  check("ScpLimit", ScpLimit{}, 1e-2);
}

/// Largest |a - b| in units of |b|, or of `cancelled` times the largest.
double distance(const std::vector<double>& a, const std::vector<double>& b, double cancelled) {
  REQUIRE(a.size() == b.size());
  double largest = 0, worst = 0;
  for (const double value : b) largest = std::max(largest, std::abs(value));
  REQUIRE(largest > 0);
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(a[i] == b[i])) worst = std::max(worst, std::abs(a[i] - b[i]) / std::max(std::abs(b[i]), cancelled * largest));
  return worst;
}

}  // namespace

TEST_CASE("every importance on every layer equals one sample at a time", "[estimators][layers]") {
  for (const Case& one : cases())
    for (const bool ranges : {false, true}) {
      Network network = trained(one);
      OneByOne slow{network};
      const RandomBatch<double> data = data_for(one, ranges);
      const auto batches = test::cut(data.batch(), 8);
      for_each_estimator([&](const std::string& name, const auto& estimator, double cancelled) {
        INFO(name << " of " << one.name << (ranges ? " with ranges" : ""));
        CHECK(distance(test::estimate_of(estimator, network, batches), test::estimate_of(estimator, slow, batches),
                       cancelled) <= 1e-12);
      });
    }
}

TEST_CASE("a gradient that is wrong in one parameter of any block is noticed", "[estimators][layers]") {
  for (const Case& one : cases()) {
    Network network = trained(one);
    const RandomBatch<double> data = data_for(one, false);
    const auto batches = test::cut(data.batch(), 8);
    for_each_estimator([&](const std::string& name, const auto& estimator, double cancelled) {
      const auto fast = test::estimate_of(estimator, network, batches);
      for (const Block& wrong : network.layout().blocks()) {
        INFO(name << " of " << one.name << ", " << wrong.name);
        const auto begin = fast.begin() + static_cast<std::ptrdiff_t>(wrong.offset);
        const auto largest = static_cast<std::size_t>(
            std::max_element(begin, begin + static_cast<std::ptrdiff_t>(wrong.size)) - fast.begin());
        OneByOne slow{network, [&](std::span<double> gradient) { gradient[largest] *= 1 + 1e-9; }};
        CHECK(distance(fast, test::estimate_of(estimator, slow, batches), cancelled) > 1e-12);
      }
    });
  }
}

TEST_CASE("gradients through every layer equal finite differences", "[estimators][layers]") {
  for (const Case& one : cases()) {
    INFO(one.name);
    test::check_gradient(trained(one), data_for(one, true).batch());
  }
}

}  // namespace estimators_by_layer_test
