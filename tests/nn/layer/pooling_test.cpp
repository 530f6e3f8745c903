// SPDX-License-Identifier: MIT
// Pooling layers against loops, and where their gradients go.
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace pooling_test {

namespace {

using namespace lifelong;
using nn::AvgPool2d;
using nn::GlobalAvgPool;
using nn::MaxPool2d;
using nn::Shape;
using nn::Sides;
using test::message_of;
using test::RandomBatch;

/// A layer run by itself.
template <class L>
struct Alone {
  L layer;
  Shape in, out;
  nn::LayerMemory<double> memory;
  AlignedVector<double> scratch;

  Alone(L unconnected, Shape input) : layer(unconnected), in(input), out(layer.connect(input)) {}

  nn::Flow<double> flow() { return {{}, {}, memory, scratch, nn::Mode::evaluate, Random(1), 0}; }
  std::vector<double> forward(const std::vector<double>& x) {
    std::vector<double> y(x.size() / in.size() * out.size(), 5.0);
    layer.forward(backend::Serial{}, flow(), nn::Rows<const double>{x.data(), x.size() / in.size(), in.size()},
                  nn::Rows<double>{y.data(), x.size() / in.size(), out.size()});
    return y;
  }
  /// After forward(x).
  std::vector<double> backward(std::vector<double> dy) {
    const std::size_t samples = dy.size() / out.size();
    std::vector<double> dx(samples * in.size(), 5.0);
    const nn::Rows<double> rows{dy.data(), samples, out.size()};
    layer.backward(backend::Serial{}, nn::Pass<moment::Sum>{}, flow(), nn::Rows<const double>{},
                   nn::Rows<const double>(rows), rows, nn::Rows<double>{dx.data(), samples, in.size()},
                   std::span<double>());
    return dx;
  }
};

/// Calls `visit(output, input)` for every input of every window of every plane; `window(output)` before each window.
template <class L, class Window, class Visit>
void for_each_window(const Alone<L>& pool, std::size_t samples, const Window& window, const Visit& visit) {
  const L& l = pool.layer;
  const std::size_t height = pool.in[1], width = pool.in[2];
  for (std::size_t j = 0; j < samples * pool.out.size(); ++j) {
    const std::size_t plane = j / (pool.out[1] * pool.out[2]), at = j % (pool.out[1] * pool.out[2]);
    window(j);
    for (std::size_t a = 0; a < l.kernel.height; ++a)
      for (std::size_t b = 0; b < l.kernel.width; ++b) {
        const std::size_t row = at / pool.out[2] * l.stride.height + a, column = at % pool.out[2] * l.stride.width + b;
        if (row < l.padding.height || row >= height + l.padding.height) continue;
        if (column < l.padding.width || column >= width + l.padding.width) continue;
        visit(j, (plane * height + row - l.padding.height) * width + column - l.padding.width);
      }
  }
}

constexpr Sides kernels[][3] = {{2, 2, 0}, {3, 2, 1}, {{2, 3}, {1, 2}, {0, 1}}, {1, 1, 0}, {3, 4, 0}};
const Shape image{3, 7, 6};

}  // namespace

TEST_CASE("maximum pooling equals loops over windows", "[nn][pooling]") {
  const RandomBatch<double> data(4, image.size(), 1);
  for (const auto& [kernel, stride, padding] : kernels) {
    Alone<MaxPool2d> pool({kernel, stride, padding}, image);
    std::vector<double> expected(4 * pool.out.size()), dy(expected.size()), dx(data.inputs.size());
    std::vector<std::size_t> chosen(expected.size());
    for_each_window(
        pool, 4, [&](std::size_t j) { expected[j] = -std::numeric_limits<double>::infinity(); },
        [&](std::size_t j, std::size_t i) {
          if (data.inputs[i] > expected[j]) expected[j] = data.inputs[i], chosen[j] = i;
        });
    for (std::size_t j = 0; j < dy.size(); ++j) dx[chosen[j]] += dy[j] = static_cast<double>(j + 1);
    CHECK(pool.forward(data.inputs) == expected);
    CHECK(pool.backward(dy) == dx);
  }
}

TEST_CASE("mean pooling equals loops over windows", "[nn][pooling]") {
  const RandomBatch<double> data(4, image.size(), 1);
  for (const auto& [kernel, stride, padding] : kernels) {
    Alone<AvgPool2d> pool({kernel, stride, padding}, image);
    const double share = 1 / static_cast<double>(kernel.size());
    std::vector<double> expected(4 * pool.out.size()), dy(expected.size()), dx(data.inputs.size());
    for (std::size_t j = 0; j < dy.size(); ++j) dy[j] = static_cast<double>(j + 1);
    for_each_window(
        pool, 4, [](std::size_t) {},
        [&](std::size_t j, std::size_t i) {
          expected[j] += share * data.inputs[i];
          dx[i] += share * dy[j];
        });
    CHECK(test::difference(pool.forward(data.inputs), expected) < 1e-12);
    CHECK(test::difference(pool.backward(dy), dx) < 1e-12);
  }
}

TEST_CASE("maximum pooling takes the first of equals and keeps NaN and infinities", "[nn][pooling]") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  Alone<MaxPool2d> pool({2}, {1, 2, 8});
  const std::vector<double> y = pool.forward({1, 3, nan, 5, 2, 7, -infinity, -infinity,  //
                                              3, 3, 4, 1, nan, 1, -infinity, -infinity});
  CHECK(y[0] == 3);
  CHECK(y[1] != y[1]);
  CHECK(y[2] != y[2]);
  CHECK(y[3] == -infinity);
  CHECK(pool.backward({1, 2, 3, 4}) == std::vector<double>{0, 1, 2, 0, 0, 0, 4, 0, 0, 0, 0, 0, 3, 0, 0, 0});
}

