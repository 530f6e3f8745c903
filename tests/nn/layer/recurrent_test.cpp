// SPDX-License-Identifier: MIT
// GRU and LSTM against scalar versions written from their equations, and against PyTorch.
#include <lifelong/nn.hpp>

#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace recurrent_test {

namespace {

using namespace lifelong;
using test::AnyNetwork;
using test::RandomBatch;
using Complex = std::complex<double>;

/// One sample through a recurrent layer, one number at a time; θ in the order of PyTorch's parameters.
struct Slow {
  bool lstm;
  std::size_t in, hidden, positions;

  std::size_t gates() const { return (lstm ? 4 : 3) * hidden; }
  std::size_t parameters() const { return gates() * (in + hidden + 2); }

  template <class S>
  static S sigmoid(S x) {
    return 1.0 / (1.0 + std::exp(-x));
  }

  /// h of all positions.
  template <class S>
  std::vector<S> run(const std::vector<S>& theta, std::span<const double> x) const {
    const S* of_x = theta.data();
    const S* of_h = of_x + gates() * in;
    const S* bias_x = of_h + gates() * hidden;
    const S* bias_h = bias_x + gates();
    std::vector<S> all, h(hidden), c(hidden), a(gates()), b(gates());
    for (std::size_t t = 0; t < positions; ++t) {
      for (std::size_t g = 0; g < gates(); ++g) {
        a[g] = bias_x[g];
        b[g] = bias_h[g];
        for (std::size_t i = 0; i < in; ++i) a[g] += of_x[g * in + i] * x[t * in + i];
        for (std::size_t j = 0; j < hidden; ++j) b[g] += of_h[g * hidden + j] * h[j];
      }
      for (std::size_t j = 0; j < hidden; ++j) {
        const auto sum = [&](std::size_t k) { return a[k * hidden + j] + b[k * hidden + j]; };
        if (lstm) {
          c[j] = sigmoid(sum(1)) * c[j] + sigmoid(sum(0)) * std::tanh(sum(2));
          h[j] = sigmoid(sum(3)) * std::tanh(c[j]);
        } else {
          const S r = sigmoid(sum(0)), z = sigmoid(sum(1));
          const S n = std::tanh(a[2 * hidden + j] + r * b[2 * hidden + j]);
          h[j] = (1.0 - z) * n + z * h[j];
        }
      }
      all.insert(all.end(), h.begin(), h.end());
    }
    return all;
  }
};

/// `Slow` as a model whose derivatives are taken without any backward pass: ∂f/∂θ_i = Im f(θ + iε e_i) / ε, exact to
/// rounding.
struct SlowModel {
  using value_type = double;
  Slow slow;
  std::vector<double> theta;
  const double* known = nullptr;          ///< the sample whose derivatives are at hand
  std::vector<std::vector<double>> rows;  ///< ∂f/∂θ_i of it

  std::span<double> parameters() { return theta; }
  std::size_t outputs() const { return slow.positions * slow.hidden; }

  void predict(const Batch<double>& batch, std::span<double> out) const {
    for (std::size_t n = 0; n < batch.size; ++n) {
      const auto h = slow.run(theta, batch.sample(n).inputs);
      std::copy(h.begin(), h.end(), out.begin() + static_cast<std::ptrdiff_t>(n * outputs()));
    }
  }

  void differentiate(std::span<const double> x) {
    constexpr double epsilon = 1e-100;
    std::vector<Complex> shifted(theta.begin(), theta.end());
    rows.clear();
    for (std::size_t i = 0; i < theta.size(); ++i) {
      shifted[i] += Complex(0, epsilon);
      rows.emplace_back();
      for (const Complex& h : slow.run(shifted, x)) rows.back().push_back(h.imag() / epsilon);
      shifted[i] = theta[i];
    }
    known = x.data();
  }

