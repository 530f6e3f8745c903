// SPDX-License-Identifier: MIT
// Attention and transformer blocks against scalar versions written from their equations, and against PyTorch.
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace attention_test {

namespace {

using namespace lifelong;
using nn::Linear;
using nn::MeanPosition;
using nn::MultiHeadAttention;
using nn::PositionEmbedding;
using nn::Shape;
using nn::TransformerBlock;
using test::AnyNetwork;
using test::message_of;
using test::RandomBatch;

/// y of one sample of `length` positions, one number at a time.
std::vector<double> slow(const MultiHeadAttention& layer, std::span<const double> theta, std::span<const double> x,
                         std::size_t length) {
  const std::size_t e = layer.embedding, width = e / layer.heads;
  const auto projected = [&](std::size_t t, std::size_t row) {
    double sum = theta[3 * e * e + row];
    for (std::size_t i = 0; i < e; ++i) sum += theta[row * e + i] * x[t * e + i];
    return sum;
  };
  std::vector<double> joined(length * e), y(length * e);
  for (std::size_t h = 0; h < layer.heads; ++h)
    for (std::size_t i = 0; i < length; ++i) {
      std::vector<double> weights(length);
      double total = 0;
      for (std::size_t j = 0; j < length; ++j) {
        if (layer.causal && j > i) continue;
        double score = 0;
        for (std::size_t f = h * width; f < (h + 1) * width; ++f) score += projected(i, f) * projected(j, e + f);
        weights[j] = std::exp(score / std::sqrt(static_cast<double>(width)));
        total += weights[j];
      }
      for (std::size_t j = 0; j < length; ++j)
        for (std::size_t f = h * width; f < (h + 1) * width; ++f)
          joined[i * e + f] += weights[j] / total * projected(j, 2 * e + f);
    }
  const double *out = theta.data() + 3 * e * e + 3 * e, *bias = out + e * e;
  for (std::size_t t = 0; t < length; ++t)
    for (std::size_t o = 0; o < e; ++o) {
      y[t * e + o] = bias[o];
      for (std::size_t i = 0; i < e; ++i) y[t * e + o] += out[o * e + i] * joined[t * e + i];
    }
  return y;
}

/// θ_i = 0.6 sin(1.3 i + 0.5).
void set_waves(std::span<double> theta) {
  for (std::size_t i = 0; i < theta.size(); ++i) theta[i] = 0.6 * std::sin(1.3 * static_cast<double>(i) + 0.5);
}

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

/// What PyTorch 1.13 computes in float64 for 2 samples of 4 positions, an embedding of 6, 2 heads and 5 hidden units:
/// θ by `set_waves` in the order of the blocks, x_i = cos(0.9 i), the outputs of the second sample; and for L = Σ_i
/// sin(0.4 i + 1) y_i the fingerprints of each block of ∂L/∂θ, and of the sum over samples of the squares of ∂L_n/∂θ.
struct FromPyTorch {
  std::vector<double> outputs, sums, squares;
};

const FromPyTorch attention{
    {1.287125767129044,  -1.6499295091737478, -1.7065398590548033,  1.4841327804368192,  2.1178838647540132,
     -1.139561518402549, -0.673770765227141,  -2.7613664082290135,  0.1344205826666239,  2.794229269236633,
     0.4182970370942727, -2.6330618513405986, -1.8075953085723828,  -3.308519701633563,  1.2092013538960942,
     3.4573630596898455, -0.5849244090287827, -3.404454111879891,   -1.5662335824064377, -3.3064398318107036,
     0.9680640682321647, 3.4292618625443216,  -0.34681954718545493, -3.3506588188168327},
    {-1.9020086280599395, -0.19020886512633353, -0.42734464360004176, 0.20225809736198763},
    {0.16797535610217385, 0.16563125378812052, 0.9420367475916851, 5.015425470182314}};

const FromPyTorch causal_attention{
    {-2.3029375542555646, -3.323081605829921,  1.7029722122490576,   3.5252081925342313,  -1.0713740420302513,
     -3.524792433786558,  -1.8354234129543334, -3.44331727981015,    1.2224833382353562,  3.5935939079682946,
     -0.5835056079431046, -3.5405318561397947, -1.893925417416825,   -3.3708538475617287, 1.2888049326226008,
     3.528287294754972,   -0.6568744938932433, -3.4831425411217776,  -1.5662335824064377, -3.3064398318107036,
     0.9680640682321647,  3.4292618625443216,  -0.34681954718545493, -3.3506588188168327},
    {-0.24698364652958915, -0.00831196192513143, -0.13578071871344813, 0.20225809736198763},
    {0.1343361915422628, 0.11813013073214049, 2.893226614706853, 5.015425470182314}};

const FromPyTorch transformer{
    {0.7723433632841324,  -2.7880348147960854,  -2.1421175635970098, 1.7916363880453299,  2.3416616563807837,
     -0.6988356335731384, 1.4601520088764979,   -2.788707453492151,  -2.8043113463497313, 0.9937670215505829,
     2.039183758602288,   -0.26363222436048483, 2.3485713121446077,  -2.1206084624799995, -2.8391345508380335,
     0.3049754714680297,  1.242955763624834,    -0.5481088030985052, 2.7787395259753334,  -1.283520987585063,
     -2.2283040811446115, 0.22816099522410827,  0.5355730457464035,  -1.3449904446537342},
    {0.5334722686582385, 0.03368799151990775, 0.0022162157032666226, -0.013846952356438201, -0.027368101906805997,
     0.18951718669901246, -0.7732811833972854, 0.2485745897332992, -0.08547398837711104, 0.15672531762916614,
     -0.032202182952401084, 0.2022580973619879},
    {0.08658228425658338, 0.27935476699490097, 0.03866444732100514, 0.10221169143784858, 4.518682185259276,
     5.133556026809406, 3.47146894487057, 3.422401172499248, -1.4899851556594994, 2.4752485443209076,
     -0.050051067523523673, 5.015425470182314}};

const FromPyTorch mean_of_unequal{{1.5010583450127413, -2.5423879952322808, -2.565585773985626, 1.0107816090231243,
                                   1.843470243623447, -0.4873040621488934},
                                  {1.06606892539847, -0.022908159461813012, 0.01502336131491809, -0.025863895694040986,
                                   -0.4913767879888486, 1.0245250083410617, 2.1080142526195034, -0.07902429689084473,
                                   -0.03607019544016202, -0.0659999024067357, 0.10132964943560172, 1.0612845937763435},
                                  {0.2801986512085116, 0.7503471374614732, -0.048539698180444166, 0.2430646081568389,
                                   6.443227536862767, 4.102310005897796, 8.691421366922429, 9.107321923952886,
                                   -1.7032744660606456, 7.594462855580661, -0.029024578709215692, 3.956263954148714}};

void check_against_pytorch(const std::vector<test::AnyLayer<double>>& layers, const FromPyTorch& expected,
                           const std::vector<std::uint32_t>& lengths = {}) {
  AnyNetwork<double> network(Shape{4, 6}, layers);
  set_waves(network.parameters());
  const std::size_t width = network.outputs();
  std::vector<double> x(2 * 24), outputs(2 * width);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::cos(0.9 * static_cast<double>(i));
  const Batch<double> batch{.size = 2, .features = 24, .inputs = x, .lengths = lengths};
  network.predict(batch, outputs);
  REQUIRE(expected.outputs.size() == width);
  for (std::size_t k = 0; k < width; ++k) CHECK_THAT(outputs[width + k], test::WithinAbs(expected.outputs[k], 1e-13));
  const auto sums = test::at_once(network, batch, Waves{}, moment::Sum{});
  const auto squares = test::at_once(network, batch, Waves{}, moment::Square{});
  REQUIRE(network.layout().blocks().size() == expected.sums.size());
  for (std::size_t b = 0; b < expected.sums.size(); ++b) {
    const Block& block = network.layout().blocks()[b];
    INFO(block.name);
    CHECK_THAT(fingerprint(block, sums), test::WithinAbs(expected.sums[b], 1e-12));
    CHECK_THAT(fingerprint(block, squares), test::WithinAbs(expected.squares[b], 1e-12));
  }
}

}  // namespace

TEST_CASE("attention equals its equations, one number at a time", "[nn][attention]") {
  const auto check = [](MultiHeadAttention layer, std::size_t positions) {
    const std::size_t samples = 5, features = positions * layer.embedding;
    AnyNetwork<double> network(Shape{positions, layer.embedding}, {layer});
    set_waves(network.parameters());
    const RandomBatch<double> data(samples, features, 2);
    std::vector<double> y(samples * features);
    network.predict(data.batch(), y);
    for (std::size_t n = 0; n < samples; ++n) {
      const auto expected =
          slow(layer, network.parameters(), std::span(data.inputs).subspan(n * features, features), positions);
      for (std::size_t i = 0; i < features; ++i) CHECK_THAT(y[n * features + i], test::WithinAbs(expected[i], 1e-12));
    }
  };
  check({4, 2}, 3);
  check({6, 1}, 5);
  check({6, 6, true}, 4);
  check({20, 2, true}, 7);
  check({3, 1}, 1);
}

TEST_CASE("attention and transformer blocks equal PyTorch's", "[nn][attention]") {
  check_against_pytorch({MultiHeadAttention{6, 2}}, attention);
  check_against_pytorch({MultiHeadAttention{6, 2, true}}, causal_attention);
  check_against_pytorch({TransformerBlock{6, 2, 5}}, transformer);
  check_against_pytorch({TransformerBlock{6, 2, 5}, MeanPosition{}}, mean_of_unequal, {4, 3});
}

TEST_CASE("parameters of attention have PyTorch's names", "[nn][attention]") {
  const AnyNetwork<double> network(Shape{3, 4}, {PositionEmbedding{5, 4}, TransformerBlock{4, 2, 7}, MeanPosition{}});
  const std::vector<std::string> expected{"0.weight",
                                          "1.norm1.weight",
                                          "1.norm1.bias",
                                          "1.self_attn.in_proj_weight",
                                          "1.self_attn.in_proj_bias",
                                          "1.self_attn.out_proj.weight",
                                          "1.self_attn.out_proj.bias",
                                          "1.norm2.weight",
                                          "1.norm2.bias",
                                          "1.linear1.weight",
                                          "1.linear1.bias",
                                          "1.linear2.weight",
                                          "1.linear2.bias"};
  std::vector<std::string> names;
  for (const Block& each : network.layout().blocks()) names.push_back(each.name);
  CHECK(names == expected);
  CHECK(network.layout().blocks()[3].shape == std::vector<std::size_t>{12, 4});
  CHECK(network.recipe() ==
        "Network(input 3x4, PositionEmbedding(positions 5, features 4), TransformerBlock(embedding 4, heads 2, hidden "
        "7), MeanPosition(), SoftmaxCrossEntropy(), seed 0)");
}

TEST_CASE("transformers: finite differences and all moments", "[nn][attention]") {
  RandomBatch<double> data(7, 20, 3);
  const AnyNetwork<double> network(Shape{5, 4},
                                   {PositionEmbedding{6, 4}, TransformerBlock{4, 2, 7},
                                    TransformerBlock{MultiHeadAttention{4, 1, true}, 3}, MeanPosition{}, Linear{4, 3}});
  for (const std::size_t positions : {std::size_t{0}, std::size_t{5}}) {
    data.use_lengths(positions);
    test::check_gradient(network, data.batch());
    test::check_all_moments(network, data.batch());
  }
}

TEST_CASE("the bias of the keys has no gradient", "[nn][attention]") {
  const RandomBatch<double> data(6, 20, 3);
  AnyNetwork<double> network(Shape{5, 4}, {MultiHeadAttention{4, 2}, MeanPosition{}, Linear{4, 3}});
  std::vector<double> gradient(network.parameters().size(), 9), moment(gradient.size(), 2);
  network.gradient(data.batch(), gradient);
  network.accumulate_moment(data.batch(), importance::SquaredNorm{}, moment::Square{}, std::span<double>(moment));
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK((gradient[48 + i] == 0) == (i >= 4 && i < 8));
    CHECK((moment[48 + i] == 2) == (i >= 4 && i < 8));
  }
}

