// SPDX-License-Identifier: MIT
// Progressive columns against a slow, obvious version; earlier columns keep their bits.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/nn/progressive.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "finite_difference.hpp"
#include "tiny_model.hpp"

namespace progressive_test {

namespace {

namespace ll = lifelong;
using namespace lifelong::nn;
using ll::importance::Constant;
using test::ContainsSubstring;
using test::TinyTask;

using Bits = std::vector<std::uint64_t>;
Bits bits(std::span<const double> values) {
  Bits result;
  for (const double value : values) result.push_back(std::bit_cast<std::uint64_t>(value));
  return result;
}

const std::vector<std::size_t> widths{4, 5, 6, 3};

template <class Network>
std::vector<double> outputs_of(Network network, std::size_t column) {
  network.select(column);
  const TinyTask inputs(99);
  std::vector<double> out(inputs.size() * 3);
  network.predict(inputs.all(), out);
  return out;
}

auto network_of(std::size_t columns) {
  auto network = progressive<double>(widths, 7);
  for (std::size_t k = 1; k < columns; ++k) network.grow(3);
  return network;
}

/// One sample through all columns, written out; parameters are looked up by name.
struct SlowColumns {
  const ll::Layout& layout;
  std::span<const double> theta;

  const double* at(const std::string& name) const {
    for (const ll::Block& block : layout.blocks())
      if (block.name == name) return theta.data() + block.offset;
    FAIL("no block " << name);
    return nullptr;
  }
  std::vector<double> linear(const std::string& name, const std::vector<double>& x, std::size_t out) const {
    std::vector<double> y(at(name + ".bias"), at(name + ".bias") + out);
    for (std::size_t j = 0; j < out; ++j)
      for (std::size_t i = 0; i < x.size(); ++i) y[j] += at(name + ".weight")[j * x.size() + i] * x[i];
    return y;
  }
  static std::vector<double> positive(std::vector<double> values) {
    for (double& value : values) value = value > 0 ? value : 0;
    return values;
  }
  std::vector<double> outputs(const double* x, std::size_t column) const {
    std::vector<std::vector<std::vector<double>>> h;  // column, layer
    for (std::size_t k = 0; k <= column; ++k) {
      h.push_back({{x, x + 4}});
      for (std::size_t i = 0; i < 3; ++i) {
        const std::string name = "0." + std::to_string(k) + "." + std::to_string(i);
        auto z = linear(name, h[k][i], widths[i + 1]);
        if (k > 0 && i > 0) {
          std::vector<double> joined;
          for (std::size_t j = 0; j < k; ++j)
            for (const double value : h[j][i]) joined.push_back(at(name + ".scale")[j] * value);
          const auto adapted = positive(linear(name + ".adapter", joined, widths[i]));
          const auto lateral = linear(name + ".lateral", adapted, widths[i + 1]);
          for (std::size_t j = 0; j < z.size(); ++j) z[j] += lateral[j];
        }
        h[k].push_back(i < 2 ? positive(z) : z);
      }
    }
    return h[column][3];
  }
};

}  // namespace

TEST_CASE("columns compute what the slow version does", "[nn][progressive]") {
  const auto network = network_of(3);
  const SlowColumns slow{network.layout(), network.parameters()};
  const TinyTask inputs(99);
  for (std::size_t k = 0; k < 3; ++k) {
    const auto out = outputs_of(network, k);
    for (std::size_t n = 0; n < inputs.size(); ++n) {
      const auto expected = slow.outputs(&inputs.inputs[4 * n], k);
      for (std::size_t c = 0; c < 3; ++c) REQUIRE_THAT(out[3 * n + c], test::WithinAbs(expected[c], 1e-13));
    }
  }
}

TEST_CASE("gradients of the last column are differences, laterals too", "[nn][progressive]") {
  auto network = network_of(3);
  const TinyTask task(1);
  std::vector<double> g(network.parameters().size(), 99.0);
  network.select(0);  // changes nothing in training
  const double loss = network.gradient(task.all(), g);
  network.select(2);
  CHECK(loss == network.loss(task.all()));
  const ll::ParameterRange last = network.learning()[0];
  CHECK(last.end == g.size());
  for (std::size_t i = 0; i < last.first; ++i) REQUIRE(g[i] == 0);
  test::check_differences(network.parameters().subspan(last.first), std::span<const double>(g).subspan(last.first),
                          [&] { return network.loss(task.all()); });
  for (const ll::Block& block : network.layout().blocks()) {
    INFO(block.name);
    const auto begin = g.begin() + static_cast<std::ptrdiff_t>(block.offset);
    const bool moves =
        std::any_of(begin, begin + static_cast<std::ptrdiff_t>(block.size), [](double value) { return value != 0; });
    CHECK(moves == (block.name[2] == '2'));  // of the second task on, every lateral learns
  }
}

TEST_CASE("importances of a column are exact per sample", "[nn][progressive]") {
  auto network = network_of(2);
  const TinyTask task(1);
  std::vector<double> fisher(network.parameters().size()), mas(fisher.size()), g(fisher.size()), f(3);
  ll::importance::estimate(ll::importance::Fisher{}, network, std::vector{task.all()}, std::span(fisher));
  ll::importance::estimate(ll::importance::Mas{}, network, std::vector{task.all()}, std::span(mas));
  const auto count = static_cast<double>(task.size());
  for (std::size_t n = 0; n < task.size(); ++n) {
    ll::Batch<double> sample = task.all().sample(n);
    for (std::int32_t c = 0; c < 3; ++c) {
      sample.labels = std::span(&c, 1);
      const double p = std::exp(-network.evaluation_gradient(sample, g));
      for (std::size_t i = 0; i < g.size(); ++i) fisher[i] -= p * g[i] * g[i] / count;
    }
    network.predict(sample, f);
    for (double& value : f) value *= 2;
    network.pullback(sample, f, g);
    for (std::size_t i = 0; i < g.size(); ++i) mas[i] -= std::abs(g[i]) / count;
  }
  for (std::size_t i = 0; i < g.size(); ++i) {
    REQUIRE_THAT(fisher[i], test::WithinAbs(0, 1e-12));
    REQUIRE_THAT(mas[i], test::WithinAbs(0, 1e-12));
  }
}

TEST_CASE("laterals of 0 leave a column on its own", "[nn][progressive]") {
  auto network = network_of(2);
  auto alone = mlp<double>(widths);
  std::size_t at = 0;
  for (const ll::Block& block : network.layout().blocks()) {
    const auto begin = network.parameters().begin() + static_cast<std::ptrdiff_t>(block.offset);
    if (block.name.find("lateral") != std::string::npos) std::fill_n(begin, block.size, 0.0);
    if (block.name[2] != '1' || std::count(block.name.begin(), block.name.end(), '.') != 3) continue;
    if (block.name.ends_with("scale")) continue;
    std::copy_n(begin, block.size, alone.parameters().begin() + static_cast<std::ptrdiff_t>(at));
    at += block.size;
  }
  REQUIRE(at == alone.parameters().size());
  const TinyTask inputs(99);
  std::vector<double> expected(inputs.size() * 3);
  alone.predict(inputs.all(), expected);
  CHECK(bits(outputs_of(network, 1)) == bits(expected));
}

TEST_CASE("columns and outputs of earlier tasks keep their bits", "[nn][progressive]") {
  ll::Learner learner{progressive<double>(widths, 7), Constant{}, ll::penalty::None{},
                      ll::optimizer::AdamW{.learning_rate = 0.05, .weight_decay = 0.1}};
  std::vector<Bits> kept;
  Bits before;
  for (std::size_t t = 0; t < 3; ++t) {
    if (t > 0) learner.grow(3);
    CHECK(learner.model().columns() == t + 1);
    learner.fit(TinyTask(t + 1), {.epochs = 3, .batch_size = 5});
    learner.consolidate();
    const Bits now = bits(learner.parameters());
    CHECK(std::equal(before.begin(), before.end(), now.begin()));
    CHECK(std::count(now.begin() + static_cast<std::ptrdiff_t>(before.size()), now.end(), 0) == 0);
    for (std::size_t k = 0; k < t; ++k) REQUIRE(bits(outputs_of(learner.model(), k)) == kept[k]);
    kept.push_back(bits(outputs_of(learner.model(), t)));
    before = now;
  }
  auto resumed = ll::Learner{network_of(3), Constant{}, ll::penalty::None{},
                             ll::optimizer::AdamW{.learning_rate = 0.05, .weight_decay = 0.1}};
  learner.model().select(1);
  ll::io::restore(ll::io::checkpoint(learner), resumed);
  CHECK(bits(resumed.parameters()) == before);
  for (std::size_t k = 0; k < 3; ++k) CHECK(bits(outputs_of(resumed.model(), k)) == kept[k]);
}

TEST_CASE("columns that do not fit are refused", "[nn][progressive]") {
  auto network = network_of(2);
  const Bits before = bits(network.parameters());
  CHECK_THROWS_WITH(network.grow(4), ContainsSubstring("3 outputs"));
  CHECK(network.columns() == 2);
  CHECK(bits(network.parameters()) == before);
  CHECK_THROWS_AS(network.select(2), ll::InvalidArgument);
  CHECK_THROWS_AS(progressive<double>({4}), ll::InvalidArgument);
  CHECK_THROWS_AS(sequential<double>(Columns{{4, 3}, 0}), ll::InvalidArgument);
  auto behind = sequential<double>(Linear{4, 4}, Columns{{4, 3}});
  std::vector<double> g(behind.parameters().size());
  CHECK_THROWS_WITH(behind.gradient(TinyTask(1).all(), g), ContainsSubstring("first layer"));
  CHECK(network_of(2).recipe() ==
        "Network(input 4, Columns(widths 4 5 6 3, columns 2), SoftmaxCrossEntropy(), seed 7, "
        "frozen 0.0.0.weight, 0.0.0.bias, 0.0.1.weight, 0.0.1.bias, 0.0.2.weight, 0.0.2.bias)");
}

}  // namespace progressive_test