  void pullback(const Batch<double>& one, std::span<const double> seed, std::span<double> out) {
    if (known != one.inputs.data()) differentiate(one.inputs);
    for (std::size_t i = 0; i < theta.size(); ++i) {
      out[i] = 0;
      for (std::size_t k = 0; k < seed.size(); ++k) out[i] += seed[k] * rows[i][k];
    }
  }
};

template <class Layer>
SlowModel slow_version(const Layer& layer, std::size_t positions, std::span<const double> theta) {
  return {
      {std::is_same_v<Layer, nn::Lstm>, layer.in, layer.hidden, positions}, {theta.begin(), theta.end()}, nullptr, {}};
}

/// The outputs and every moment equal those of the slow version.
template <class Layer>
void check_against_slow(Layer layer, std::size_t positions, std::size_t samples) {
  INFO(positions << " positions, " << samples << " samples");
  auto network = AnyNetwork<double>(nn::Shape{positions, layer.in}, {layer});
  SlowModel slow = slow_version(layer, positions, network.parameters());
  const RandomBatch<double> data(samples, positions * layer.in, network.outputs());
  std::vector<double> fast_outputs(samples * network.outputs()), slow_outputs(fast_outputs.size());
  network.predict(data.batch(), fast_outputs);
  slow.predict(data.batch(), slow_outputs);
  for (std::size_t i = 0; i < slow_outputs.size(); ++i)
    REQUIRE_THAT(fast_outputs[i], test::WithinAbs(slow_outputs[i], 1e-14));
  const auto check = [&](const auto& functional, auto moment) {
    CHECK(test::difference(test::at_once(network, data.batch(), functional, moment),
                           test::one_by_one(slow, data.batch(), functional, moment)) < 1e-12);
  };
  check(test::log_likelihood(importance::Labels::exact), moment::Square{});
  check(test::log_likelihood(importance::Labels::empirical), moment::Square{});
  check(importance::SquaredNorm{}, moment::Absolute{});
}

}  // namespace

TEMPLATE_TEST_CASE("recurrent layers equal their equations, one number at a time", "[nn][recurrent]", nn::Gru,
                   nn::Lstm) {
  check_against_slow(TestType{3, 5}, 4, 6);
  check_against_slow(TestType{1, 1}, 7, 3);
  check_against_slow(TestType{5, 9}, 1, 4);
  check_against_slow(TestType{2, 17}, 3, 5);
  check_against_slow(TestType{3, 4}, 6, 2);
}