TEST_CASE("large scores do not overflow", "[nn][attention]") {
  RandomBatch<float> data(3, 20, 2);
  for (float& x : data.inputs) x *= 1e4F;
  AnyNetwork<float> network(Shape{5, 4}, {MultiHeadAttention{4, 2}, MeanPosition{}, Linear{4, 2}});
  std::vector<float> gradient(network.parameters().size());
  network.gradient(data.batch(), gradient);
  for (const float value : gradient) REQUIRE(lifelong::detail::is_finite(value));
}

TEST_CASE("transformers have the same bits for any number of threads", "[nn][attention]") {
  RandomBatch<double> data(40, 24 * 16, 3);
  for (const std::size_t positions : {std::size_t{0}, std::size_t{24}}) {
    data.use_lengths(positions);
    std::vector<std::vector<double>> results;
    for (const int threads : {0, 1, 3}) {
      AnyNetwork<double> network(
          Shape{24, 16}, {PositionEmbedding{24, 16}, TransformerBlock{16, 4, 32}, MeanPosition{}, Linear{16, 3}}, 0,
          test::AnyBackend{threads});
      std::vector<double> all(network.parameters().size()), outputs(40 * 3);
      network.gradient(data.batch(), all);
      network.predict(data.batch(), outputs);
      const auto squares =
          test::at_once(network, data.batch(), test::log_likelihood(importance::Labels::exact), moment::Square{});
      all.insert(all.end(), outputs.begin(), outputs.end());
      all.insert(all.end(), squares.begin(), squares.end());
      results.push_back(all);
    }
    CHECK(results[1] == results[0]);
    CHECK(results[2] == results[0]);
  }
}

