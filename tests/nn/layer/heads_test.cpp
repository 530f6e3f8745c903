// SPDX-License-Identifier: MIT
// Heads over one trunk: exact, and free to grow without disturbing what was learned.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace heads_test {

namespace {

using namespace lifelong;
using test::AnyNetwork;
using test::RandomBatch;

auto with_heads(std::vector<std::size_t> widths, std::uint64_t seed = 3) {
  return AnyNetwork<double>({nn::Linear{5, 7}, nn::Tanh{}, nn::Heads{7, std::move(widths)}}, seed);
}

/// A learner that has been through one task.
template <class Importance, class Optimizer>
auto experienced(Importance importance, Optimizer optimizer) {
  Learner learner{with_heads({2}), importance, penalty::Quadratic{.strength = 3}, optimizer};
  RandomBatch<double> data(16, 5, 2);
  for (int step = 0; step < 5; ++step) learner.step(data.batch());
  learner.consolidate(std::vector{data.batch()});
  for (int step = 0; step < 3; ++step) learner.step(data.batch());
  return learner;
}

template <class Values>
std::vector<double> copy_of(const Values& values) {
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("heads are linear layers side by side", "[nn][heads]") {
  auto heads = AnyNetwork<double>({nn::Heads{4, {2, 3}}});
  auto plain = AnyNetwork<double>({nn::Linear{4, 5}});
  const auto from = heads.parameters(), to = plain.parameters();
  std::copy_n(&from[0], 8, &to[0]);    // 0.0.weight
  std::copy_n(&from[8], 2, &to[20]);   // 0.0.bias
  std::copy_n(&from[10], 12, &to[8]);  // 0.1.weight
  std::copy_n(&from[22], 3, &to[22]);  // 0.1.bias
  const RandomBatch<double> data(9, 4, 5);
  std::vector<double> a(45), b(45);
  heads.predict(data.batch(), a);
  plain.predict(data.batch(), b);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK_THAT(a[i], test::WithinAbs(b[i], 1e-14));
}

TEST_CASE("gradients and moments of heads are exact", "[nn][heads]") {
  RandomBatch<double> data(11, 5, 6);
  for (const bool ranges : {false, true}) {
    data.use_ranges(ranges);
    test::check_gradient(with_heads({2, 1, 3}), data.batch());
    test::check_all_moments(with_heads({2, 1, 3}), data.batch());
    test::check_all_moments(AnyNetwork<double>({nn::Heads{5, {4, 2}}}), data.batch());
  }
}

TEST_CASE("blocks of heads are named, and are the head", "[nn][heads]") {
  const auto network = with_heads({2, 3});
  std::vector<std::string> names, heads;
  for (const Block& block : network.layout().blocks()) {
    names.push_back(block.name);
    if (block.head) heads.push_back(block.name);
  }
  CHECK(names == std::vector<std::string>{"0.weight", "0.bias", "2.0.weight", "2.0.bias", "2.1.weight", "2.1.bias"});
  CHECK(heads == std::vector<std::string>{"2.0.weight", "2.0.bias", "2.1.weight", "2.1.bias"});
  CHECK(nn::Heads{7, {2, 3}}.range(1) == OutputRange{2, 3});
}

TEST_CASE("a network that grew is one that was made with all heads", "[nn][heads]") {
  auto grown = with_heads({2});
  grown.grow(3);
  grown.grow(1);
  const auto whole = with_heads({2, 3, 1});
  CHECK(copy_of(grown.parameters()) == copy_of(whole.parameters()));
  CHECK(grown.outputs() == 6);
  CHECK(grown.layout().describe(grown.parameters().size() - 1) == "2.2.bias[0]");
}

TEST_CASE("growing keeps what was learned and adds nothing to it", "[learner][heads]") {
  auto learner = experienced(importance::SynapticIntelligence{}, optimizer::Adam{});
  auto twin = experienced(importance::SynapticIntelligence{}, optimizer::Adam{});
  const auto theta = copy_of(learner.parameters());
  const auto omega = copy_of(learner.importance()), anchor = copy_of(learner.anchor());
  const double penalty = learner.penalty_value();
  REQUIRE(penalty > 0);
  learner.grow(3);

  const std::size_t before = theta.size(), after = learner.parameters().size();
  REQUIRE(after == before + 3 * 8);
  CHECK(copy_of(learner.parameters().first(before)) == theta);
  CHECK(copy_of(learner.importance().first(before)) == omega);
  CHECK(copy_of(learner.anchor().first(before)) == anchor);
  for (std::size_t i = before; i < after; ++i) {
    CHECK(learner.importance()[i] == 0);
    CHECK(learner.anchor()[i] == learner.parameters()[i]);
  }
  CHECK_THAT(learner.penalty_value(), test::WithinRel(penalty, 1e-14));  // more parameters: other lanes of the sum

  // On the old head alone both learn on, to the bit: the optimizer's arrays and the path came along.
  RandomBatch<double> data(16, 5, 2);
  const std::vector<OutputRange> old_head(16, OutputRange{0, 2});
  Batch<double> batch = data.batch();
  batch.active = old_head;
  for (int step = 0; step < 4; ++step) {
    learner.step(batch);
    twin.step(data.batch());
  }
  learner.consolidate();
  twin.consolidate();
  CHECK(copy_of(learner.parameters().first(before)) == copy_of(twin.parameters()));
  CHECK(copy_of(learner.importance().first(before)) == copy_of(twin.importance()));
  for (std::size_t i = before; i < after; ++i) CHECK(learner.importance()[i] == 0);  // they did not move
}

TEST_CASE("new outputs become important when their task ends", "[learner][heads]") {
  auto learner = experienced(importance::Fisher{}, optimizer::Momentum{});
  const std::size_t before = learner.parameters().size();
  learner.grow(2);
  const RandomBatch<double> data(16, 5, 4);
  for (int step = 0; step < 5; ++step) learner.step(data.batch());
  learner.consolidate(std::vector{data.batch()});
  for (std::size_t i = before; i < learner.parameters().size(); ++i) CHECK(learner.importance()[i] > 0);
}

TEST_CASE("what cannot grow says so and stays as it was", "[learner][heads]") {
  Learner fixed{nn::mlp<double>({5, 4, 2}), importance::Mas{}, penalty::Quadratic{}, optimizer::Sgd{}};
  CHECK(test::message_of<InvalidArgument>([&] { fixed.grow(2); }) ==
        "layer 2 makes the outputs and cannot grow: use Heads in its place");
  CHECK(fixed.parameters().size() == 5 * 4 + 4 + 4 * 2 + 2);
  Learner learner{with_heads({2}), importance::Mas{}, penalty::Quadratic{}, optimizer::Sgd{}};
  CHECK_THROWS_AS(learner.grow(0), InvalidArgument);
  CHECK(learner.model().outputs() == 2);
  CHECK_THROWS_AS(AnyNetwork<double>({nn::Heads{4, {}}}), InvalidArgument);
  CHECK_THROWS_AS(AnyNetwork<double>({nn::Heads{4, {2, 0}}}), InvalidArgument);
  CHECK_THROWS_AS(AnyNetwork<double>({nn::Linear{3, 5}, nn::Heads{4, {2}}}), ShapeMismatch);
}

TEST_CASE("a scope says which parameters have an importance", "[learner][scope]") {
  const RandomBatch<double> data(16, 5, 5);
  const auto important_blocks = [&](const Scope& scope, auto importance) {
    Learner learner{with_heads({2, 3}), importance, penalty::Quadratic{}, optimizer::Sgd{}};
    learner.restrict_importance(scope);
    learner.step(data.batch());
    learner.consolidate(std::vector{data.batch()});
    std::vector<std::string> names;
    for (const Block& block : learner.model().layout().blocks()) {
      const auto values = learner.importance().subspan(block.offset, block.size);
      if (std::any_of(values.begin(), values.end(), [](double v) { return v != 0; })) names.push_back(block.name);
    }
    return names;
  };
  const auto check = [&](const Scope& scope, const std::vector<std::string>& expected) {
    INFO(scope.text());
    CHECK(important_blocks(scope, importance::Fisher{}) == expected);
    CHECK(important_blocks(scope, importance::SynapticIntelligence{}) == expected);
  };
  check(Scope::all(), {"0.weight", "0.bias", "2.0.weight", "2.0.bias", "2.1.weight", "2.1.bias"});
  check(Scope::all().without_heads(), {"0.weight", "0.bias"});
  check(Scope::only({"2.1", "0.bias"}), {"0.bias", "2.1.weight", "2.1.bias"});
  check(Scope::all().without({"2.0", "0.weight"}), {"0.bias", "2.1.weight", "2.1.bias"});
  check(Scope::only({"2"}).without({"2.1.bias"}), {"2.0.weight", "2.0.bias", "2.1.weight"});
}

TEST_CASE("a scope without norms leaves out normalisation layers", "[learner][scope]") {
  const Block scale{"1.weight", {4}, 0, 4, BlockKind::normalization, false};
  CHECK_FALSE(Scope::all().without_norms().contains(scale));
  CHECK(Scope::all().contains(scale));
}

TEST_CASE("a scope with an unknown name is refused", "[learner][scope]") {
  Learner learner{with_heads({2}), importance::Mas{}, penalty::Quadratic{}, optimizer::Sgd{}};
  CHECK(test::message_of<InvalidArgument>([&] {
          learner.restrict_importance(Scope::only({"0", "7.weight"}));
        }) == "Scope: the model has no parameters named 7.weight");
  CHECK_THROWS_AS(learner.restrict_importance(Scope::all().without({"2.0.weig"})), InvalidArgument);
  learner.restrict_importance(Scope::all().without_heads());
  CHECK_THAT(learner.recipe(), test::ContainsSubstring("; importance of all parameters without heads"));
}

}  // namespace heads_test
