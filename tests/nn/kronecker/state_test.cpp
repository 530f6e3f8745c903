// SPDX-License-Identifier: MIT
// What a Kronecker penalty remembers is a state like any other: saved, restricted to a scope, and grown with new heads.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "folder.hpp"
#include "random_batch.hpp"

namespace state_test {

namespace ll = lifelong;
namespace nn = lifelong::nn;
using ll::Scope;
using nn::KroneckerFisher;
using nn::KroneckerPenalty;
using nn::KroneckerSum;
using test::RandomBatch;

namespace {

auto dense(KroneckerSum sum) {
  return ll::Learner{nn::mlp<double>({4, 5, 3}, {.seed = 3, .activation = nn::Activation::tanh}), KroneckerFisher{},
                     KroneckerPenalty{.strength = 4, .sum = sum}, ll::optimizer::Momentum{.learning_rate = 0.02}};
}
auto convolutional(KroneckerSum sum) {
  return ll::Learner{nn::sequential<double>(nn::Shape{2, 4, 4}, nn::Conv2d{.in = 2, .out = 4, .kernel = 3, .groups = 2},
                                            nn::Tanh{}, nn::Flatten{}, nn::Linear{16, 3}),
                     KroneckerFisher{}, KroneckerPenalty{.strength = 4, .sum = sum}, ll::optimizer::Adam{}};
}

auto with_norm(KroneckerSum sum) {
  return ll::Learner{nn::sequential<double>(nn::Linear{4, 3}, nn::LayerNorm{3}, nn::Tanh{}, nn::Linear{3, 3}),
                     KroneckerFisher{}, KroneckerPenalty{.strength = 4, .sum = sum},
                     ll::optimizer::Momentum{.learning_rate = 0.02}};
}

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }

template <class Learner>
void learn(Learner& learner, const RandomBatch<double>& data, int steps = 4) {
  for (int k = 0; k < steps; ++k) learner.step(data.batch());
}

template <class Make>
void check_resume(const Make& make, std::size_t features) {
  const RandomBatch<double> first(9, features, 3), second(11, features, 3);
  const test::Folder folder;
  for (const KroneckerSum sum : {KroneckerSum::exact, KroneckerSum::nearest, KroneckerSum::additive}) {
    auto learner = make(sum), resumed = make(sum);
    ll::io::restore(ll::io::checkpoint(learner), resumed);  // before the first task there is nothing to save
    for (const auto* data : {&first, &second}) {
      learn(learner, *data);
      learner.consolidate(std::vector{data->batch()});
    }
    learn(learner, first, 2);
    const auto file = ll::io::checkpoint(learner);
    ll::io::write_safetensors(folder.path() + "/learner.safetensors", file);
    ll::io::restore(ll::io::read_safetensors(folder.path() + "/learner.safetensors"), resumed);
    CHECK(resumed.penalty_value() == learner.penalty_value());
    CHECK(resumed.state_bytes() == learner.state_bytes());
    for (auto* each : {&learner, &resumed}) {
      learn(*each, second);
      each->consolidate(std::vector{second.batch()});
      learn(*each, first);
    }
    CHECK(copy(resumed.parameters()) == copy(learner.parameters()));
    CHECK(resumed.penalty_value() == learner.penalty_value());
  }
}

/// The penalty's value where the parameters [first, end) have moved from the anchor by 0.1.
template <class Learner>
double value_of_move(Learner& learner, std::size_t first, std::size_t end) {
  const auto theta = copy(learner.parameters());
  for (std::size_t i = first; i < end; ++i) learner.parameters()[i] += 0.1;
  const double value = learner.penalty_value();
  for (std::size_t i = 0; i < theta.size(); ++i) learner.parameters()[i] = theta[i];
  return value;
}

}  // namespace

TEST_CASE("a Kronecker penalty is resumed bit by bit", "[kronecker][checkpoint]") {
  check_resume(dense, 4);
  check_resume(convolutional, 32);
  check_resume(with_norm, 4);
}

