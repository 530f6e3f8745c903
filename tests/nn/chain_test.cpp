// SPDX-License-Identifier: MIT
// Shapes between layers, layers shared by positions, hooks, buffers, and training as opposed to evaluation.
#include <lifelong/importance/batch_fisher.hpp>
#include <lifelong/importance/estimation.hpp>
#include <lifelong/importance/output_norm.hpp>
#include <lifelong/nn.hpp>
#if defined(_OPENMP)
#include <lifelong/backend/openmp.hpp>
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace chain_test {

namespace {

using namespace lifelong;
using nn::Flatten;
using nn::Linear;
using nn::Shape;
using nn::Tanh;
using test::message_of;
using test::RandomBatch;

/// y = x in evaluation, y = u x in training with u uniform; counts the values seen in a buffer.
struct Noise {
  static constexpr bool in_place = false;
  std::size_t width = 0;

  [[nodiscard]] Shape expected() const { return {}; }
  Shape connect(Shape in) {
    width = in.size();
    return in;
  }
  [[nodiscard]] std::size_t draws() const { return width; }
  void declare(Layout&, const std::string&) const {}
  void declare_buffers(Layout& layout, const std::string& prefix) const { layout.add(prefix + ".count", {1}); }
  template <class T>
  void initialize_buffers(std::span<T> buffers) const {
    buffers[0] = 100;
  }
  template <class T>
  void initialize(std::span<T>, const Random&, std::uint64_t) const {}

  template <class T>
  static T factor(const nn::Flow<T>& flow, std::size_t i) {
    if (flow.mode == nn::Mode::evaluate) return 1;
    return static_cast<T>(flow.random.uniform(flow.first_draw + i));
  }
  template <class T, class Backend>
  void forward(const Backend&, const nn::Flow<T>& flow, nn::Rows<const T> x, nn::Rows<T> y) const {
    for (std::size_t i = 0; i < x.size(); ++i) y.data[i] = factor(flow, i) * x.data[i];
    if (flow.mode == nn::Mode::train) flow.buffers[0] += static_cast<T>(x.size());
  }
  template <class T, class Backend, class Moment>
  void backward(const Backend&, const nn::Pass<Moment>&, const nn::Flow<T>& flow, nn::Rows<const T> x,
                nn::Rows<const T>, nn::Rows<T> dy, nn::Rows<T> dx, std::span<T>) const {
    if (dx.data == nullptr) return;
    for (std::size_t i = 0; i < x.size(); ++i) dx.data[i] = factor(flow, i) * dy.data[i];
  }
};

/// Its outputs depend on the whole batch.
struct Mixing : Noise {
  void require_samples_apart() const { lifelong::detail::raise<InvalidArgument>("Mixing mixes"); }
};

}  // namespace

TEST_CASE("a linear layer acts on the last axis", "[nn][chain]") {
  const RandomBatch<double> data(7, 12, 6);  // 3 positions of 4
  const auto network = [](Shape shape) { return nn::sequential<double>(shape, Linear{4, 5}, Tanh{}, Linear{5, 2}); };
  auto shared = network({3, 4});
  CHECK(shared.output_shape() == Shape{3, 2});
  CHECK(shared.parameters().size() == 4 * 5 + 5 + 5 * 2 + 2);
  test::check_gradient(shared, data.batch());
  test::check_all_moments(shared, data.batch());
  test::check_all_moments(network({1, 3, 4}), data.batch());

  auto single = network({4});
  std::vector<double> all(42), one(14);
  shared.predict(data.batch(), all);
  for (std::size_t n = 0; n < 7; ++n)
    for (std::size_t p = 0; p < 3; ++p) {
      const Batch<double> position{1, 4, std::span(data.inputs).subspan(n * 12 + p * 4, 4)};
      single.predict(position, std::span(one).first(2));
      CHECK_THAT(all[n * 6 + p * 2], test::WithinAbs(one[0], 1e-14));
      CHECK_THAT(all[n * 6 + p * 2 + 1], test::WithinAbs(one[1], 1e-14));
    }
}

TEST_CASE("flattening copies nothing and changes nothing", "[nn][chain]") {
  const RandomBatch<double> data(7, 12, 5);
  auto flat = nn::sequential<double>(Shape{3, 4}, Flatten{}, Linear{12, 5});
  auto plain = nn::sequential<double>(Linear{12, 5});
  CHECK(std::ranges::equal(flat.parameters(), plain.parameters()));
  CHECK(flat.layout().blocks()[0].name == "1.weight");
  CHECK(flat.loss(data.batch()) == plain.loss(data.batch()));
  const auto deep =
      nn::sequential<double>(Shape{3, 4}, Linear{4, 2}, Flatten{}, Tanh{}, Flatten{}, Linear{6, 5}, Flatten{});
  test::check_gradient(deep, data.batch());
  test::check_all_moments(deep, data.batch());
}

TEST_CASE("networks whose shapes do not fit are refused", "[nn][chain]") {
  CHECK(message_of<InvalidArgument>([] { (void)nn::sequential<float>(Noise{}, Flatten{}); }) ==
        "a network needs at least one layer with parameters");
  CHECK(message_of<InvalidArgument>([] { (void)nn::sequential<float>(Shape{3}, Tanh{}); }) ==
        "a network needs at least one layer with parameters");
  CHECK(message_of<ShapeMismatch>([] {
          (void)nn::sequential<float>(Shape{3, 5}, Linear{4, 2});
        }) == "layer 0: Linear{4, 2} takes 4 inputs but is given 3 x 5");
  CHECK(message_of<InvalidArgument>([] {
          (void)nn::sequential<float>(Shape{0, 4}, Linear{4, 2});
        }) ==
        "the first layers take inputs of more than one shape: give the network the shape, as in Shape{1, 28, 28}");
  CHECK(message_of<InvalidArgument>([] { (void)Shape{1, 2, 3, 4}; }) == "a Shape has at most three extents");
  CHECK(Shape{3, 28, 28}.text() == "3 x 28 x 28");
}

TEST_CASE("blocks know their kind and whether they are the head", "[nn][chain]") {
  const auto network = nn::sequential<float>(Linear{4, 3}, Tanh{}, Linear{3, 2}, Tanh{});
  for (const Block& block : network.layout().blocks()) {
    CHECK(block.kind == BlockKind::linear);
    CHECK(block.head == (block.name[0] == '2'));
  }
}

TEST_CASE("only training draws noise and moves buffers", "[nn][chain]") {
  const RandomBatch<double> data(4, 6, 3);
  auto network = nn::sequential<double>(Shape{6}, Noise{}, Linear{6, 5}, Noise{}, Linear{5, 3});
  CHECK(network.buffer_layout().blocks()[1].name == "2.count");
  CHECK(std::ranges::equal(network.buffers(), std::vector<double>{100, 100}));
  const std::size_t count = network.parameters().size();
  std::vector<double> first(count), second(count), evaluated(count), outputs(12);

  test::check_gradient(network, data.batch());
  test::check_all_moments(network, data.batch());
  network.predict(data.batch(), outputs);
  network.pullback(data.batch(), data.targets, evaluated);
  CHECK(network.evaluation_gradient(data.batch(), evaluated) == network.loss(data.batch()));
  CHECK(std::ranges::equal(network.buffers(), std::vector<double>{100, 100}));

  auto copy = network;
  network.gradient(data.batch(), first);
  CHECK(std::ranges::equal(network.buffers(), std::vector<double>{124, 120}));
  CHECK(first != evaluated);
  network.gradient(data.batch(), second);
  CHECK(first != second);
  copy.gradient(data.batch(), second);
  CHECK(first == second);
}

TEST_CASE("a batch whose loss is not finite moves no buffer", "[nn][chain]") {
  RandomBatch<double> data(4, 6, 3);
  data.inputs[3] = std::numeric_limits<double>::quiet_NaN();
  auto network = nn::sequential<double>(Shape{6}, Noise{}, Linear{6, 3});
  std::vector<double> gradient(network.parameters().size());
  CHECK(std::isnan(network.gradient(data.batch(), gradient)));
  CHECK(network.buffers()[0] == 100);
}

TEST_CASE("there are no moments where samples mix", "[nn][chain]") {
  const RandomBatch<double> data(4, 6, 3);
  auto network = nn::sequential<double>(Linear{6, 5}, Mixing{}, Linear{5, 3});
  std::vector<double> out(network.parameters().size());
  CHECK(message_of<InvalidArgument>([&] {
          network.accumulate_moment(data.batch(), importance::SquaredNorm{}, moment::Square{}, out);
        }) == "layer 1: Mixing mixes");
  CHECK(message_of<InvalidArgument>([&] { network.pullback(data.batch(), data.targets, out); }) ==
        "layer 1: Mixing mixes");
  CHECK(network.evaluation_gradient(data.batch(), out) == network.loss(data.batch()));
}

TEST_CASE("the batch Fisher sees the network as it is used", "[nn][chain]") {
  const RandomBatch<double> data(4, 6, 3);
  auto network = nn::sequential<double>(Shape{6}, Noise{}, Linear{6, 3});
  std::vector<double> gradient(network.parameters().size()), estimate(gradient.size());
  network.evaluation_gradient(data.batch(), gradient);
  for (double& g : gradient) g *= g;
  importance::estimate(importance::BatchFisher{}, network, std::vector{data.batch()}, std::span(estimate));
  CHECK(estimate == gradient);
  CHECK(network.buffers()[0] == 100);
}

TEST_CASE("a hook sees the inputs of every layer and the gradients of its outputs", "[nn][chain]") {
  const RandomBatch<double> data(5, 6, 3);
  auto network = nn::sequential<double>(Tanh{}, Linear{6, 4}, Tanh{}, Linear{4, 3});
  std::vector<double> sum(network.parameters().size());
  std::vector<std::size_t> visited;
  network.backpropagate(data.batch(), importance::SquaredNorm{},
                        [&](std::size_t l, const auto& layer, const nn::Flow<double>& flow, nn::Rows<const double> x,
                            nn::Rows<const double> dy) {
                          visited.push_back(l);
                          if constexpr (requires { layer.out; }) {
                            double* to = sum.data() + (flow.theta.data() - network.parameters().data());
                            for (std::size_t n = 0; n < x.count; ++n)
                              for (std::size_t o = 0; o < layer.out; ++o) {
                                for (std::size_t i = 0; i < layer.in; ++i)
                                  to[o * layer.in + i] += dy.row(n)[o] * x.row(n)[i];
                                to[layer.in * layer.out + o] += dy.row(n)[o];
                              }
                          }
                        });
  CHECK(visited == std::vector<std::size_t>{3, 2, 1});
  const auto expected = test::at_once(network, data.batch(), importance::SquaredNorm{}, moment::Sum{});
  for (std::size_t i = 0; i < sum.size(); ++i) CHECK_THAT(sum[i], test::WithinAbs(expected[i], 1e-13));
}

#if defined(_OPENMP)
TEST_CASE("shared weights give the same bits for any number of threads", "[nn][chain]") {
  const auto moments = [](auto backend) {
    const RandomBatch<float> data(40, 4 * 200, 4 * 150);
    auto network = nn::Network<float, std::tuple<Linear, Tanh, Linear>, nn::MeanSquaredError, decltype(backend)>(
        Shape{4, 200}, {Linear{200, 300}, Tanh{}, Linear{300, 150}}, 1, backend);
    return test::at_once(network, data.batch(), importance::SquaredNorm{}, moment::Square{});
  };
  const auto serial = moments(backend::Serial{});
  for (const int threads : {1, 2, 3}) CHECK(moments(backend::OpenMP{threads}) == serial);
}
#endif

}  // namespace chain_test