TEST_CASE("global mean pooling takes the mean of every channel", "[nn][pooling]") {
  Alone<GlobalAvgPool> pool({}, {2, 1, 3});
  CHECK(pool.out == Shape{2});
  CHECK(pool.forward({1, 2, 6, 4, 4, 4, 0, 0, 3, 9, 9, 9}) == std::vector<double>{3, 4, 1, 9});
  CHECK(pool.backward({3, 6, 9, 12}) == std::vector<double>{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4});
}

TEST_CASE("gradients and moments pass through pooling layers", "[nn][pooling]") {
  const test::AnyNetwork<double> network(Shape{2, 9, 9},
                                         {nn::Conv2d{2, 3, 2}, MaxPool2d{3, 2, 1}, nn::Tanh{}, nn::Conv2d{3, 4, 2},
                                          AvgPool2d{2, 1}, GlobalAvgPool{}, nn::Linear{4, 3}},
                                         2);
  const RandomBatch<double> data(5, network.inputs(), 3);
  test::check_gradient(network, data.batch());
  test::check_all_moments(network, data.batch());
}

TEST_CASE("pooling layers refuse what does not fit", "[nn][pooling]") {
  const auto connect = [](auto layer, Shape shape) { return [=]() mutable { layer.connect(shape); }; };
  CHECK(message_of<ShapeMismatch>(connect(MaxPool2d{3}, {1, 2, 5})) == "MaxPool2d{3}: no window fits into 1 x 2 x 5");
  CHECK(message_of<ShapeMismatch>(connect(AvgPool2d{3}, {9})) ==
        "AvgPool2d{3} takes {channels, height, width} but is given 9");
  CHECK(message_of<InvalidArgument>(connect(MaxPool2d{3, 1, 2}, {1, 9, 9})) ==
        "MaxPool2d{3}: the padding of 2 is more than half the kernel");
  CHECK(message_of<InvalidArgument>(connect(AvgPool2d{{2, 0}}, {1, 9, 9})) == "AvgPool2d{{2, 0}} has an empty kernel");
  CHECK(message_of<InvalidArgument>(connect(AvgPool2d{2, 0}, {1, 9, 9})) == "AvgPool2d{2} has a stride of 0");
  CHECK(message_of<ShapeMismatch>(connect(GlobalAvgPool{}, {9})) ==
        "GlobalAvgPool takes {channels, height, width} but is given 9");
}

}  // namespace pooling_test
