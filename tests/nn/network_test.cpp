// SPDX-License-Identifier: MIT
// Networks: initial parameters, losses and gradients, errors, determinism, allocations.
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/output_norm.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "finite_difference.hpp"
#include "random_batch.hpp"
#include "tiny_model.hpp"

namespace network_test {

namespace {

using namespace lifelong;
using test::AnyNetwork;
using test::check_gradient;
using test::ContainsSubstring;
using test::message_of;
using test::RandomBatch;
using test::WithinAbs;
using test::WithinRel;

void check_activation(const test::AnyLayer<double>& activation) {
  RandomBatch<double> data(9, 5, 4);
  const std::vector<test::AnyLayer<double>> layers{nn::Linear{5, 7}, activation, nn::Linear{7, 4}};
  const std::vector<test::AnyLayer<double>> ending{activation, nn::Linear{5, 6}, nn::Linear{6, 4}, activation};
  for (const bool ranges : {false, true}) {
    data.use_ranges(ranges);
    check_gradient(AnyNetwork<double>(layers, 3), data.batch());
    check_gradient(AnyNetwork<double, nn::MeanSquaredError>(layers, 4), data.batch());
    check_gradient(AnyNetwork<double>(ending, 5), data.batch());
    check_gradient(AnyNetwork<double, nn::MeanSquaredError>(ending, 6), data.batch());
  }
}

}  // namespace

TEST_CASE("gradients agree with central differences", "[nn]") {
  SECTION("relu") { check_activation(nn::ReLU{}); }
  SECTION("tanh") { check_activation(nn::Tanh{}); }
  SECTION("sigmoid") { check_activation(nn::Sigmoid{}); }
  SECTION("gelu") { check_activation(nn::GELU{}); }
  SECTION("linear alone") {
    const RandomBatch<double> data(4, 5, 3);
    check_gradient(nn::sequential<double>(nn::Linear{5, 3}), data.batch());
  }
  SECTION("mlp") {
    const RandomBatch<double> data(9, 5, 4);
    for (const auto activation :
         {nn::Activation::relu, nn::Activation::tanh, nn::Activation::sigmoid, nn::Activation::gelu}) {
      const nn::MlpOptions options{.seed = 7, .activation = activation};
      check_gradient(nn::mlp<double>({5, 6, 7, 4}, options), data.batch());
      check_gradient(test::any_mlp<double, nn::MeanSquaredError>({5, 6, 4}, options), data.batch());
    }
  }
}

TEST_CASE("a pullback is the product of a seed and the Jacobian", "[nn]") {
  const RandomBatch<double> data(6, 5, 4);
  auto network = nn::mlp<double>({5, 6, 4}, {.seed = 2, .activation = nn::Activation::tanh});
  const std::size_t count = network.parameters().size();
  std::vector<double> out(count, 99.0), above(24), below(24);
  network.pullback(data.batch(), data.targets, out);
  for (std::size_t i = 0; i < count; ++i) {
    const double before = network.parameters()[i];
    network.parameters()[i] = before + 1e-6;
    network.predict(data.batch(), above);
    network.parameters()[i] = before - 1e-6;
    network.predict(data.batch(), below);
    network.parameters()[i] = before;
    double expected = 0;
    for (std::size_t j = 0; j < 24; ++j) expected += data.targets[j] * (above[j] - below[j]) / 2e-6;
    REQUIRE_THAT(out[i], WithinAbs(expected, 1e-7 * (1 + std::abs(expected))));
  }
}

TEST_CASE("an mlp computes what a network written out by hand computes", "[nn]") {
  test::TinyModel slow;
  auto network = nn::mlp<double>({slow.in, slow.hidden, slow.out}, {.activation = nn::Activation::tanh});
  REQUIRE(network.parameters().size() == slow.theta.size());
  std::copy(slow.theta.begin(), slow.theta.end(), network.parameters().begin());
  const RandomBatch<double> data(7, slow.in, slow.out);
  std::vector<double> expected(slow.theta.size()), actual(slow.theta.size()), f(7 * slow.out), g(7 * slow.out);
  slow.predict(data.batch(), std::span<double>(f));
  network.predict(data.batch(), g);
  for (std::size_t i = 0; i < f.size(); ++i) CHECK_THAT(g[i], WithinAbs(f[i], 1e-14));
  slow.pullback(data.batch(), std::span<const double>(data.targets), std::span<double>(expected));
  network.pullback(data.batch(), data.targets, actual);
  for (std::size_t i = 0; i < actual.size(); ++i) CHECK_THAT(actual[i], WithinAbs(expected[i], 1e-13));
}

TEST_CASE("losses are those of PyTorch with reduction mean", "[nn]") {
  const std::vector<double> x{1, 0, 0, 1}, targets{1, 2, 3, 4, 5, 6};
  const std::vector<std::int32_t> labels{2, 0};
  const Batch<double> batch{2, 2, x, labels, targets, {}, {}};
  const auto fill = [](auto network) {  // columns of W: (0, 1, 2) and (3, 0, 1); b = 0
    const double w[] = {0, 3, 1, 0, 2, 1, 0, 0, 0};
    std::copy(std::begin(w), std::end(w), network.parameters().begin());
    return network;
  };
  auto classifier = fill(nn::sequential<double>(nn::Linear{2, 3}));
  auto regression = fill(nn::sequential<double>(std::tuple{nn::Linear{2, 3}}, 0, {}, nn::MeanSquaredError{}));
  const double first = std::log(1 + std::exp(1) + std::exp(2)) - 2;
  const double second = std::log(std::exp(3) + 1 + std::exp(1)) - 3;
  CHECK_THAT(classifier.loss(batch), WithinRel((first + second) / 2, 1e-15));
  CHECK_THAT(regression.loss(batch), WithinRel((1 + 1 + 1 + 1 + 25 + 25) / 6.0, 1e-15));

  SECTION("only active outputs compete") {
    const std::vector<OutputRange> active{{1, 2}, {0, 0}};
    Batch<double> some = batch;
    some.active = active;
    CHECK_THAT(classifier.loss(some), WithinRel((std::log(std::exp(1) + std::exp(2)) - 2 + second) / 2, 1e-15));
    CHECK_THAT(regression.loss(some), WithinRel(((1 + 1) / 2.0 + (1 + 25 + 25) / 3.0) / 2, 1e-15));
    std::vector<double> gradient(9);
    classifier.gradient(some, gradient);
    CHECK_THAT(gradient[0], WithinAbs(0, 0));  // sample 0 is the only one with x_0 = 1, and does not use output 0
  }
}

TEST_CASE("parameters start as PyTorch's do, from counted draws", "[nn]") {
  const auto network = nn::mlp<double>({4, 5, 3}, {.seed = 11});
  const Random random(11, Purpose::initialization);
  const auto theta = network.parameters();
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const double bound = i < 25 ? 1 / std::sqrt(4.0) : 1 / std::sqrt(5.0);
    CHECK(theta[i] == (2 * random.uniform(i) - 1) * bound);
  }
}

