// SPDX-License-Identifier: MIT
// Layers without Kronecker factors keep the diagonal of the Fisher information beside those that have some.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace diagonal_test {

namespace {

using namespace lifelong;
using importance::Labels;
using nn::KroneckerFisher;
using nn::KroneckerPenalty;
using nn::KroneckerState;
using nn::KroneckerSum;
using test::RandomBatch;
using Estimate = nn::KroneckerEstimate<double>;
using Vector = std::vector<double>;

/// A Linear by the names and kinds of its blocks, which makes no outer products.
struct Opaque {
  nn::Linear inner;

  static constexpr bool in_place = false;
  nn::Shape expected() const { return inner.expected(); }
  nn::Shape connect(nn::Shape in) { return inner.connect(in); }
  void declare(Layout& layout, const std::string& prefix) const { inner.declare(layout, prefix); }
  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    inner.initialize(own, random, first);
  }
  template <class T, class Backend>
  void forward(const Backend& backend, const nn::Flow<T>& flow, nn::Rows<const T> x, nn::Rows<T> y) const {
    inner.forward(backend, flow, x, y);
  }
  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const nn::Pass<Moment>& pass, const nn::Flow<T>& flow, nn::Rows<const T> x,
                nn::Rows<const T> y, nn::Rows<T> dy, nn::Rows<T> dx, std::span<T> out) const {
    inner.backward(backend, pass, flow, x, y, dy, dx, out);
  }
};

using Network = nn::Network<double, std::vector<std::variant<nn::Linear, nn::LayerNorm, nn::Tanh, nn::Embedding,
                                                             nn::TransformerBlock, nn::LastPosition, Opaque>>>;

Network normed() { return Network({nn::Linear{4, 3}, nn::LayerNorm{3}, nn::Tanh{}, nn::Linear{3, 5}}, 3); }
Network opaque() { return Network({nn::Linear{4, 3}, nn::Tanh{}, Opaque{{3, 3}}, nn::Linear{3, 5}}, 4); }
Network attentive() {
  return Network(nn::Shape{3},
                 {nn::Embedding{6, 4}, nn::TransformerBlock{4, 2, 3}, nn::LastPosition{}, nn::Linear{4, 5}}, 5);
}

RandomBatch<double> tokens(std::size_t size, std::uint64_t seed) {
  RandomBatch<double> data(size, 3, 5, seed);
  for (std::size_t i = 0; i < data.inputs.size(); ++i) data.inputs[i] = static_cast<double>((i * 7 + seed) % 6);
  return data;
}

/// F as a P x P matrix: A ⊗ G of each layer in `sites` and the diagonal elsewhere, from one gradient per sample and
/// cotangent. A layer with one position has dW = d xᵀ and db = d, so both are known from the gradient.
Vector slow_fisher(Network& network, const Batch<double>& batch, const importance::LogLikelihood& functional,
                   const std::vector<nn::KroneckerSite>& sites) {
  const std::size_t outputs = network.outputs(), count = network.parameters().size();
  Vector fisher(count * count), row(outputs), delta(outputs), gradient(count);
  std::vector<Vector> as, gs;
  for (const auto& site : sites) {
    as.emplace_back(site.columns * site.columns);
    gs.emplace_back(site.rows * site.rows);
  }
  const double samples = batch.weight();
  for (std::size_t n = 0; n < batch.size; ++n) {
    Batch<double> one = batch.sample(n);
    const double share = (batch.weights.empty() ? 1 : batch.weights[n]) / samples;
    network.predict(one, std::span<double>(row));
    functional.prepare(std::span<double>(row), one.context(0, outputs));
    for (std::size_t k = 0; k < functional.cotangents(outputs); ++k) {
      functional.cotangent(k, std::span<const double>(row), one.context(0, outputs), std::span<double>(delta));
      network.pullback(one, std::span<const double>(delta), std::span<double>(gradient));
      for (std::size_t i = 0; i < count; ++i) fisher[i * count + i] += share * gradient[i] * gradient[i];
      for (std::size_t l = 0; l < sites.size(); ++l) {
        const auto& site = sites[l];
        const double* d = gradient.data() + site.bias;
        std::size_t largest = 0;
        for (std::size_t o = 0; o < site.rows; ++o)
          if (std::abs(d[o]) > std::abs(d[largest])) largest = o;
        Vector x(site.columns, 1);
        for (std::size_t i = 0; i < site.inputs(); ++i)
          x[i] = gradient[site.weight + largest * site.inputs() + i] / d[largest];
        for (std::size_t i = 0; k == 0 && i < site.columns; ++i)
          for (std::size_t j = 0; j < site.columns; ++j) as[l][i * site.columns + j] += share * x[i] * x[j];
        for (std::size_t o = 0; o < site.rows; ++o)
          for (std::size_t p = 0; p < site.rows; ++p) gs[l][o * site.rows + p] += share * d[o] * d[p];
      }
    }
  }
  for (std::size_t l = 0; l < sites.size(); ++l) {
    const auto& site = sites[l];
    const auto element = [&](std::size_t o, std::size_t i) {
      return i < site.inputs() ? site.weight + o * site.inputs() + i : site.bias + o;
    };
    for (std::size_t o = 0; o < site.rows; ++o)
      for (std::size_t i = 0; i < site.columns; ++i)
        for (std::size_t p = 0; p < site.rows; ++p)
          for (std::size_t j = 0; j < site.columns; ++j)
            fisher[element(o, i) * count + element(p, j)] = gs[l][o * site.rows + p] * as[l][i * site.columns + j];
  }
  return fisher;
}

