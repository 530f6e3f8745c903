// SPDX-License-Identifier: MIT
// Residual blocks: values, names, gradients and moments, nested and with shortcuts.
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace residual_test {

namespace {

using namespace lifelong;
using nn::GELU;
using nn::Linear;
using nn::residual;
using nn::Shape;
using nn::Tanh;
using test::message_of;
using test::RandomBatch;

/// A block around a block with a shortcut, and one without parameters.
auto nested() {
  return nn::sequential<double>(
      Linear{6, 5},
      residual(std::tuple{residual(Tanh{}, Linear{5, 5}), Linear{5, 4}, GELU{}}, std::tuple{Linear{5, 4}}),
      residual(GELU{}), Linear{4, 3}, residual(Tanh{}));
}

}  // namespace

TEST_CASE("a residual block adds its inputs or a shortcut", "[nn][residual]") {
  const RandomBatch<double> data(3, 4, 4);
  std::vector<double> y(12), f(12), s(12);
  auto inner = nn::sequential<double>(std::tuple{Linear{4, 4}, Tanh{}}, 7);
  inner.predict(data.batch(), f);

  auto identity = nn::sequential<double>(std::tuple{residual(Linear{4, 4}, Tanh{})}, 7);
  identity.predict(data.batch(), y);
  for (std::size_t i = 0; i < 12; ++i) CHECK(y[i] == data.inputs[i] + f[i]);

  auto around = nn::sequential<double>(Linear{4, 4});
  auto both =
      nn::sequential<double>(std::tuple{residual(std::tuple{Linear{4, 4}, Tanh{}}, std::tuple{Linear{4, 4}})}, 7);
  std::copy_n(both.parameters().begin() + 20, 20, around.parameters().begin());
  around.predict(data.batch(), s);
  both.predict(data.batch(), y);
  for (std::size_t i = 0; i < 12; ++i) CHECK(y[i] == s[i] + f[i]);
}

TEST_CASE("parts of residual blocks are named after their place", "[nn][residual]") {
  const auto network = nested();
  const std::string expected[] = {"0.weight",   "0.bias",   "1.0.1.weight",        "1.0.1.bias",
                                  "1.1.weight", "1.1.bias", "1.shortcut.0.weight", "1.shortcut.0.bias",
                                  "3.weight",   "3.bias"};
  REQUIRE(network.layout().blocks().size() == std::size(expected));
  for (std::size_t b = 0; b < std::size(expected); ++b) {
    CHECK(network.layout().blocks()[b].name == expected[b]);
    CHECK(network.layout().blocks()[b].head == (b >= 8));
  }
}

TEST_CASE("initial parameters are drawn by their place among all", "[nn][residual]") {
  const auto network = nn::sequential<double>(
      Linear{4, 4}, residual(std::tuple{Linear{4, 4}, residual(Linear{4, 4})}, std::tuple{Linear{4, 4}}), Linear{4, 3});
  const Random random(0, Purpose::initialization);
  for (std::size_t i = 0; i < network.parameters().size(); ++i)
    CHECK(network.parameters()[i] == (2 * random.uniform(i) - 1) / 2);
}

TEST_CASE("gradients and moments pass through residual blocks", "[nn][residual]") {
  const RandomBatch<double> data(9, 6, 3);
  SECTION("nested") {
    test::check_gradient(nested(), data.batch());
    test::check_all_moments(nested(), data.batch());
  }
  SECTION("first, with and without a shortcut") {
    const auto plain = nn::sequential<double>(residual(Tanh{}, Linear{6, 6}), Linear{6, 3});
    test::check_gradient(plain, data.batch());
    test::check_all_moments(plain, data.batch());
    const auto around =
        nn::sequential<double>(residual(std::tuple{Tanh{}, Linear{6, 3}}, std::tuple{Linear{6, 3}, GELU{}}));
    test::check_gradient(around, data.batch());
    test::check_all_moments(around, data.batch());
  }
  SECTION("parameters in the shortcut alone") {
    const auto around = nn::sequential<double>(residual(std::tuple{GELU{}}, std::tuple{Tanh{}, Linear{6, 6}}), Tanh{});
    const RandomBatch<double> wide(5, 6, 6);
    test::check_gradient(around, wide.batch());
    test::check_all_moments(around, wide.batch());
  }
  SECTION("several positions") {
    const auto shared =
        nn::sequential<double>(Shape{3, 2}, Linear{2, 4}, residual(Linear{4, 4}, Tanh{}), nn::Flatten{}, Linear{12, 3});
    test::check_gradient(shared, data.batch());
    test::check_all_moments(shared, data.batch());
  }
}

TEST_CASE("hooks see the layers inside residual blocks", "[nn][residual]") {
  const RandomBatch<double> data(2, 6, 3);
  auto network = nested();
  std::vector<std::ptrdiff_t> offsets;
  network.backpropagate(data.batch(), importance::SquaredNorm{},
                        [&](std::size_t, const auto& layer, const nn::Flow<double>& flow, auto, auto) {
                          if constexpr (requires { layer.out; })
                            offsets.push_back(flow.theta.data() - network.parameters().data());
                        });
  CHECK(offsets == std::vector<std::ptrdiff_t>{113, 65, 35, 89, 0});  // the last, then F, S, and the first
}

TEST_CASE("residual blocks whose paths do not meet are refused", "[nn][residual]") {
  CHECK(message_of<ShapeMismatch>([] {
          (void)nn::sequential<float>(residual(Linear{6, 4}));
        }) == "layer 0: the layers of a residual block make 4 but what is added to them is 6");
  CHECK(message_of<ShapeMismatch>([] {
          (void)nn::sequential<float>(residual(std::tuple{Linear{6, 4}}, std::tuple{Tanh{}, Linear{5, 4}}));
        }) == "layer 0: shortcut: layer 1: Linear{5, 4} takes 5 inputs but is given 6");
}

}  // namespace residual_test