TEST_CASE("a shorter sequence uses the first learned positions", "[nn][attention]") {
  const std::vector<double> x{1, 2, 3, 4};
  AnyNetwork<double> network(Shape{2, 2}, {PositionEmbedding{3, 2}, MeanPosition{}});
  set_waves(network.parameters());
  const auto theta = network.parameters();
  std::vector<double> y(2);
  network.predict({.size = 1, .features = 4, .inputs = x}, y);
  CHECK_THAT(y[0], test::WithinAbs(2 + (theta[0] + theta[2]) / 2, 1e-15));
  CHECK_THAT(y[1], test::WithinAbs(3 + (theta[1] + theta[3]) / 2, 1e-15));
}

TEST_CASE("attention refuses what it cannot take", "[nn][attention]") {
  const auto refused = [](Shape shape, const test::AnyLayer<double>& layer) {
    return message_of<Error>([&] { AnyNetwork<double>(shape, {layer}); });
  };
  CHECK(refused({3, 4}, MultiHeadAttention{4, 3}) ==
        "layer 0: MultiHeadAttention{4, 3} must have an embedding that is a positive multiple of its heads");
  CHECK(refused({3, 4}, MultiHeadAttention{4, 0}) ==
        "layer 0: MultiHeadAttention{4, 0} must have an embedding that is a positive multiple of its heads");
  CHECK(refused({3, 5}, MultiHeadAttention{4, 2}) ==
        "layer 0: MultiHeadAttention{4, 2} takes positions x 4 but is given 3 x 5");
  CHECK(refused({70000, 4}, MultiHeadAttention{4, 2}) ==
        "layer 0: 2 x 70000 x 70000 values per sample are more than 2^32 - 1");
  CHECK(refused({4}, TransformerBlock{4, 2, 3}) ==
        "layer 0: layer 0: layer 1: MultiHeadAttention{4, 2} takes positions x 4 but is given 4");
  CHECK(refused({4, 4}, PositionEmbedding{3, 4}) ==
        "layer 0: PositionEmbedding{3, 4} takes up to 3 positions x 4 but is given 4 x 4");
  CHECK(refused({4}, MeanPosition{}) == "layer 0: MeanPosition takes positions x features but is given 4");
}

}  // namespace attention_test