TEST_CASE("blocks carry PyTorch's names and shapes", "[nn]") {
  const auto network = nn::mlp<float>({4, 5, 3, 2});
  const auto& blocks = network.layout().blocks();
  REQUIRE(blocks.size() == 6);
  const std::string names[] = {"0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"};
  const std::vector<std::size_t> shapes[] = {{5, 4}, {5}, {3, 5}, {3}, {2, 3}, {2}};
  for (std::size_t b = 0; b < 6; ++b) {
    CHECK(blocks[b].name == names[b]);
    CHECK(blocks[b].shape == shapes[b]);
  }
  CHECK(network.layout().size() == network.parameters().size());
  CHECK(network.inputs() == 4);
  CHECK(network.outputs() == 2);
}

TEST_CASE("an mlp gives the bits of the sequential network of the same layers", "[nn]") {
  const RandomBatch<float> data(33, 20, 6);
  auto run = nn::mlp<float>({20, 30, 6}, {.seed = 5, .activation = nn::Activation::gelu});
  auto fixed = nn::sequential<float>(std::tuple{nn::Linear{20, 30}, nn::GELU{}, nn::Linear{30, 6}}, 5);
  std::vector<float> a(run.parameters().size()), b(fixed.parameters().size());
  CHECK(run.gradient(data.batch(), a) == fixed.gradient(data.batch(), b));
  CHECK(a == b);
  run.accumulate_moment(data.batch(), importance::LogLikelihood{}, moment::Square{}, a);
  fixed.accumulate_moment(data.batch(), importance::LogLikelihood{}, moment::Square{}, b);
  CHECK(a == b);
}

