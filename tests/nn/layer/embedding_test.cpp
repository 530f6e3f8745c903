// SPDX-License-Identifier: MIT
// Embedding: rows of tokens, tokens that a sample repeats, and values that are no tokens.
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace embedding_test {

namespace {

using namespace lifelong;
using nn::Embedding;
using nn::Flatten;
using nn::Linear;
using nn::Shape;
using nn::Tanh;
using test::AnyNetwork;
using test::message_of;
using test::RandomBatch;

/// A batch whose inputs are tokens below `tokens`, many of them repeated.
template <class T>
RandomBatch<T> sentences(std::size_t samples, std::size_t positions, std::size_t tokens, std::size_t outputs) {
  RandomBatch<T> data(samples, positions, outputs);
  const Random random(3);
  for (std::size_t i = 0; i < data.inputs.size(); ++i) data.inputs[i] = static_cast<T>(random.below(i, tokens));
  return data;
}

}  // namespace

TEST_CASE("an embedding hands out the rows of its tokens", "[nn][embedding]") {
  auto network = AnyNetwork<double>(Shape{3}, {Embedding{5, 2}});
  CHECK(network.output_shape() == Shape{3, 2});
  CHECK(network.layout().blocks()[0].name == "0.weight");
  CHECK(network.layout().blocks()[0].shape == std::vector<std::size_t>{5, 2});
  CHECK(network.layout().blocks()[0].kind == BlockKind::embedding);
  CHECK(network.parameters()[7] == Random(0, Purpose::initialization).normal(7));
  const std::vector<double> tokens{4, 0, 4, 1, 2, 3};
  std::vector<double> y(12);
  network.predict({2, 3, tokens}, y);
  for (std::size_t r = 0; r < 6; ++r)
    for (std::size_t f = 0; f < 2; ++f)
      CHECK(y[r * 2 + f] == network.parameters()[static_cast<std::size_t>(tokens[r]) * 2 + f]);
}

TEST_CASE("gradients and moments reach an embedding", "[nn][embedding]") {
  const auto data = sentences<double>(9, 6, 4, 3);
  const auto network = AnyNetwork<double>(Shape{6}, {Embedding{5, 7}, Flatten{}, Tanh{}, Linear{42, 3}});
  test::check_gradient(network, data.batch());
  test::check_all_moments(network, data.batch());
  const auto shared =
      AnyNetwork<double>(Shape{6}, {Embedding{5, 4}, nn::residual(Tanh{}, Linear{4, 4}), Flatten{}, Linear{24, 3}});
  test::check_gradient(shared, data.batch());
  test::check_all_moments(shared, data.batch());
}

TEST_CASE("a token's gradients are summed over a sample before the moment", "[nn][embedding]") {
  const std::size_t positions = 6, features = 3;
  const auto data = sentences<double>(5, positions, 3, positions * features);
  auto network = AnyNetwork<double>(Shape{positions}, {Embedding{4, features}});
  const auto square = test::at_once(network, data.batch(), importance::SquaredNorm{}, moment::Square{});
  // d ‖y‖² / dW[t, f] of a sample with token t at k positions is 2 k W[t, f].
  std::vector<double> expected(12);
  for (std::size_t n = 0; n < 5; ++n)
    for (std::size_t t = 0; t < 4; ++t) {
      const auto begin = data.inputs.begin() + static_cast<std::ptrdiff_t>(n * positions);
      const auto count = static_cast<double>(std::count(begin, begin + positions, static_cast<double>(t)));
      for (std::size_t f = 0; f < features; ++f) {
        const double g = 2 * count * network.parameters()[t * features + f];
        expected[t * features + f] += g * g;
      }
    }
  CHECK(test::difference(square, expected) < 1e-13);
  CHECK(square[11] == 0);
}

TEST_CASE("values that are no tokens are refused", "[nn][embedding]") {
  auto network = AnyNetwork<double>(Shape{2}, {Embedding{5, 2}});
  std::vector<double> tokens{0, 1, 2, 4}, gradient(10, 7.0);
  const std::vector<double> targets(16);
  const auto message = [&](double value) {
    tokens[3] = value;
    return message_of<InvalidArgument>([&] {
      network.pullback({2, 2, tokens}, std::span(targets).first(8), gradient);
    });
  };
  CHECK(message(5) == "Embedding{5, 2} has no token 5, which is at position 1 of sample 1");
  CHECK(message(-1) == "Embedding{5, 2} has no token -1, which is at position 1 of sample 1");
  CHECK(message(1.5) == "Embedding{5, 2} has no token 1.5, which is at position 1 of sample 1");
  CHECK(message(std::numeric_limits<double>::quiet_NaN()) ==
        "Embedding{5, 2} has no token nan, which is at position 1 of sample 1");
  CHECK(gradient == std::vector<double>(10, 7.0));
}

TEST_CASE("embeddings that do not fit are refused", "[nn][embedding]") {
  CHECK(message_of<InvalidArgument>([] {
          (void)AnyNetwork<float>(Shape{2}, {Embedding{0, 2}});
        }) == "layer 0: Embedding{0, 2} must have at least 1 token and 1 feature");
  CHECK(message_of<ShapeMismatch>([] {
          (void)AnyNetwork<float>(Shape{2, 3}, {Embedding{4, 2}});
        }) == "layer 0: Embedding{4, 2} takes one token number per position but is given 2 x 3");
  CHECK(message_of<InvalidArgument>([] {
          (void)AnyNetwork<float>({Embedding{4, 2}, Flatten{}, Linear{6, 2}});
        }) ==
        "the first layers take inputs of more than one shape: give the network the shape, as in Shape{1, 28, 28}");
}

#if defined(_OPENMP)
TEST_CASE("an embedding gives the same bits for any number of threads", "[nn][embedding]") {
  const auto moments = [](int threads) {
    const auto data = sentences<float>(100, 20, 30, 20 * 200);
    AnyNetwork<float> network(Shape{20}, {Embedding{31, 200}}, 1, {threads});
    return test::at_once(network, data.batch(), importance::SquaredNorm{}, moment::Square{});
  };
  const auto serial = moments(0);
  for (const int threads : {1, 2, 3}) CHECK(moments(threads) == serial);
}
#endif

}  // namespace embedding_test