namespace {

/// Σ_i v_i cos(0.37 i) over a block.
double fingerprint(const Block& block, std::span<const double> values) {
  double total = 0;
  for (std::size_t i = 0; i < block.size; ++i)
    total += values[block.offset + i] * std::cos(0.37 * static_cast<double>(i));
  return total;
}

/// Pulls sin(0.4 i + 1) back, i counting the outputs of the batch.
struct Waves {
  std::size_t cotangents(std::size_t) const { return 1; }
  template <class T>
  void prepare(std::span<T>, const SampleContext<T>&) const {}
  template <class T>
  void cotangent(std::size_t, std::span<const T> row, const SampleContext<T>& sample, std::span<T> delta) const {
    for (std::size_t k = 0; k < row.size(); ++k)
      delta[k] = static_cast<T>(std::sin(0.4 * static_cast<double>(sample.index * row.size() + k) + 1));
  }
};

/// What PyTorch 1.13 computes in float64 for 2 samples of 4 positions, 3 inputs and 5 hidden units: θ_i = 0.6 sin(1.3 i
/// + 0.5), x_i = cos(0.9 i), the outputs of the second sample; and for L = Σ_i sin(0.4 i + 1) y_i the fingerprints of
/// each block of ∂L/∂θ, and of the sum over samples of the squares of ∂L_n/∂θ.
struct FromPyTorch {
  std::array<double, 20> outputs;
  std::array<double, 4> sums, squares;
};

constexpr FromPyTorch gru{
    {-0.3037198879543126,   0.13441467435248322, -0.10364765026651393, -0.33409316314160076,  -0.012537787712896422,
     0.12218434005795487,   0.10258628469547225, 0.06051892342665932,  -0.13485297827406972,  -0.74441537933076,
     -0.5329099579534474,   0.24462673215577913, 0.2951598139147402,   -0.6272719448298028,   -0.09941793167893909,
     -0.037013274051758915, 0.39593586069927345, 0.2791459227256189,   -0.004437927708872358, -0.7683178564336757},
    {-0.4830548368135139, 0.21372660894025164, -0.3030424288520693, 0.06741399112547052},
    {-0.1556328592836713, 0.026457405705604207, -0.328565987089275, -0.24046984561148135}};

constexpr FromPyTorch lstm{
    {0.11905500754603537, 0.19711156621906684,  -0.03382738358219647, -0.06438996790152392, 0.38074406983685194,
     0.5987984365226164,  -0.07883726504158542, -0.08425069814496984, -0.05393001077589235, 0.11105184432685075,
     0.1051157512045983,  -0.06991382026654755, -0.06823529896695597, -0.09821091221575588, 0.5449516826430845,
     0.5236400271951993,  -0.13744992276190288, -0.05422254989452456, -0.07670223700054202, 0.09315705204199451},
    {0.5870780344780638, 0.08810357257563309, -0.3773551109827152, -0.3773551109827153},
    {-0.030424378351971326, 0.013156912113808138, 0.0032829477885564146, 0.0032829477885564146}};

template <class Layer>
void check_against_pytorch(const FromPyTorch& expected) {
  auto network = AnyNetwork<double>(nn::Shape{4, 3}, {Layer{3, 5}});
  for (std::size_t i = 0; i < network.parameters().size(); ++i)
    network.parameters()[i] = 0.6 * std::sin(1.3 * static_cast<double>(i) + 0.5);
  std::vector<double> x(2 * 12), outputs(2 * 20);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::cos(0.9 * static_cast<double>(i));
  const Batch<double> batch{2, 12, x};
  network.predict(batch, outputs);
  for (std::size_t k = 0; k < 20; ++k) CHECK_THAT(outputs[20 + k], test::WithinAbs(expected.outputs[k], 1e-14));
  const auto sums = test::at_once(network, batch, Waves{}, moment::Sum{});
  const auto squares = test::at_once(network, batch, Waves{}, moment::Square{});
  const std::array<std::string, 4> names{"0.weight_ih_l0", "0.weight_hh_l0", "0.bias_ih_l0", "0.bias_hh_l0"};
  for (std::size_t b = 0; b < 4; ++b) {
    const Block& block = network.layout().blocks()[b];
    CHECK(block.name == names[b]);
    CHECK_THAT(fingerprint(block, sums), test::WithinAbs(expected.sums[b], 1e-13));
    CHECK_THAT(fingerprint(block, squares), test::WithinAbs(expected.squares[b], 1e-13));
  }
}

}  // namespace

TEST_CASE("recurrent layers equal PyTorch's", "[nn][recurrent]") {
  check_against_pytorch<nn::Gru>(gru);
  check_against_pytorch<nn::Lstm>(lstm);
}

TEMPLATE_TEST_CASE("stacked recurrent layers: finite differences and all moments", "[nn][recurrent]", nn::Gru,
                   nn::Lstm) {
  const auto stacked =
      AnyNetwork<double>(nn::Shape{5, 3}, {TestType{3, 4}, TestType{4, 6}, nn::LastPosition{}, nn::Linear{6, 4}});
  const RandomBatch<double> data(7, 15, 4);
  test::check_gradient(stacked, data.batch());
  test::check_all_moments(stacked, data.batch());
  const auto every_position =
      AnyNetwork<double>(nn::Shape{5, 3}, {nn::Linear{3, 4}, nn::Tanh{}, TestType{4, 2}, nn::Linear{2, 3}});
  const RandomBatch<double> longer(7, 15, 15);
  test::check_gradient(every_position, longer.batch());
  test::check_all_moments(every_position, longer.batch());
}