TEST_CASE("a copy is an independent network", "[nn]") {
  const RandomBatch<float> data(5, 4, 3);
  auto network = nn::mlp<float>({4, 6, 3}, {.seed = 1});
  const double before = network.loss(data.batch());
  auto copy = network;
  CHECK(copy.loss(data.batch()) == before);
  for (float& value : copy.parameters()) value = 0;
  CHECK_THAT(copy.loss(data.batch()), WithinRel(std::log(3.0), 1e-6));
  CHECK(network.loss(data.batch()) == before);
}

TEST_CASE("NaN reaches the loss", "[nn]") {
  RandomBatch<float> data(5, 4, 3);
  data.inputs[6] = std::numeric_limits<float>::quiet_NaN();
  for (const auto activation :
       {nn::Activation::relu, nn::Activation::tanh, nn::Activation::sigmoid, nn::Activation::gelu}) {
    auto network = nn::mlp<float>({4, 33, 3}, {.seed = 1, .activation = activation});
    std::vector<float> gradient(network.parameters().size());
    CHECK(std::isnan(network.gradient(data.batch(), gradient)));
  }
}

TEST_CASE("networks that do not fit together are refused", "[nn]") {
  CHECK(message_of<ShapeMismatch>([] {
          (void)nn::sequential<float>(nn::Linear{4, 5}, nn::ReLU{}, nn::Linear{6, 2});
        }) == "layer 2: Linear{6, 2} takes 6 inputs but is given 5");
  CHECK(message_of<InvalidArgument>([] {
          (void)nn::mlp<float>({4, 0, 2});
        }) == "layer 0: Linear{4, 0} must have at least 1 input and 1 output");
  CHECK(message_of<InvalidArgument>([] { (void)nn::mlp<float>({4}); }) ==
        "an mlp needs the widths of its inputs and outputs, but has 1 widths");
  CHECK(message_of<InvalidArgument>([] { (void)nn::sequential<float>(nn::ReLU{}); }) ==
        "a network needs at least one layer with parameters");
}

