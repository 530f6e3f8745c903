// SPDX-License-Identifier: MIT
// Dropout: what is dropped, when, and what comes back.
#include <lifelong/nn.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace dropout_test {

namespace {

using namespace lifelong;
using nn::Dropout;
using nn::Linear;
using nn::Tanh;
using test::AnyNetwork;
using test::message_of;
using test::RandomBatch;

/// The biases of Linear{0 weights} behind dropout: the gradient tells what was kept.
auto summing(double p, std::size_t width) {
  AnyNetwork<double, nn::MeanSquaredError> network({Linear{width, width}, Dropout{p}}, 5);
  for (double& value : network.parameters()) value = 0;
  for (std::size_t i = width * width; i < network.parameters().size(); ++i) network.parameters()[i] = 1;
  return network;
}

}  // namespace

TEST_CASE("dropout keeps a share 1 - p of the values, and scales them", "[nn][dropout]") {
  const std::size_t width = 2000;
  auto network = summing(0.3, width);
  const std::vector<double> x(width, 0.0), target(width, 0.0);
  const Batch<double> batch{1, width, x, {}, target};
  std::vector<double> gradient(network.parameters().size());
  // Loss mean (mask_i / 0.7)², slope 2 / width · (mask_i / 0.7)².
  const double loss = network.gradient(batch, gradient);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const double slope = gradient[width * width + i] * static_cast<double>(width) / 2;
    CHECK((slope == 0 || std::abs(slope - 1 / 0.49) < 1e-12));
    kept += slope != 0;
  }
  CHECK(std::abs(static_cast<double>(kept) / static_cast<double>(width) - 0.7) < 0.04);  // 4 standard deviations
  CHECK_THAT(loss, test::WithinRel(static_cast<double>(kept) / static_cast<double>(width) / 0.49, 1e-12));
  CHECK(network.loss(batch) == 1);
}

TEST_CASE("every training pass drops other values, a copy the same", "[nn][dropout]") {
  const RandomBatch<double> data(6, 8, 4);
  auto network = AnyNetwork<double>({Linear{8, 9}, Dropout{0.5}, Linear{9, 4}});
  std::vector<double> first(network.parameters().size()), second(first.size());
  auto copy = network;
  const double loss = network.gradient(data.batch(), first);
  CHECK(network.gradient(data.batch(), second) != loss);
  CHECK(copy.gradient(data.batch(), second) == loss);
  CHECK(first == second);
}

TEST_CASE("layers of dropout draw apart, also inside residual blocks", "[nn][dropout]") {
  const std::size_t width = 64;
  AnyNetwork<double, nn::MeanSquaredError> network(
      {Linear{width, width}, nn::residual(std::tuple{Dropout{0.5}}, std::tuple{Dropout{0.5}})}, 5);
  for (double& value : network.parameters()) value = 0;
  for (std::size_t i = width * width; i < network.parameters().size(); ++i) network.parameters()[i] = 1;
  const std::vector<double> x(width, 0.0), target(width, 0.0);
  const Batch<double> batch{1, width, x, {}, target};
  std::vector<double> gradient(network.parameters().size());
  network.gradient(batch, gradient);
  std::size_t halves = 0;  // one of two paths kept: value 2, slope 2 · 2 · 2 / width
  for (std::size_t i = 0; i < width; ++i)
    halves += std::abs(gradient[width * width + i] * static_cast<double>(width) - 8) < 1e-12;
  CHECK(halves > 16);
  CHECK(halves < 48);
}

TEST_CASE("gradients and moments pass through dropout", "[nn][dropout]") {
  const RandomBatch<double> data(6, 8, 4);
  const auto network = AnyNetwork<double>(
      {Dropout{0.2}, Linear{8, 9}, Dropout{0.5}, nn::residual(Tanh{}, Linear{9, 9}, Dropout{0.3}), Linear{9, 4}});
  test::check_gradient(network, data.batch());
  test::check_training_gradient(network, data.batch());
  test::check_all_moments(network, data.batch());
}

TEST_CASE("probabilities outside their domain are refused", "[nn][dropout]") {
  CHECK(message_of<InvalidArgument>([] {
          (void)AnyNetwork<float>({Dropout{1}, Linear{2, 2}});
        }) == "layer 0: Dropout.p must be in [0, 1), but is 1");
  CHECK_NOTHROW(AnyNetwork<float>({Dropout{0}, Linear{2, 2}}));
}

#if defined(_OPENMP)
TEST_CASE("dropout gives the same bits for any number of threads", "[nn][dropout]") {
  const auto gradient = [](int threads) {
    const RandomBatch<float> data(200, 300, 10);
    auto network = AnyNetwork<float>({Dropout{0.2}, Linear{300, 200}, Dropout{0.5}, Linear{200, 10}}, 1, {threads});
    std::vector<float> out(network.parameters().size());
    network.gradient(data.batch(), out);
    return out;
  };
  const auto serial = gradient(0);
  for (const int threads : {1, 2, 3}) CHECK(gradient(threads) == serial);
}
#endif

}  // namespace dropout_test