Vector random_values(std::size_t count, std::uint64_t seed) {
  Vector values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(Random(seed).normal(i));
  return values;
}

Estimate estimated(Network& network, const KroneckerFisher& fisher, const Batch<double>& batch) {
  return importance::estimate(fisher, network, std::vector<Batch<double>>{batch});
}

double evaluate(const KroneckerPenalty& penalty, KroneckerState<double>& state, const Vector& theta, Vector& gradient) {
  gradient.assign(theta.size(), 99);
  return penalty.gradient(state, backend::Serial{}, std::span<const double>(theta), std::span<double>(gradient));
}

/// The penalty after the estimates of these tasks is λ/2 Δᵀ F Δ.
void check_form(KroneckerState<double>& state, const KroneckerPenalty& penalty, const Vector& fisher,
                const Vector& anchor) {
  const std::size_t count = anchor.size();
  const Vector theta = random_values(count, 8);
  Vector gradient, expected(count);
  double value = 0, largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j)
      expected[i] += penalty.strength * fisher[i * count + j] * (theta[j] - anchor[j]);
    value += expected[i] * (theta[i] - anchor[i]) / 2;
    largest = std::max(largest, std::abs(expected[i]));
  }
  CHECK_THAT(evaluate(penalty, state, theta, gradient), test::WithinRel(value, 1e-11));
  for (std::size_t i = 0; i < count; ++i) CHECK(std::abs(gradient[i] - expected[i]) <= 1e-11 * largest);
}

void check_two_tasks(Network network, const std::vector<nn::KroneckerSite>& sites) {
  const RandomBatch<double> first(9, 4, 5, 1), second(7, 4, 5, 2);
  Vector weights(9, 1);
  weights[2] = 3;
  weights[5] = 0.5;
  Batch<double> weighted = first.batch();
  weighted.weights = weights;
  const Vector anchor(network.parameters().begin(), network.parameters().end());
  for (const Labels labels : {Labels::exact, Labels::sampled, Labels::empirical}) {
    const KroneckerFisher fisher{.labels = labels, .seed = 9};
    const importance::LogLikelihood functional{labels, 9};
    const KroneckerPenalty penalty{.strength = 1.7, .sum = KroneckerSum::exact};
    KroneckerState<double> state;
    penalty.absorb(state, estimated(network, fisher, weighted), std::span<const double>(anchor), {1, 1});
    const Vector one = slow_fisher(network, weighted, functional, sites);
    check_form(state, penalty, one, anchor);
    penalty.absorb(state, estimated(network, fisher, second.batch()), std::span<const double>(anchor), {0.5, 2});
    Vector sum = slow_fisher(network, second.batch(), functional, sites);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = 0.5 * one[i] + 2 * sum[i];
    check_form(state, penalty, sum, anchor);
  }
}