TEST_CASE("batches that do not fit are refused and nothing is written", "[nn]") {
  RandomBatch<float> data(3, 4, 2);
  auto network = nn::mlp<float>({4, 5, 2});
  auto regression = nn::mlp<float>({4, 5, 2}, {}, {}, nn::MeanSquaredError{});
  std::vector<float> out(network.parameters().size(), 7.0f), outputs(6), scarce(5);
  Batch<float> batch = data.batch();
  const auto shape_message = [&] { return message_of<ShapeMismatch>([&] { network.gradient(batch, out); }); };
  const auto value_message = [&] { return message_of<InvalidArgument>([&] { network.gradient(batch, out); }); };

  SECTION("features") {
    batch.features = 3;
    CHECK(shape_message() == "the batch has 3 features per sample where the network takes 4");
  }
  SECTION("inputs") {
    batch.size = 2;
    CHECK(shape_message() == "batch.inputs has 12 elements where 8 are needed");
  }
  SECTION("no labels") {
    batch.labels = {};
    CHECK(shape_message() == "batch.labels has 0 elements where 3 are needed");
  }
  SECTION("label too large") {
    data.labels[1] = 2;
    CHECK(value_message() == "batch.labels[1] is 2, not one of the active outputs [0, 2)");
    CHECK_THROWS_AS(network.accumulate_moment(batch, importance::SquaredNorm{}, moment::Square{}, out),
                    InvalidArgument);
  }
  SECTION("negative label") {
    data.labels[0] = -1;
    CHECK(value_message() == "batch.labels[0] is -1, not one of the active outputs [0, 2)");
  }
  SECTION("label outside the active outputs") {
    const std::vector<OutputRange> active{{0, 1}, {0, 2}, {0, 2}};
    data.labels[0] = 1;
    batch.active = active;
    CHECK(value_message() == "batch.labels[0] is 1, not one of the active outputs [0, 1)");
  }
  SECTION("active outputs that do not exist") {
    const std::vector<OutputRange> active{{0, 1}, {0, 2}, {4294967295u, 2}};
    batch.active = active;
    data.labels[0] = 0;
    CHECK(value_message() == "batch.active[2] is [4294967295, 4294967297) where the network has 2 outputs");
    batch.active = std::span(active).first(2);
    CHECK(shape_message() == "batch.active has 2 elements where 3 are needed");
  }
  SECTION("targets") {
    batch.targets = batch.targets.first(5);
    CHECK(message_of<ShapeMismatch>([&] { regression.loss(batch); }) ==
          "batch.targets has 5 elements where 6 are needed");
  }
  SECTION("no samples") {
    batch.size = 0;
    batch.inputs = {};
    CHECK(value_message() == "the mean loss of a batch of 0 samples is undefined");
  }
  SECTION("results") {
    const std::string gradient = "the gradient has 5 elements where 37 are needed";
    CHECK(message_of<ShapeMismatch>([&] { network.gradient(batch, scarce); }) == gradient);
    CHECK(message_of<ShapeMismatch>([&] { network.pullback(batch, outputs, scarce); }) == gradient);
    CHECK(message_of<ShapeMismatch>([&] { network.predict(batch, scarce); }) ==
          "the array for the outputs has 5 elements where 6 are needed");
    CHECK(message_of<ShapeMismatch>([&] { network.pullback(batch, scarce, out); }) ==
          "the array of cotangents has 5 elements where 6 are needed");
    CHECK(message_of<ShapeMismatch>([&] {
            network.accumulate_moment(batch, importance::SquaredNorm{}, moment::Square{}, scarce);
          }) == gradient);
  }
  CHECK(out == std::vector<float>(out.size(), 7.0f));
}

#if defined(_OPENMP)

namespace {

/// Everything a network computes from a batch, one after the other.
template <class T, class Functional>
std::vector<T> everything(const std::vector<std::size_t>& widths, const RandomBatch<T>& data, int threads,
                          const Functional& functional) {
  auto network = test::any_mlp<T>(widths, {.seed = 3, .activation = nn::Activation::tanh}, {threads});
  const std::size_t count = network.parameters().size();
  std::vector<T> all(3 * count + data.targets.size() + 1);
  const std::span<T> results(all);
  all.back() = static_cast<T>(network.gradient(data.batch(), results.first(count)));
  network.pullback(data.batch(), data.targets, results.subspan(count, count));
  network.accumulate_moment(data.batch(), functional, moment::Square{}, results.subspan(2 * count, count));
  network.predict(data.batch(), results.subspan(3 * count, data.targets.size()));
  return all;
}

template <class T, class Functional>
void check_threads(const std::vector<std::size_t>& widths, std::size_t samples, const Functional& functional) {
  const RandomBatch<T> data(samples, widths.front(), widths.back());
  const auto serial = everything(widths, data, 0, functional);
  for (const int threads : {1, 2, 3, 4}) CHECK(everything(widths, data, threads, functional) == serial);
}

}  // namespace

TEST_CASE("results are bitwise equal for any number of threads", "[nn]") {
  SECTION("float") { check_threads<float>({41, 301, 151}, 449, importance::SquaredNorm{}); }
  SECTION("double") { check_threads<double>({41, 301, 151}, 449, importance::SquaredNorm{}); }
  SECTION("several cotangents") { check_threads<float>({40, 301, 3}, 449, importance::LogLikelihood{}); }
}

#endif

}  // namespace network_test
