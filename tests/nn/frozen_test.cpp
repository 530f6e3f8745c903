// SPDX-License-Identifier: MIT
// Frozen blocks keep their bits, whatever trains the rest, and cost no gradient below what learns.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"

namespace frozen_test {

namespace ll = lifelong;
namespace nn = ll::nn;

namespace {

ll::Dataset<double> data(std::uint64_t seed, std::size_t count = 24, std::size_t features = 6) {
  const ll::Random random(seed);
  std::vector<double> inputs(count * features);
  std::vector<std::int32_t> labels(count);
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = random.normal(i);
  for (std::size_t n = 0; n < count; ++n) labels[n] = static_cast<std::int32_t>(n % 3);
  return {std::move(inputs), std::move(labels), {features}};
}

auto network() { return nn::mlp<double>({6, 8, 5, 3}, {.seed = 2, .activation = nn::Activation::tanh}); }

/// A network with running statistics and dropout in a layer that will be frozen, and others above.
auto network_with_statistics() {
  return nn::sequential<double>(std::tuple{nn::residual(nn::Linear{6, 6}, nn::BatchNorm{6}, nn::Dropout{0.3}),
                                           nn::Tanh{}, nn::Linear{6, 5}, nn::BatchNorm{5}, nn::Linear{5, 3}},
                                4);
}

template <class Model>
std::vector<double> parameters_of(const Model& model) {
  return {model.parameters().begin(), model.parameters().end()};
}

/// Where the blocks that `name` stands for lie.
bool is_named(const ll::Layout& layout, const std::string& name, std::size_t i) {
  return std::ranges::any_of(layout.blocks(), [&](const ll::Block& block) {
    return block.is_named(name) && i >= block.offset && i - block.offset < block.size;
  });
}

/// Trains two tasks with layer 2 frozen in the second and layer 0 from the start.
template <class Importance, class Penalty, class Optimizer>
void require_bits_kept(Importance importance, Penalty penalty, Optimizer optimizer) {
  auto model = network();
  model.freeze({"0"});
  ll::Learner learner{model, importance, penalty, optimizer};
  const auto task = [&](std::uint64_t seed, std::vector<std::string> frozen) {
    const std::vector<double> before = parameters_of(learner.model());
    learner.fit(data(seed), {.epochs = 2, .batch_size = 8});
    if constexpr (requires { learner.consolidate(); })
      learner.consolidate();
    else
      learner.consolidate(data(seed));
    bool moved = false;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool is_frozen = std::ranges::any_of(
          frozen, [&](const std::string& name) { return is_named(learner.model().layout(), name, i); });
      if (is_frozen) {
        REQUIRE(learner.parameters()[i] == before[i]);
        if constexpr (requires { learner.importance(); })
          if (seed == 1) REQUIRE(static_cast<double>(learner.importance()[i]) == 0);
      } else {
        moved = moved || learner.parameters()[i] != before[i];
      }
    }
    REQUIRE(moved);
  };
  task(1, {"0"});
  learner.model().freeze({"2.weight"});
  task(2, {"0", "2.weight"});
}

}  // namespace

TEST_CASE("frozen blocks keep their bits with every optimizer, decay, penalty and importance", "[nn][frozen]") {
  using namespace ll::importance;
  using namespace ll::optimizer;
  using namespace ll::penalty;
  require_bits_kept(Fisher{}, Quadratic{}, Sgd{.learning_rate = 0.1});
  require_bits_kept(Mas{}, ImplicitQuadratic{.strength = 3}, Momentum{});
  require_bits_kept(SynapticIntelligence{}, Quadratic{.anchor = Anchor::per_task}, AdamW{});
  require_bits_kept(RWalk{}, Huber{}, Decoupled<Momentum>{{}, 0.1});
  require_bits_kept(Constant{}, L1{.strength = 0.1}, L2<Adam>{{}, 0.1});
  require_bits_kept(BatchFisher{}, None{}, ll::compact(Adam{}));
  require_bits_kept(nn::KroneckerFisher{}, nn::KroneckerPenalty{}, Adam{});
}

