// SPDX-License-Identifier: MIT
// LayerNorm, GroupNorm and BatchNorm against their formulas, differences and one sample at a time.
#include <lifelong/nn.hpp>

#include <algorithm>
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
#include "moments.hpp"
#include "random_batch.hpp"

namespace normalization_test {

namespace {

using namespace lifelong;
using nn::BatchNorm;
using nn::Flatten;
using nn::GELU;
using nn::GroupNorm;
using nn::LayerNorm;
using nn::Linear;
using nn::Shape;
using nn::Tanh;
using test::AnyNetwork;
using test::message_of;
using test::RandomBatch;
using test::WithinAbs;

/// Moves all parameters, so that no γ is 1 and no β is 0.
AnyNetwork<double> stirred(AnyNetwork<double> network) {
  const Random random(77);
  for (std::size_t i = 0; i < network.parameters().size(); ++i) network.parameters()[i] += 0.3 * random.normal(i);
  return network;
}

void check(const AnyNetwork<double>& network, const RandomBatch<double>& data) {
  test::check_gradient(network, data.batch());
  test::check_training_gradient(network, data.batch());
  test::check_all_moments(network, data.batch());
}

/// y of one set of values by the formula.
std::vector<double> normalized(std::vector<double> x) {
  double mean = 0, variance = 0;
  for (const double v : x) mean += v / static_cast<double>(x.size());
  for (const double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
  for (double& v : x) v = (v - mean) / std::sqrt(variance + 1e-5);
  return x;
}

/// Outputs of a network of one normalising layer with its first parameters.
std::vector<double> outputs_of(Shape shape, const test::AnyLayer<double>& layer, const RandomBatch<double>& data) {
  auto network = AnyNetwork<double>(shape, {layer});
  std::vector<double> y(data.inputs.size());
  network.predict(data.batch(), y);
  return y;
}

}  // namespace

TEST_CASE("LayerNorm normalises the features of each position", "[nn][normalization]") {
  const RandomBatch<double> data(3, 12, 12);
  const auto y = outputs_of(Shape{2, 6}, LayerNorm{6}, data);
  for (std::size_t row = 0; row < 6; ++row) {
    const auto expected = normalized({&data.inputs[row * 6], &data.inputs[row * 6] + 6});
    for (std::size_t i = 0; i < 6; ++i) CHECK_THAT(y[row * 6 + i], WithinAbs(expected[i], 1e-13));
  }
}

TEST_CASE("gradients and moments pass through LayerNorm", "[nn][normalization]") {
  const RandomBatch<double> data(7, 12, 4);
  check(stirred(AnyNetwork<double>({Linear{12, 11}, LayerNorm{11}, Tanh{}, Linear{11, 4}})), data);
  check(stirred(AnyNetwork<double>({LayerNorm{12}, Linear{12, 4}})), data);
  check(stirred(AnyNetwork<double>(Shape{3, 4},
                                   {Linear{4, 17}, LayerNorm{17}, Tanh{}, Flatten{}, Linear{51, 4}, LayerNorm{4}})),
        data);
  check(stirred(AnyNetwork<double>(Shape{3, 4}, {nn::residual(LayerNorm{4}, Linear{4, 4}), Flatten{}, Linear{12, 4}})),
        data);
}

TEST_CASE("GroupNorm normalises groups of channels of each sample", "[nn][normalization]") {
  const RandomBatch<double> data(3, 24, 24);
  const auto y = outputs_of(Shape{4, 2, 3}, GroupNorm{2, 4}, data);
  for (std::size_t set = 0; set < 6; ++set) {
    const auto expected = normalized({&data.inputs[set * 12], &data.inputs[set * 12] + 12});
    for (std::size_t i = 0; i < 12; ++i) CHECK_THAT(y[set * 12 + i], WithinAbs(expected[i], 1e-13));
  }
  CHECK(outputs_of(Shape{24}, GroupNorm{1, 24}, data) == outputs_of(Shape{24}, LayerNorm{24}, data));
}

TEST_CASE("gradients and moments pass through GroupNorm", "[nn][normalization]") {
  const RandomBatch<double> data(7, 36, 4);
  check(stirred(AnyNetwork<double>(Shape{4, 3, 3}, {GroupNorm{2, 4}, GELU{}, Flatten{}, Linear{36, 4}})), data);
  check(stirred(AnyNetwork<double>(Shape{6, 6}, {Linear{6, 5}, GroupNorm{3, 6}, Flatten{}, Linear{30, 4}})), data);
  check(stirred(AnyNetwork<double>({Linear{36, 12}, GroupNorm{4, 12}, Tanh{}, Linear{12, 4}})), data);
}

TEST_CASE("BatchNorm normalises each channel over batch and pixels in training", "[nn][normalization]") {
  const RandomBatch<double> data(5, 12, 12);
  auto network = AnyNetwork<double>(Shape{3, 2, 2}, {BatchNorm{.channels = 3, .running_statistics = false}}, 0);
  std::vector<double> y(60);
  network.predict(data.batch(), y);
  for (std::size_t c = 0; c < 3; ++c) {
    std::vector<double> x;
    for (std::size_t n = 0; n < 5; ++n)
      for (std::size_t p = 0; p < 4; ++p) x.push_back(data.inputs[n * 12 + c * 4 + p]);
    const auto expected = normalized(x);
    for (std::size_t n = 0; n < 5; ++n)
      for (std::size_t p = 0; p < 4; ++p) CHECK_THAT(y[n * 12 + c * 4 + p], WithinAbs(expected[n * 4 + p], 1e-13));
  }
}

TEST_CASE("BatchNorm's running statistics follow the batches", "[nn][normalization]") {
  const RandomBatch<double> data(5, 12, 12);
  auto network = AnyNetwork<double>(Shape{3, 2, 2}, {BatchNorm{.channels = 3, .momentum = 0.25}});
  CHECK(network.layout().blocks()[0].name == "0.weight");
  CHECK(network.layout().blocks()[0].kind == BlockKind::normalization);
  CHECK(network.buffer_layout().blocks()[0].name == "0.running_mean");
  CHECK(network.buffer_layout().blocks()[1].name == "0.running_var");
  std::vector<double> gradient(6), y(60);
  network.gradient(data.batch(), gradient);
  network.gradient(data.batch(), gradient);
  for (std::size_t c = 0; c < 3; ++c) {
    double mean = 0, variance = 0;
    for (std::size_t n = 0; n < 5; ++n)
      for (std::size_t p = 0; p < 4; ++p) mean += data.inputs[n * 12 + c * 4 + p] / 20;
    for (std::size_t n = 0; n < 5; ++n)
      for (std::size_t p = 0; p < 4; ++p) variance += std::pow(data.inputs[n * 12 + c * 4 + p] - mean, 2) / 19;
    const double running_mean = (1 - 0.75 * 0.75) * mean, running_var = 0.75 * 0.75 + (1 - 0.75 * 0.75) * variance;
    CHECK_THAT(network.buffers()[c], WithinAbs(running_mean, 1e-14));
    CHECK_THAT(network.buffers()[3 + c], WithinAbs(running_var, 1e-14));
    network.predict(data.batch(), y);
    CHECK_THAT(y[c * 4], WithinAbs((data.inputs[c * 4] - running_mean) / std::sqrt(running_var + 1e-5), 1e-13));
  }
}

TEST_CASE("gradients and moments pass through BatchNorm", "[nn][normalization]") {
  const RandomBatch<double> data(7, 36, 4), other(9, 36, 4, 2);
  const auto trained = [&](AnyNetwork<double> network) {
    std::vector<double> gradient(network.parameters().size());
    for (int step = 0; step < 3; ++step) network.gradient(other.batch(), gradient);
    return stirred(network);
  };
  check(trained(AnyNetwork<double>(Shape{4, 3, 3}, {BatchNorm{4}, GELU{}, Flatten{}, Linear{36, 4}})), data);
  check(trained(AnyNetwork<double>(Shape{6, 6}, {Linear{6, 5}, BatchNorm{6}, Flatten{}, Linear{30, 4}})), data);
  check(trained(AnyNetwork<double>({Linear{36, 13}, BatchNorm{13}, Tanh{}, Linear{13, 4}, BatchNorm{4}})), data);
  check(trained(AnyNetwork<double>(
            {Linear{36, 8},
             nn::residual(std::tuple{Linear{8, 6}, BatchNorm{6}, Tanh{}}, std::tuple{Linear{8, 6}, BatchNorm{6}}),
             Linear{6, 4}})),
        data);
}

TEST_CASE("BatchNorm without running statistics has no moments", "[nn][normalization]") {
  const RandomBatch<double> data(7, 6, 4);
  auto network =
      stirred(AnyNetwork<double>({Linear{6, 5}, BatchNorm{.channels = 5, .running_statistics = false}, Linear{5, 4}}));
  CHECK(network.buffers().empty());
  test::check_gradient(network, data.batch());
  test::check_training_gradient(network, data.batch());
  std::vector<double> out(network.parameters().size());
  const std::string message =
      "layer 1: BatchNorm{5} has no running statistics: its outputs for a sample depend on the rest of the batch, so "
      "there is no gradient of one sample. Use running_statistics = true, or GroupNorm or LayerNorm";
  CHECK(message_of<InvalidArgument>([&] {
          network.accumulate_moment(data.batch(), importance::SquaredNorm{}, moment::Square{}, out);
        }) == message);
  CHECK(message_of<InvalidArgument>([&] { network.pullback(data.batch(), data.targets, out); }) == message);
}

TEST_CASE("a batch with NaN leaves the running statistics as they were", "[nn][normalization]") {
  RandomBatch<double> data(7, 6, 4);
  auto network = AnyNetwork<double>({Linear{6, 5}, BatchNorm{5}, Linear{5, 4}, BatchNorm{4}});
  std::vector<double> out(network.parameters().size());
  network.gradient(data.batch(), out);
  const std::vector<double> before(network.buffers().begin(), network.buffers().end());
  data.inputs[8] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(network.gradient(data.batch(), out)));
  CHECK(std::ranges::equal(network.buffers(), before));
}

TEST_CASE("statistics of one value are refused", "[nn][normalization]") {
  const RandomBatch<double> data(1, 6, 4);
  auto network = AnyNetwork<double>({Linear{6, 4}, BatchNorm{4}});
  std::vector<double> out(network.parameters().size(), 7.0);
  CHECK(message_of<InvalidArgument>([&] { network.gradient(data.batch(), out); }) ==
        "BatchNorm{4} cannot take statistics of a single value per channel");
  CHECK(out == std::vector<double>(out.size(), 7.0));
  CHECK(network.buffers()[0] == 0);
  CHECK(std::isfinite(network.evaluation_gradient(data.batch(), out)));
}

TEST_CASE("normalisations that do not fit are refused", "[nn][normalization]") {
  const auto invalid = [](const test::AnyLayer<float>& layer) {
    return message_of<InvalidArgument>([&] { (void)AnyNetwork<float>(Shape{4, 3}, {layer}); });
  };
  const auto mismatch = [](const test::AnyLayer<float>& layer) {
    return message_of<ShapeMismatch>([&] { (void)AnyNetwork<float>(Shape{4, 3}, {layer}); });
  };
  CHECK(invalid(LayerNorm{0}) == "layer 0: LayerNorm{0} must have at least 1 feature");
  CHECK(invalid(LayerNorm{3, 0}) == "layer 0: LayerNorm.epsilon must be a finite number above 0, but is 0");
  CHECK(mismatch(LayerNorm{4}) == "layer 0: LayerNorm{4} takes 4 features but is given 4 x 3");
  CHECK(invalid(GroupNorm{3, 4}) == "layer 0: GroupNorm{3, 4} must have channels that its groups divide");
  CHECK(mismatch(GroupNorm{3, 3}) == "layer 0: GroupNorm{3, 3} takes 3 channels but is given 4 x 3");
  CHECK(invalid(BatchNorm{0}) == "layer 0: BatchNorm{0} must have at least 1 channel");
  CHECK(invalid(BatchNorm{4, -0.5}) == "layer 0: BatchNorm.momentum must be in [0, 1], but is -0.5");
  CHECK(mismatch(BatchNorm{3}) == "layer 0: BatchNorm{3} takes 3 channels but is given 4 x 3");
}

#if defined(_OPENMP)
TEST_CASE("normalisations give the same bits for any number of threads", "[nn][normalization]") {
  const auto everything = [](int threads) {
    const RandomBatch<float> data(150, 16 * 100, 50);
    AnyNetwork<float> network(
        Shape{16, 100}, {BatchNorm{16}, GroupNorm{4, 16}, Linear{100, 60}, LayerNorm{60}, Flatten{}, Linear{960, 50}},
        1, {threads});
    const std::size_t count = network.parameters().size();
    std::vector<float> all(2 * count + 32);
    network.gradient(data.batch(), std::span(all).first(count));
    network.accumulate_moment(data.batch(), importance::SquaredNorm{}, moment::Square{},
                              std::span(all).subspan(count, count));
    std::copy_n(network.buffers().begin(), 32, all.begin() + static_cast<std::ptrdiff_t>(2 * count));
    return all;
  };
  const auto serial = everything(0);
  for (const int threads : {1, 2, 3}) CHECK(everything(threads) == serial);
}
#endif

}  // namespace normalization_test