TEMPLATE_TEST_CASE("parameters of recurrent layers start within one over the root of the hidden units",
                   "[nn][recurrent]", nn::Gru, nn::Lstm) {
  const auto network = AnyNetwork<double>(nn::Shape{2, 3}, {TestType{3, 16}});
  double most = 0;
  for (const double value : network.parameters()) most = std::max(most, std::abs(value));
  CHECK(most <= 0.25);
  CHECK(most > 0.24);
  for (const Block& block : network.layout().blocks()) CHECK(block.kind == BlockKind::recurrent);
}

TEMPLATE_TEST_CASE("recurrent layers give the same bits for any number of threads", "[nn][recurrent]", nn::Gru,
                   nn::Lstm) {
  const auto run = [](int threads) {
    auto network =
        AnyNetwork<float>(nn::Shape{6, 20}, {TestType{20, 130}, nn::LastPosition{}, nn::Linear{130, 5}}, 3, {threads});
    const RandomBatch<float> data(150, 120, 5);
    std::vector<float> results(2 * network.parameters().size());
    const std::span<float> gradient = std::span(results).first(network.parameters().size());
    network.gradient(data.batch(), gradient);
    network.accumulate_moment(data.batch(), importance::SquaredNorm{}, moment::Absolute{},
                              std::span(results).subspan(gradient.size()));
    return results;
  };
  const auto one = run(1);
  CHECK(run(2) == one);
  CHECK(run(5) == one);
}

TEST_CASE("the last position is what is left, and all that is pulled back", "[nn][recurrent]") {
  auto network = AnyNetwork<double>(nn::Shape{3, 2}, {nn::Linear{2, 2}, nn::LastPosition{}});
  const RandomBatch<double> data(4, 6, 2);
  auto last = AnyNetwork<double>({nn::Linear{2, 2}});
  std::vector<double> inputs;
  for (std::size_t n = 0; n < 4; ++n) inputs.insert(inputs.end(), {data.inputs[n * 6 + 4], data.inputs[n * 6 + 5]});
  Batch<double> short_batch = data.batch();
  short_batch.features = 2;
  short_batch.inputs = inputs;
  std::vector<double> a(6), b(6);
  CHECK_THAT(network.gradient(data.batch(), a), test::WithinAbs(last.gradient(short_batch, b), 1e-15));
  for (std::size_t i = 0; i < 6; ++i) CHECK_THAT(a[i], test::WithinAbs(b[i], 1e-15));
}

TEST_CASE("recurrent layers say what does not fit", "[nn][recurrent]") {
  using test::message_of;
  CHECK(message_of<ShapeMismatch>([] {
          (void)AnyNetwork<float>(nn::Shape{12}, {nn::Gru{3, 4}});
        }) == "layer 0: Gru{3, 4} takes positions x 3 but is given 12");
  CHECK(message_of<ShapeMismatch>([] {
          (void)AnyNetwork<float>(nn::Shape{1, 4, 3}, {nn::Lstm{3, 4}});
        }) == "layer 0: Lstm{3, 4} takes positions x 3 but is given 1 x 4 x 3");
  CHECK(message_of<ShapeMismatch>([] {
          (void)AnyNetwork<float>(nn::Shape{4, 2}, {nn::Gru{3, 4}});
        }) == "layer 0: Gru{3, 4} takes positions x 3 but is given 4 x 2");
  CHECK(message_of<InvalidArgument>([] {
          (void)AnyNetwork<float>(nn::Shape{4, 3}, {nn::Gru{3, 0}});
        }) == "layer 0: Gru{3, 0} must have at least 1 input and 1 hidden unit");
  CHECK(message_of<InvalidArgument>([] {
          (void)AnyNetwork<float>({nn::Gru{3, 4}});
        }) ==
        "the first layers take inputs of more than one shape: give the network the shape, as in Shape{1, 28, 28}");
  CHECK(message_of<ShapeMismatch>([] {
          (void)AnyNetwork<float>({nn::Linear{3, 4}, nn::LastPosition{}});
        }) == "layer 1: LastPosition takes positions x features but is given 4");
}

}  // namespace recurrent_test
