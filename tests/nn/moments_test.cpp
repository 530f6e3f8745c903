// SPDX-License-Identifier: MIT
// Moments of per-sample gradients: the batched backward pass against one sample at a time.
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/output_norm.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "moments.hpp"
#include "random_batch.hpp"
#include "tiny_model.hpp"

namespace moments_test {

namespace {

using namespace lifelong;
using importance::Labels;
using importance::LogLikelihood;
using importance::SquaredNorm;
using test::AnyNetwork;
using test::at_once;
using test::check_all_moments;
using test::difference;
using test::log_likelihood;
using test::one_by_one;
using test::RandomBatch;

}  // namespace

TEST_CASE("moments equal the sum over single samples", "[nn][moments]") {
  RandomBatch<double> data(23, 12, 10);
  for (const bool ranges : {false, true}) {
    data.use_ranges(ranges);
    for (const auto activation :
         {nn::Activation::relu, nn::Activation::tanh, nn::Activation::sigmoid, nn::Activation::gelu})
      check_all_moments(test::any_mlp<double>({12, 15, 9, 10}, {.seed = 2, .activation = activation}), data.batch());
    check_all_moments(AnyNetwork<double>({nn::Tanh{}, nn::Linear{12, 8}, nn::ReLU{}, nn::Linear{8, 10}, nn::Tanh{}}),
                      data.batch());
    check_all_moments(AnyNetwork<double>({nn::Linear{12, 10}}), data.batch());
  }
}

TEST_CASE("moments equal those of a network written out by hand", "[nn][moments]") {
  test::TinyModel slow;
  auto network = test::any_mlp<double>({slow.in, slow.hidden, slow.out}, {.activation = nn::Activation::tanh});
  std::copy(slow.theta.begin(), slow.theta.end(), network.parameters().begin());
  const RandomBatch<double> data(19, slow.in, slow.out);
  const LogLikelihood exact = log_likelihood(Labels::exact), empirical = log_likelihood(Labels::empirical);
  CHECK(difference(at_once(network, data.batch(), exact, moment::Square{}),
                   one_by_one(slow, data.batch(), exact, moment::Square{})) < 1e-12);
  CHECK(difference(at_once(network, data.batch(), empirical, moment::Square{}),
                   one_by_one(slow, data.batch(), empirical, moment::Square{})) < 1e-12);
  CHECK(difference(at_once(network, data.batch(), SquaredNorm{}, moment::Absolute{}),
                   one_by_one(slow, data.batch(), SquaredNorm{}, moment::Absolute{})) < 1e-12);
}

TEST_CASE("moments of a tile's size and beyond equal the sum over single samples", "[nn][moments]") {
  const RandomBatch<double> data(201, 151, 3);
  auto network = test::any_mlp<double>({151, 203, 3}, {.seed = 4});
  const LogLikelihood exact = log_likelihood(Labels::exact);
  CHECK(difference(at_once(network, data.batch(), exact, moment::Square{}),
                   one_by_one(network, data.batch(), exact, moment::Square{})) < 1e-12);
}

TEST_CASE("the sum of per-sample gradients is the gradient", "[nn][moments]") {
  const RandomBatch<double> data(17, 6, 4);
  auto network = test::any_mlp<double>({6, 9, 4}, {.seed = 3});
  std::vector<double> gradient(network.parameters().size());
  network.gradient(data.batch(), gradient);
  const auto total = at_once(network, data.batch(), log_likelihood(Labels::empirical), moment::Sum{});
  for (std::size_t i = 0; i < total.size(); ++i) CHECK_THAT(-total[i] / 17, test::WithinAbs(gradient[i], 1e-14));
}

TEST_CASE("cotangents of one sample do not mix: the expected score is zero, its square is not", "[nn][moments]") {
  // Σ_c √p_c · √p_c (e_c - p) = 0, yet each class counts in the exact Fisher information.
  const RandomBatch<double> data(8, 6, 4);
  auto network = test::any_mlp<double>({6, 9, 4}, {.seed = 3});
  const auto square = at_once(network, data.batch(), log_likelihood(Labels::exact), moment::Square{});
  CHECK(*std::max_element(square.begin(), square.end()) > 1e-3);
  const auto folded = at_once(network, data.batch(), log_likelihood(Labels::exact), moment::Sum{});
  const auto slow = one_by_one(network, data.batch(), log_likelihood(Labels::exact), moment::Sum{});
  for (std::size_t i = 0; i < slow.size(); ++i) CHECK_THAT(folded[i], test::WithinAbs(slow[i], 1e-13));
}

TEST_CASE("moments add up over batches", "[nn][moments]") {
  const RandomBatch<double> data(50, 6, 4);
  auto network = test::any_mlp<double>({6, 9, 4}, {.seed = 3});
  const auto whole = data.batch();
  for (const Labels labels : {Labels::exact, Labels::sampled}) {
    const auto functional = log_likelihood(labels);
    const auto expected = at_once(network, whole, functional, moment::Square{});
    std::vector<double> total(expected.size());
    for (std::size_t begin = 0; begin < 50; begin += 16) {
      const std::size_t n = std::min<std::size_t>(16, 50 - begin);
      const Batch<double> part{n,
                               6,
                               whole.inputs.subspan(begin * 6, n * 6),
                               whole.labels.subspan(begin, n),
                               whole.targets.subspan(begin * 4, n * 4),
                               {},
                               whole.indices.subspan(begin, n)};
      network.accumulate_moment(part, functional, moment::Square{}, total);
    }
    CHECK(difference(total, expected) < 1e-12);
  }
}

TEST_CASE("moments need no labels and accept no samples", "[nn][moments]") {
  const RandomBatch<double> data(5, 6, 4);
  auto network = test::any_mlp<double>({6, 9, 4}, {.seed = 3});
  Batch<double> batch = data.batch();
  const auto expected = at_once(network, batch, SquaredNorm{}, moment::Absolute{});
  batch.labels = {};
  batch.targets = {};
  CHECK(at_once(network, batch, SquaredNorm{}, moment::Absolute{}) == expected);
  const Batch<double> nothing{0, 6};
  std::vector<double> total(expected);
  network.accumulate_moment(nothing, SquaredNorm{}, moment::Absolute{}, total);
  CHECK(total == expected);
}

TEST_CASE("float agrees with double", "[nn][moments]") {
  const RandomBatch<float> single(64, 40, 10);
  const RandomBatch<double> twice(64, 40, 10);
  const std::vector<std::size_t> widths{40, 50, 30, 10};
  const nn::MlpOptions options{.seed = 6, .activation = nn::Activation::tanh};
  auto a = test::any_mlp<float>(widths, options);
  auto b = test::any_mlp<double>(widths, options);
  for (const Labels labels : {Labels::exact, Labels::empirical})
    CHECK(difference(at_once(a, single.batch(), log_likelihood(labels), moment::Square{}),
                     at_once(b, twice.batch(), log_likelihood(labels), moment::Square{})) < 1e-4);
  CHECK(difference(at_once(a, single.batch(), SquaredNorm{}, moment::Absolute{}),
                   at_once(b, twice.batch(), SquaredNorm{}, moment::Absolute{})) < 1e-4);
  std::vector<float> gradient(a.parameters().size());
  std::vector<double> expected(b.parameters().size());
  CHECK_THAT(a.gradient(single.batch(), gradient), test::WithinRel(b.gradient(twice.batch(), expected), 1e-6));
  for (std::size_t i = 0; i < expected.size(); ++i)
    REQUIRE_THAT(static_cast<double>(gradient[i]), test::WithinAbs(expected[i], 1e-6));
}

}  // namespace moments_test
