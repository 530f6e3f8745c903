// SPDX-License-Identifier: MIT
// Convolutions against loops written out in double, and what they share with all layers.
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace convolution_test {

namespace {

using namespace lifelong;
using nn::Conv2d;
using nn::Shape;
using nn::Sides;
using test::message_of;
using test::RandomBatch;

using Layers = std::vector<test::AnyLayer<double>>;
using Network = test::AnyNetwork<double>;

struct Setup {
  Conv2d layer;
  std::size_t height, width;

  Shape input() const { return {layer.in, height, width}; }
  std::string text() const { return layer.text() + " on " + input().text(); }
  /// The convolution, made two outputs.
  Network network() const {
    Conv2d connected = layer;
    const std::size_t outputs = connected.connect(input()).size();
    return Network(input(), {layer, nn::Tanh{}, nn::Flatten{}, nn::Linear{outputs, 2}}, 3);
  }
};

const std::vector<Setup> setups{
    {{1, 4, 3, 1, 1}, 6, 6},
    {{3, 5, {2, 3}, {2, 1}, {1, 0}}, 7, 5},
    {{4, 6, 3, 2, 1, 2}, 5, 8},
    {{4, 4, 3, 1, 1, 4}, 5, 5},                 // depthwise
    {{3, 6, {3, 2}, {2, 3}, {1, 0}, 3}, 6, 9},  // with two outputs for each channel
    {{5, 7, 1}, 3, 4},
    {{4, 6, 1, 1, 0, 2}, 8, 9},  // nothing is unfolded
    {{2, 3, 1, 2}, 5, 5},
    {{3, 4, 5}, 5, 5},  // one position
    {{1, 2, 5, 1, 3}, 2, 3},
    {{2, 18, 3, 3, 2}, 9, 4},
};

/// Calls `visit(y, w, x)` with the indices of the output, weight and input of every product of one image.
template <class Visit>
void for_each_product(const Setup& setup, const Visit& visit) {
  const Conv2d& l = setup.layer;
  const std::size_t in = l.in / l.groups, out = l.out / l.groups;
  const std::size_t rows = (setup.height + 2 * l.padding.height - l.kernel.height) / l.stride.height + 1;
  const std::size_t columns = (setup.width + 2 * l.padding.width - l.kernel.width) / l.stride.width + 1;
  for (std::size_t o = 0; o < l.out; ++o)
    for (std::size_t i = 0; i < in; ++i)
      for (std::size_t p = 0; p < rows * columns; ++p)
        for (std::size_t k = 0; k < l.kernel.size(); ++k) {
          const std::size_t row = p / columns * l.stride.height + k / l.kernel.width;
          const std::size_t column = p % columns * l.stride.width + k % l.kernel.width;
          if (row < l.padding.height || row >= setup.height + l.padding.height) continue;
          if (column < l.padding.width || column >= setup.width + l.padding.width) continue;
          visit(o * rows * columns + p, (o * in + i) * l.kernel.size() + k,
                ((o / out * in + i) * setup.height + row - l.padding.height) * setup.width + column - l.padding.width);
        }
}

/// Outputs and the gradient of Σ_n ⟨v_n, f(x_n)⟩, both by loops.
void check_against_loops(const Setup& setup, std::size_t samples) {
  INFO(setup.text() << ", " << samples << " samples");
  Network network(setup.input(), {setup.layer}, 5);
  const std::size_t outputs = network.outputs(), weights = network.layout().blocks()[0].size;
  const std::size_t positions = outputs / setup.layer.out;
  const RandomBatch<double> data(samples, network.inputs(), outputs);
  const auto theta = network.parameters();
  std::vector<double> y(samples * outputs), expected(y.size()), gradient(theta.size(), 7.0), slow(theta.size());
  for (std::size_t n = 0; n < samples; ++n) {
    double* const row = expected.data() + n * outputs;
    const double *const x = data.inputs.data() + n * network.inputs(), *const seed = data.targets.data() + n * outputs;
    for (std::size_t j = 0; j < outputs; ++j) {
      row[j] = theta[weights + j / positions];
      slow[weights + j / positions] += seed[j];
    }
    for_each_product(setup, [&](std::size_t j, std::size_t w, std::size_t i) {
      row[j] += theta[w] * x[i];
      slow[w] += seed[j] * x[i];
    });
  }
  const auto largest_difference = [](const std::vector<double>& a, const std::vector<double>& b) {
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      worst = std::max(worst, std::abs(a[i] - b[i]));
      largest = std::max(largest, std::abs(b[i]));
    }
    return worst / largest;
  };
  network.predict(data.batch(), y);
  CHECK(largest_difference(y, expected) < 1e-13);
  network.pullback(data.batch(), data.targets, gradient);
  CHECK(largest_difference(gradient, slow) < 1e-12);
}

}  // namespace

TEST_CASE("convolutions equal loops over all products", "[nn][convolution]") {
  for (const Setup& setup : setups) check_against_loops(setup, 3);
  check_against_loops({{4, 2, 3}, 20, 20}, 50);  // more than is unfolded at a time
}