std::vector<std::string> without_factors(Network network) {
  std::vector<std::string> names;
  for (const auto& [name, factored] : nn::kronecker_blocks(network))
    if (!factored) names.push_back(name);
  return names;
}

/// Everything in a state, as a file holds it.
struct Kept {
  std::map<std::string, AlignedVector<double>> arrays;
  std::map<std::string, std::size_t> numbers;

  explicit Kept(KroneckerState<double> state) {
    state.visit([&](const std::string& name, AlignedVector<double>& values) { arrays[name] = values; },
                [&](const std::string& name, std::size_t& value) { numbers[name] = value; });
  }
  void restore(KroneckerState<double>& state) const {
    state.visit([&](const std::string& name, AlignedVector<double>& values) { values = arrays.at(name); },
                [&](const std::string& name, std::size_t& value) { value = numbers.at(name); });
  }
};

}  // namespace

TEST_CASE("which blocks have Kronecker factors is known before training", "[kronecker]") {
  auto network = normed();
  CHECK(nn::kronecker_blocks(network) == std::vector<nn::KroneckerBlock>{{"0.weight", true},
                                                                         {"0.bias", true},
                                                                         {"1.weight", false},
                                                                         {"1.bias", false},
                                                                         {"3.weight", true},
                                                                         {"3.bias", true}});
  CHECK(without_factors(opaque()) == std::vector<std::string>{"2.weight", "2.bias"});
  CHECK(without_factors(attentive()) ==
        std::vector<std::string>{"0.weight", "1.norm1.weight", "1.norm1.bias", "1.self_attn.in_proj_weight",
                                 "1.self_attn.in_proj_bias", "1.self_attn.out_proj.weight", "1.self_attn.out_proj.bias",
                                 "1.norm2.weight", "1.norm2.bias"});
}

TEST_CASE("factors and diagonals together are the quadratic form written out", "[kronecker]") {
  check_two_tasks(normed(), {{"0", 0, 12, true, 3, 5}, {"3", 21, 36, true, 5, 4}});
  check_two_tasks(opaque(), {{"0", 0, 12, true, 3, 5}, {"3", 27, 42, true, 5, 4}});
}

TEST_CASE("embeddings, norms and attention keep the diagonal of the Fisher information", "[kronecker]") {
  auto network = attentive();
  const auto data = tokens(8, 3);
  const std::size_t count = network.parameters().size();
  const KroneckerFisher fisher{.labels = Labels::sampled, .seed = 9, .draws = 2};
  const Estimate estimate = estimated(network, fisher, data.batch());
  Vector squares = test::one_by_one(network, data.batch(), importance::LogLikelihood{Labels::sampled, 9, 2},
                                    [](double g) { return g * g; });
  REQUIRE(estimate.layers.size() == 3);
  REQUIRE(estimate.diagonals.size() == without_factors(network).size());
  Vector theta = random_values(count, 8), gradient, expected(count);
  const Vector anchor(count);
  for (const auto& [name, first, values] : estimate.diagonals)
    for (std::size_t k = 0; k < values.size(); ++k) {
      CHECK(std::abs(values[k] - squares[first + k] / 8) <= 1e-11 * squares[first + k]);
      expected[first + k] = squares[first + k] / 8 * theta[first + k];
    }
  for (const auto& [site, a, g] : estimate.layers)
    for (std::size_t o = 0; o < site.rows; ++o)
      for (std::size_t i = 0; i < site.columns; ++i)
        for (std::size_t p = 0; p < site.rows; ++p)
          for (std::size_t j = 0; j < site.columns; ++j)
            expected[i < site.inputs() ? site.weight + o * site.inputs() + i : site.bias + o] +=
                g[o * site.rows + p] * a[i * site.columns + j] *
                theta[j < site.inputs() ? site.weight + p * site.inputs() + j : site.bias + p];
  KroneckerState<double> state;
  KroneckerPenalty{}.absorb(state, estimate, std::span<const double>(anchor), {1, 1});
  double value = 0;
  for (std::size_t i = 0; i < count; ++i) value += expected[i] * theta[i] / 2;
  CHECK_THAT(evaluate({}, state, theta, gradient), test::WithinRel(value, 1e-11));
  for (std::size_t i = 0; i < count; ++i) CHECK_THAT(gradient[i], test::WithinAbs(expected[i], 1e-11));
}