TEST_CASE("a broken state of a Kronecker penalty is refused and changes nothing", "[kronecker][checkpoint]") {
  const RandomBatch<double> data(9, 4, 3);
  auto learner = dense(KroneckerSum::exact);
  learner.consolidate(std::vector{data.batch()});
  auto other = dense(KroneckerSum::exact);
  const auto attempt = [&](const std::string& name, std::uint64_t value) {
    auto state = learner.state();  // what a file would hold with this number changed
    return test::message_of<ll::Error>([&] {
      state.visit([](const std::string&, auto&) {},
                  [&]<class V>(const std::string& each, V& number) {
                    if (each == name) number = static_cast<V>(value);
                  });
    });
  };
  CHECK(attempt("penalty.0.rows", 6) ==
        "the state of a KroneckerPenalty: 0.0.g has 25 values, not those of a square of side 6");
  CHECK(attempt("penalty.0.columns", 0) ==
        "the state of a KroneckerPenalty: 0.0.a has 25 values, not those of a square of side 0");
  CHECK_THAT(attempt("penalty.1.weight", 1000), test::ContainsSubstring("does not lie within the 43 parameters"));
  CHECK_THAT(attempt("penalty.0.bias", ~std::uint64_t{0}), test::ContainsSubstring("does not lie within"));
  CHECK_THAT(attempt("penalty.layers", ~std::uint64_t{0}), test::ContainsSubstring("are too many"));
  CHECK(attempt("penalty.0.pairs", 0) == "the state of a KroneckerPenalty: layer 0 has no factors");
  auto state = learner.state();
  state.penalty.anchor.resize(50);
  const auto keep = [](const std::string&, auto&) {};
  CHECK(test::message_of<ll::FormatError>([&] { state.visit(keep, keep); }) ==
        "the state of a KroneckerPenalty: the anchor has 50 values, but there are 43 parameters");
  CHECK_THAT(attempt("penalty.0.pairs", std::uint64_t{1} << 40), test::ContainsSubstring("are too many"));

  auto file = ll::io::checkpoint(learner);
  auto larger = ll::io::checkpoint(learner);
  larger.add<double>("more", {1}, std::vector<double>{1});
  CHECK_THROWS_AS(ll::io::restore(larger, other), ll::FormatError);
  CHECK(other.tasks() == 0);
  CHECK(other.state().penalty.layers.empty());
  ll::io::restore(file, other);
  CHECK(other.tasks() == 1);
}

TEST_CASE("a scope takes weights and biases out of a Kronecker penalty", "[kronecker][scope]") {
  const RandomBatch<double> data(9, 4, 3);
  const auto consolidated = [&](const Scope& scope) {
    auto learner = dense(KroneckerSum::nearest);
    learner.restrict_importance(scope);
    for (int task = 0; task < 2; ++task) learner.consolidate(std::vector{data.batch()});
    return learner;
  };
  auto all = consolidated(Scope::all()), without_layer = consolidated(Scope::all().without({"0"})),
       without_bias = consolidated(Scope::all().without({"0.bias"})), only_bias = consolidated(Scope::only({"0.bias"}));
  // 0.weight is [0, 20), 0.bias [20, 25), 2.weight [25, 40), 2.bias [40, 43).
  CHECK(value_of_move(all, 0, 25) > 0);
  CHECK(value_of_move(without_layer, 0, 25) == 0);
  CHECK_THAT(value_of_move(without_layer, 25, 43), test::WithinRel(value_of_move(all, 25, 43), 1e-12));
  CHECK(value_of_move(without_bias, 20, 25) == 0);
  CHECK_THAT(value_of_move(without_bias, 0, 20), test::WithinRel(value_of_move(all, 0, 20), 1e-12));
  CHECK(value_of_move(only_bias, 0, 20) == 0);
  CHECK(value_of_move(only_bias, 25, 43) == 0);
  CHECK_THAT(value_of_move(only_bias, 20, 25), test::WithinRel(value_of_move(all, 20, 25), 1e-12));
  CHECK_THAT(only_bias.recipe(), test::ContainsSubstring("importance of only 0.bias"));
  CHECK_THROWS_AS(all.restrict_importance(Scope::only({"7"})), ll::InvalidArgument);
}

TEST_CASE("a learner holds parameters without Kronecker factors by their diagonal", "[kronecker]") {
  const RandomBatch<double> data(9, 4, 3);
  auto learner = with_norm(KroneckerSum::nearest);
  learner.consolidate(std::vector{data.batch()});
  CHECK(value_of_move(learner, 15, 21) > 0);  // 1.weight and 1.bias
  auto without = with_norm(KroneckerSum::nearest);
  without.restrict_importance(Scope::all().without_norms());
  without.consolidate(std::vector{data.batch()});
  CHECK(value_of_move(without, 15, 21) == 0);
  CHECK(value_of_move(without, 0, 15) == value_of_move(learner, 0, 15));
}

TEST_CASE("new heads do not move what a Kronecker penalty holds", "[kronecker][heads]") {
  const RandomBatch<double> data(9, 4, 2);
  ll::Learner learner{nn::sequential<double>(nn::Linear{4, 5}, nn::Tanh{}, nn::Heads{5, {2}}), KroneckerFisher{},
                      KroneckerPenalty{.strength = 4}, ll::optimizer::Momentum{.learning_rate = 0.02}};
  learn(learner, data);
  learner.consolidate(std::vector{data.batch()});
  const std::size_t before = learner.parameters().size();
  const double held = value_of_move(learner, 0, before);
  learner.grow(3);
  const std::size_t after = learner.parameters().size();
  REQUIRE(after == before + 3 * 5 + 3);
  CHECK(value_of_move(learner, 0, before) == held);
  CHECK(value_of_move(learner, before, after) == 0);
  learn(learner, data);
  learner.consolidate(std::vector{data.batch()});
  CHECK(value_of_move(learner, before, after) > 0);
  CHECK(value_of_move(learner, 0, before) > 0);
}

}  // namespace state_test