TEST_CASE("gradients pass through convolutions", "[nn][convolution]") {
  for (const Setup& setup : setups) {
    INFO(setup.text());
    Network inner = setup.network();
    const Conv2d first{2, setup.layer.in, 3, 1, 1};
    Layers layers = inner.layers();
    layers.insert(layers.begin(), {first, nn::Tanh{}});
    const Network network({2, setup.height, setup.width}, layers, 3);
    test::check_gradient(network, RandomBatch<double>(3, network.inputs(), 2).batch());
  }
}

TEST_CASE("moments of convolutions are those of single samples", "[nn][convolution]") {
  for (const Setup& setup : setups) {
    INFO(setup.text());
    const Network network = setup.network();
    test::check_all_moments(network, RandomBatch<double>(4, network.inputs(), 2).batch());
  }
}

TEST_CASE("convolutions have PyTorch's parameters", "[nn][convolution]") {
  const auto network = nn::sequential<double>(Shape{4, 9, 9}, Conv2d{4, 6, {3, 2}, 1, 0, 2}, nn::Flatten{});
  const auto& blocks = network.layout().blocks();
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0].name == "0.weight");
  CHECK(blocks[0].shape == std::vector<std::size_t>{6, 2, 3, 2});
  CHECK(blocks[0].kind == BlockKind::convolution);
  CHECK(blocks[1].name == "0.bias");
  CHECK(blocks[1].shape == std::vector<std::size_t>{6});
  const auto theta = network.parameters();
  const double bound = 1 / std::sqrt(12.0);
  CHECK(*std::ranges::max_element(theta) <= bound);
  CHECK(*std::ranges::max_element(theta) > bound / 2);
  CHECK(*std::ranges::min_element(theta) < -bound / 2);
  CHECK(*std::ranges::min_element(theta) >= -bound);
}

TEST_CASE("convolutions are bitwise equal for any number of threads", "[nn][convolution]") {
  const auto values = [](int threads) {
    const std::vector<test::AnyLayer<float>> layers{
        Conv2d{3, 16, 3, 1, 1}, nn::ReLU{},    Conv2d{16, 16, 3, 1, 1, 16}, nn::MaxPool2d{2}, Conv2d{16, 32, 1},
        nn::AvgPool2d{2},       nn::Flatten{}, nn::Linear{512, 10}};
    test::AnyNetwork<float> network(Shape{3, 16, 16}, layers, 1, {threads});
    const RandomBatch<float> data(40, network.inputs(), 10);
    std::vector<float> all(2 * network.parameters().size());
    network.gradient(data.batch(), std::span(all).first(all.size() / 2));
    network.accumulate_moment(data.batch(), test::log_likelihood(importance::Labels::empirical), moment::Square{},
                              std::span(all).last(all.size() / 2));
    return all;
  };
  const std::vector<float> expected = values(0);
  for (const int threads : {1, 2, 3}) CHECK(values(threads) == expected);
}

TEST_CASE("convolutions refuse what does not fit", "[nn][convolution]") {
  const auto connect = [](Conv2d layer, Shape shape) { return [=]() mutable { layer.connect(shape); }; };
  CHECK(message_of<ShapeMismatch>(connect({3, 4, 3}, {2, 8, 8})) ==
        "Conv2d{3, 4, 3} takes 3 channels but is given 2 x 8 x 8");
  CHECK(message_of<ShapeMismatch>(connect({3, 4, 3}, {192})) ==
        "Conv2d{3, 4, 3} takes {channels, height, width} but is given 192");
  CHECK(message_of<ShapeMismatch>(connect({3, 4, {3, 5}, 2, 1}, {3, 1, 2})) ==
        "Conv2d{3, 4, {3, 5}, 2, 1}: no window fits into 3 x 1 x 2");
  CHECK(message_of<InvalidArgument>(connect({4, 6, 3, 1, 0, 3}, {4, 8, 8})) ==
        "Conv2d{4, 6, 3, 1, 0, 3}: 3 groups do not divide the channels");
  CHECK(message_of<InvalidArgument>(connect({4, 6, 3, 1, 0, 0}, {4, 8, 8})) ==
        "Conv2d{4, 6, 3, 1, 0, 0}: 0 groups do not divide the channels");
  CHECK(message_of<InvalidArgument>(connect({0, 6, 3}, {4, 8, 8})) ==
        "Conv2d{0, 6, 3} must have at least 1 input channel and 1 output channel");
  CHECK(message_of<InvalidArgument>(connect({4, 6, 0}, {4, 8, 8})) == "Conv2d{4, 6, 0} has an empty kernel");
  CHECK(message_of<InvalidArgument>(connect({4, 6, 3, {1, 0}}, {4, 8, 8})) ==
        "Conv2d{4, 6, 3, {1, 0}} has a stride of 0");
  CHECK(message_of<InvalidArgument>([] {
          nn::sequential<float>(Conv2d{1, 2, 3}, nn::ReLU{});
        }) ==
        "the first layers take inputs of more than one shape: give the network the shape, as in Shape{1, 28, 28}");
}

}  // namespace convolution_test
