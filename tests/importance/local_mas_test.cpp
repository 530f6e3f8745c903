// SPDX-License-Identifier: MIT
// The local version of MAS: every layer by itself, against the network written out by hand.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <vector>

#include "any_network.hpp"
#include "slow_importance.hpp"

namespace local_mas_test {

namespace nn = lifelong::nn;
using namespace lifelong::importance;
using Vector = std::vector<double>;

namespace {

/// A function of one value and its slope.
struct Scalar {
  double (*value)(double);
  double (*slope)(double);
};
const Scalar relu{[](double z) { return z > 0 ? z : 0; }, [](double z) { return z > 0 ? 1.0 : 0.0; }};
const Scalar tanh_{[](double z) { return std::tanh(z); }, [](double z) { return 1 - std::tanh(z) * std::tanh(z); }};
const Scalar identity{[](double z) { return z; }, [](double) { return 1.0; }};

/// A layer that would drop values in training; here it keeps them.
struct Dropping : nn::Elementwise<Dropping> {
  static constexpr std::size_t operations = 1;
  std::size_t draws() const { return 1; }
  template <class T>
  static void apply(const T* x, T* y, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) y[i] = x[i];
  }
  template <class T>
  static void multiply_by_slope(const T*, const T*, T*, std::size_t, std::size_t) {}
};

/// 1/N Σ_n abs(∂‖F_l‖²/∂θ_l) for linear layers of these widths, each with a function behind it.
template <class Network>
Vector slow_local_mas(Network& network, const lifelong::Batch<double>& batch, const std::vector<std::size_t>& widths,
                      const std::vector<Scalar>& functions) {
  Vector total(network.parameters().size());
  for (std::size_t n = 0; n < batch.size; ++n) {
    const auto input = batch.sample(n).inputs;
    Vector x(input.begin(), input.end());
    std::size_t at = 0;
    for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
      const std::size_t in = widths[l], out = widths[l + 1], bias = at + in * out;
      Vector y(out);
      for (std::size_t o = 0; o < out; ++o) {
        double z = network.parameters()[bias + o];
        for (std::size_t i = 0; i < in; ++i) z += network.parameters()[at + o * in + i] * x[i];
        y[o] = functions[l].value(z);
        const bool counts = l + 2 < widths.size() || batch.context(n, out).active.contains(o);
        const double g = counts ? 2 * y[o] * functions[l].slope(z) / static_cast<double>(batch.size) : 0;
        for (std::size_t i = 0; i < in; ++i) total[at + o * in + i] += std::abs(g * x[i]);
        total[bias + o] += std::abs(g);
      }
      x = y;
      at = bias + out;
    }
  }
  return total;
}

}  // namespace

TEST_CASE("local MAS sees each layer with the activation behind it", "[mas]") {
  for (const bool ranges : {false, true}) {
    test::RandomBatch<double> data(23, 7, 5);
    data.use_ranges(ranges);
    const auto batches = test::cut(data.batch(), 8);
    auto deep = test::any_mlp<double>({7, 9, 6, 5}, {.seed = 2});
    test::check_equal(test::estimate_of(LocalMas{}, deep, batches),
                      slow_local_mas(deep, data.batch(), {7, 9, 6, 5}, {relu, relu, identity}));
    auto smooth = test::any_mlp<double>({7, 9, 6, 5}, {.seed = 2, .activation = nn::Activation::tanh});
    test::check_equal(test::estimate_of(LocalMas{}, smooth, batches),
                      slow_local_mas(smooth, data.batch(), {7, 9, 6, 5}, {tanh_, tanh_, identity}));
    auto bounded = test::AnyNetwork<double>({nn::Linear{7, 6}, nn::Linear{6, 5}, nn::Tanh{}});
    test::check_equal(test::estimate_of(LocalMas{}, bounded, batches),
                      slow_local_mas(bounded, data.batch(), {7, 6, 5}, {identity, tanh_}));
  }
}

TEST_CASE("local MAS of a layer with ReLU is Hebb's rule", "[mas]") {
  auto network = test::AnyNetwork<double>({nn::Linear{4, 3}, nn::ReLU{}});
  const test::RandomBatch<double> data(1, 4, 3);
  Vector y(3);
  network.predict(data.batch(), y);
  const Vector local = test::estimate_of(LocalMas{}, network, {data.batch()});
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      CHECK_THAT(local[i * 4 + j], test::WithinAbs(std::abs(2 * y[i] * data.inputs[j]), 1e-14));
}

TEST_CASE("local and global MAS agree on the layer that makes the outputs", "[mas]") {
  auto network = test::any_mlp<double>({7, 9, 5}, {.seed = 2});
  const test::RandomBatch<double> data(11, 7, 5);
  for (const MasNorm norm : {MasNorm::squared, MasNorm::plain, MasNorm::mean}) {
    const Vector local = test::estimate_of(LocalMas{.norm = norm}, network, {data.batch()});
    const Vector global = test::estimate_of(Mas{.norm = norm}, network, {data.batch()});
    const std::size_t head = 7 * 9 + 9;
    REQUIRE(Vector(local.begin() + head, local.end()) == Vector(global.begin() + head, global.end()));
    REQUIRE(local != global);
  }
}

TEST_CASE("local MAS takes a residual block for one layer", "[mas]") {
  auto network = nn::sequential<double>(nn::residual(nn::Linear{6, 6}, nn::Tanh{}, nn::Linear{6, 6}));
  const test::RandomBatch<double> data(7, 6, 6);
  const auto batches = test::cut(data.batch(), 3);
  REQUIRE(test::estimate_of(LocalMas{}, network, batches) == test::estimate_of(Mas{}, network, batches));
}

TEST_CASE("local MAS looks past a layer that drops values in training", "[mas]") {
  auto plain = test::AnyNetwork<double>({nn::Linear{4, 6}, nn::ReLU{}, nn::Linear{6, 3}, nn::Tanh{}});
  auto dropping =
      nn::sequential<double>(nn::Linear{4, 6}, nn::ReLU{}, Dropping{}, nn::Linear{6, 3}, Dropping{}, nn::Tanh{});
  const test::RandomBatch<double> data(7, 4, 3);
  REQUIRE(test::estimate_of(LocalMas{}, dropping, {data.batch()}) ==
          test::estimate_of(LocalMas{}, plain, {data.batch()}));
}

}  // namespace local_mas_test