TEST_CASE("gradients and moments of what learns are those of the whole network, and 0 elsewhere", "[nn][frozen]") {
  const auto examples = data(3);
  ll::BatchBuffer<double> buffer;
  const ll::backend::Serial serial;
  for (const std::vector<std::string>& frozen :
       {std::vector<std::string>{"0"}, {"2"}, {"0.weight", "2.bias"}, {"4"}, {"0", "2"}}) {
    auto whole = network(), part = network();
    part.freeze(frozen);
    const std::size_t count = whole.parameters().size();
    std::vector<double> all(count), some(count, 7);
    const auto require_part = [&] {
      for (std::size_t i = 0; i < count; ++i) {
        const bool is_frozen =
            std::ranges::any_of(frozen, [&](const std::string& name) { return is_named(part.layout(), name, i); });
        REQUIRE(some[i] == (is_frozen ? 0 : all[i]));
      }
    };
    for (const auto& batch : ll::BatchLoader(examples, 24, buffer, serial)) {
      CHECK(part.gradient(batch, some) == whole.gradient(batch, all));
      require_part();
      std::fill(all.begin(), all.end(), 0);
      std::fill(some.begin(), some.end(), 0);
      const ll::importance::LogLikelihood exact;
      whole.accumulate_moment(batch, exact, ll::moment::Square{}, all);
      part.accumulate_moment(batch, exact, ll::moment::Square{}, some);
      require_part();
      std::fill(all.begin(), all.end(), 0);
      std::fill(some.begin(), some.end(), 0);
      whole.accumulate_local_moment(batch, ll::importance::SquaredNorm{}, ll::moment::Absolute{}, all);
      part.accumulate_local_moment(batch, ll::importance::SquaredNorm{}, ll::moment::Absolute{}, some);
      require_part();
      std::vector<double> cotangents(24 * 3, 0.5);
      whole.pullback(batch, cotangents, all);
      part.pullback(batch, cotangents, some);
      require_part();
    }
  }
}

TEST_CASE("a frozen layer runs in evaluation while the others train", "[nn][frozen]") {
  const auto examples = data(5);
  auto model = network_with_statistics();
  model.freeze({"0"});
  ll::Learner learner{model, ll::importance::BatchFisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  const std::vector<double> before(model.buffers().begin(), model.buffers().end());
  learner.fit(examples, {.epochs = 2, .batch_size = 8});
  const auto after = learner.model().buffers();
  for (std::size_t i = 0; i < 12; ++i) REQUIRE(after[i] == before[i]);
  bool moved = false;
  for (std::size_t i = 12; i < before.size(); ++i) moved = moved || after[i] != before[i];
  CHECK(moved);
  for (std::size_t i = 0; i < 6 * 6 + 6 + 12; ++i) REQUIRE(learner.parameters()[i] == model.parameters()[i]);
}

TEST_CASE("what is frozen can learn again, grows with its network, and is part of its recipe", "[nn][frozen]") {
  auto model = nn::sequential<double>(std::tuple{nn::Linear{6, 4}, nn::Tanh{}, nn::Heads{4, {3}}}, 1);
  const std::string recipe = model.recipe();
  model.freeze({"0"});
  CHECK(model.recipe() != recipe);
  model.grow(2);
  REQUIRE(model.learning().size() == 1);
  CHECK(model.learning()[0] == ll::ParameterRange{28, 28 + 25});
  model.unfreeze({"0.bias"});
  CHECK(model.learning()[0] == ll::ParameterRange{24, 28 + 25});
  model.unfreeze({"0"});
  CHECK(model.learning()[0] == ll::ParameterRange{0, 28 + 25});
}

TEST_CASE("names that stand for nothing, and networks that would not learn, are refused", "[nn][frozen][errors]") {
  auto model = network();
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          model.freeze({"0", "1"});
        }) == "the network has no block '1' to freeze: it has 0.weight, 0.bias, 2.weight, 2.bias, 4.weight, 4.bias");
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          model.freeze({"0", "2", "4"});
        }) == "with these blocks all parameters of the network would be frozen");
  CHECK(model.learning().size() == 1);
  CHECK(model.learning()[0].first == 0);
}

}  // namespace frozen_test