TEST_CASE("a diagonal leaves out frozen blocks and those out of scope", "[kronecker]") {
  auto network = normed();
  network.freeze({"1.bias"});
  const RandomBatch<double> data(9, 4, 5);
  Estimate estimate = estimated(network, {}, data.batch());
  REQUIRE(estimate.diagonals.size() == 2);
  CHECK(estimate.diagonals[1].values == AlignedVector<double>(3));
  CHECK(estimate.diagonals[0].values[1] > 0);
  KroneckerFisher{}.restrict_to(Scope::all().without_norms(), network.layout(), estimate);
  CHECK(estimate.diagonals[0].values == AlignedVector<double>(3));
  CHECK(estimate.layers[0].a[0] > 0);
}

TEST_CASE("a network without any Kronecker factors is sent to Fisher", "[kronecker]") {
  auto network = Network({Opaque{{4, 5}}});
  const RandomBatch<double> data(3, 4, 5);
  const auto require_advice = [](const std::string& message) {
    CHECK_THAT(message, test::ContainsSubstring("no layer of this network has Kronecker factors"));
    CHECK_THAT(message, test::ContainsSubstring("use Fisher"));
  };
  require_advice(test::message_of<InvalidArgument>([&] { (void)estimated(network, {}, data.batch()); }));
  require_advice(test::message_of<InvalidArgument>([&] { KroneckerFisher{}.validate_for(network); }));
  CHECK(without_factors(network).size() == 2);
}

TEST_CASE("a state with diagonals is saved whole, and a broken one is refused", "[kronecker][checkpoint]") {
  auto network = normed();
  const RandomBatch<double> data(9, 4, 5);
  const std::size_t count = network.parameters().size();
  const Vector anchor = random_values(count, 4), theta = random_values(count, 5);
  KroneckerState<double> state, other;
  state.resize(count);
  other.resize(count);
  Estimate estimate = estimated(network, {}, data.batch());
  KroneckerPenalty{}.absorb(state, estimate, std::span<const double>(anchor), {1, 1});
  const Kept kept(state);
  kept.restore(other);
  Vector before, after;
  CHECK(evaluate({}, other, theta, after) == evaluate({}, state, theta, before));
  CHECK(after == before);
  CHECK(other.bytes() == state.bytes());
  const auto refusal = [&](const std::string& name, std::size_t value) {
    Kept broken = kept;
    broken.numbers.at(name) = value;
    return test::message_of<FormatError>([&] {
      KroneckerState<double> fresh;
      fresh.resize(count);
      broken.restore(fresh);
    });
  };
  CHECK(refusal("diagonal.0.first", 40) ==
        "the state of a KroneckerPenalty: a diagonal of 3 values from parameter 40 on does not lie within the 41 "
        "parameters");
  CHECK_THAT(refusal("diagonals", std::size_t{1} << 40), test::ContainsSubstring("are too many"));
  CHECK_THAT(refusal("layers", 0), test::ContainsSubstring("diagonals but no factors"));
  estimate.diagonals[1].values[2] = std::numeric_limits<double>::quiet_NaN();
  CHECK(test::message_of<NumericError>([&] {
          KroneckerPenalty{}.absorb(state, estimate, std::span<const double>(theta), {1, 1});
        }) == "the importance of 1.bias[2] is nan");
  estimate.diagonals.pop_back();
  CHECK_THROWS_AS(KroneckerPenalty{}.absorb(state, estimate, std::span<const double>(theta), {1, 1}), ShapeMismatch);
  evaluate({}, state, theta, after);
  CHECK(after == before);
}

}  // namespace diagonal_test
