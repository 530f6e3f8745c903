// SPDX-License-Identifier: MIT
// PackNet and single frozen parameters: what a task owns keeps its bits, and the rest is what a slow, obvious version
// says.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/penalty/packnet.hpp>
#include <lifelong/penalty/task_mask.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "guarded.hpp"
#include "tiny_model.hpp"

namespace packnet_test {

namespace ll = lifelong;
using ll::importance::Constant;
using ll::penalty::Frozen;
using ll::penalty::ImplicitQuadratic;
using ll::penalty::PackNet;
using test::ContainsSubstring;
using test::TinyTask;

namespace {

using Bits = std::vector<std::uint64_t>;
using Owners = std::vector<std::uint8_t>;

Bits bits(std::span<const double> values) {
  Bits result;
  for (const double value : values) result.push_back(std::bit_cast<std::uint64_t>(value));
  return result;
}

ll::Layout tiny_layout() {
  ll::Layout layout;
  layout.add("0.weight", {3, 4}, ll::BlockKind::linear);
  layout.add("0.bias", {3}, ll::BlockKind::linear);
  layout.add("2.weight", {3, 3}, ll::BlockKind::linear);
  layout.add("2.bias", {3}, ll::BlockKind::linear);
  return layout;
}

struct Tiny : test::TinyModel {
  ll::Layout layout() const { return tiny_layout(); }
};
struct GuardedTiny : test::GuardedModel<test::TinyModel> {
  GuardedTiny() : test::GuardedModel<test::TinyModel>(test::TinyModel()) {}
  ll::Layout layout() const { return tiny_layout(); }
};

/// Parameters and their names, for gradients that come from outside.
struct Bare {
  using value_type = double;
  std::vector<double> theta;
  ll::Layout blocks;
  Bare() = default;
  explicit Bare(std::vector<double> values, bool norm_frozen = true) : theta(std::move(values)) {
    blocks.add("0.weight", {theta.size() / 2, 2}, ll::BlockKind::linear);
    blocks.add("1.weight", {1}, ll::BlockKind::normalization);
    theta.push_back(1);
    blocks.set_frozen("1", norm_frozen);
  }
  std::span<double> parameters() { return theta; }
  const ll::Layout& layout() const { return blocks; }
  std::vector<ll::ParameterRange> learning() const { return blocks.learning(); }
  ll::Layout buffer_layout() const {
    ll::Layout layout;
    layout.add("1.running_mean", {1}, ll::BlockKind::normalization);
    return layout;
  }
  void grow(std::size_t outputs) {
    blocks.add("head.weight", {outputs, 2}, ll::BlockKind::linear);
    blocks.add("head.bias", {outputs}, ll::BlockKind::linear);
    theta.resize(blocks.size(), 0.25);
  }
};

template <class Learner>
Owners owners_of(Learner& learner) {
  Owners owners(learner.parameters().size());
  ll::penalty::copy_owners(learner, owners);
  return owners;
}
template <class Learner>
std::vector<double> parameters_of(Learner& learner, std::size_t task) {
  std::vector<double> out(learner.parameters().size());
  learner.copy_parameters(task, out);
  return out;
}
/// The outputs of one task on some inputs.
template <class Learner>
Bits outputs_of(Learner& learner, std::size_t task) {
  test::TinyModel model;
  model.theta = parameters_of(learner, task);
  const TinyTask inputs(99);
  std::vector<double> out(inputs.size() * 3);
  model.predict(inputs.all(), out);
  return bits(out);
}

const ll::FitOptions training{.epochs = 2, .batch_size = 5};

template <class Learner>
void learn(Learner& learner, std::uint64_t seed) {
  learner.fit(TinyTask(seed), training);
  ll::penalty::prune(learner);
  learner.fit(TinyTask(seed), training);
  learner.consolidate();
}

/// PackNet as the paper has it, for plain gradient descent.
struct SlowPackNet {
  test::TinyModel model;
  std::vector<int> owner = std::vector<int>(27, 0);  // -1: pruned
  int tasks = 0;

  void train(const TinyTask& task, double rate, int steps) {
    std::vector<double> g(27);
    for (int s = 0; s < steps; ++s) {
      model.gradient(task.all(), g);
      for (std::size_t i = 0; i < 27; ++i)
        if (owner[i] == 0) model.theta[i] -= rate * g[i];
    }
  }
  void prune_layer(std::size_t first, std::size_t end, double share) {
    std::vector<std::pair<double, std::size_t>> mine;
    for (std::size_t i = first; i < end; ++i)
      if (owner[i] == 0) mine.emplace_back(std::abs(model.theta[i]), i);
    std::sort(mine.begin(), mine.end());
    const auto count = static_cast<std::size_t>(std::floor(share * static_cast<double>(mine.size()) + 0.5));
    for (std::size_t k = 0; k < count; ++k) {
      model.theta[mine[k].second] = 0;
      owner[mine[k].second] = -1;
    }
  }
  void end_task() {
    ++tasks;
    for (int& of : owner) of = of == 0 ? tasks : of < 0 ? 0 : of;
  }
  std::vector<double> parameters(int task) const {
    std::vector<double> out(27);
    for (std::size_t i = 0; i < 27; ++i) out[i] = owner[i] > 0 && owner[i] <= task + 1 ? model.theta[i] : 0;
    return out;
  }
};

}  // namespace

TEST_CASE("outputs of earlier tasks keep their bits under momentum and weight decay", "[penalty][packnet]") {
  using namespace ll::optimizer;
  const auto check = [](const char* name, auto optimizer) {
    INFO(name);
    ll::Learner learner{Tiny(), Constant{}, PackNet{.pruned = 0.6}, optimizer};
    learn(learner, 1);
    const Bits first = outputs_of(learner, 0);
    const Owners owned = owners_of(learner);
    const std::vector<double> before(learner.parameters().begin(), learner.parameters().end());
    learner.fit(TinyTask(2), training);
    REQUIRE(outputs_of(learner, 0) == first);  // in the middle of the next task, too
    std::size_t moved = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool same = bits({&before[i], 1}) == bits({&learner.parameters()[i], 1});
      if (owned[i] != 0) REQUIRE(same);
      moved += same ? 0u : 1u;
    }
    REQUIRE(moved == 7 + 5);  // all that was pruned learns
    ll::penalty::prune(learner);
    learner.fit(TinyTask(2), training);
    learner.consolidate();
    const Bits second = outputs_of(learner, 1);
    CHECK(second != first);
    learn(learner, 3);
    CHECK(outputs_of(learner, 0) == first);
    CHECK(outputs_of(learner, 1) == second);
  };
  check("Momentum", Momentum{.learning_rate = 0.1, .momentum = 0.9});
  check("Adam", Adam{.learning_rate = 0.05});
  check("AdamW", AdamW{.learning_rate = 0.05, .weight_decay = 0.1});
  check("L2", L2<Momentum>{{.learning_rate = 0.1}, 0.1});
  check("Decoupled", Decoupled<Momentum>{{.learning_rate = 0.1}, 0.1});
}

TEST_CASE("PackNet equals its slow, obvious version", "[penalty][packnet]") {
  ll::Learner learner{Tiny(), Constant{}, PackNet{.pruned = 0.5}, ll::optimizer::Sgd{.learning_rate = 0.2}};
  SlowPackNet slow;
  const auto same = [&](std::span<const double> a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < b.size(); ++i) {
      REQUIRE((a[i] == 0) == (b[i] == 0));
      REQUIRE_THAT(a[i], test::WithinAbs(b[i], 1e-13));
    }
  };
  for (std::uint64_t t = 0; t < 3; ++t) {
    const TinyTask task(t + 1);
    const auto train = [&] {
      for (int s = 0; s < 20; ++s) learner.step(task.all());
      slow.train(task, 0.2, 20);
      same(learner.parameters(), slow.model.theta);
    };
    train();
    ll::penalty::prune(learner);
    slow.prune_layer(0, 12, 0.5);
    slow.prune_layer(15, 24, 0.5);
    train();
    learner.consolidate();
    slow.end_task();
    const Owners owners = owners_of(learner);
    for (std::size_t i = 0; i < 27; ++i) REQUIRE(int{owners[i]} == slow.owner[i]);
    for (std::size_t k = 0; k <= t; ++k) same(parameters_of(learner, k), slow.parameters(static_cast<int>(k)));
  }
}

TEST_CASE("each layer loses its own share, biases stay with the first task", "[penalty][packnet]") {
  ll::Learner learner{Tiny(), Constant{}, PackNet{.pruned = 0.5}, ll::optimizer::Sgd{.learning_rate = 0.1}};
  CHECK(ll::penalty::free_share(learner) == 1);
  for (std::size_t i = 0; i < 12; ++i) learner.parameters()[i] *= 1e-3;  // a share of all together would take these
  learner.step(TinyTask(1).all());
  CHECK(ll::penalty::prune(learner) == 6 + 5);  // of 9: 4.5, rounded away from 0
  CHECK(ll::penalty::free_share(learner) == 1);
  learner.consolidate();
  const auto count = [&](std::size_t first, std::size_t end, int owner) {
    const Owners owners = owners_of(learner);
    return std::count(owners.begin() + static_cast<std::ptrdiff_t>(first),
                      owners.begin() + static_cast<std::ptrdiff_t>(end), owner);
  };
  CHECK(count(0, 12, 1) == 6);
  CHECK(count(12, 15, 1) == 3);
  CHECK(count(15, 24, 1) == 4);
  CHECK(count(24, 27, 1) == 3);
  CHECK(ll::penalty::free_share(learner) == 1 - 10 / 21.0);
  CHECK(learner.state_bytes() == 27 * 2);
  learn(learner, 2);  // 3 of 6 and 3 of 5 are given back
  CHECK(count(0, 27, 2) == 3 + 2);
  CHECK(count(12, 15, 2) + count(24, 27, 2) == 0);
  CHECK(ll::penalty::free_share(learner) == 1 - 15 / 21.0);
}

TEST_CASE("equal shares leave every task as many weights", "[penalty][packnet]") {
  ll::Learner learner{Bare(std::vector<double>(40, 0.5)), Constant{}, PackNet{}, ll::optimizer::Sgd{}};
  for (std::size_t t = 0; t < 5; ++t) {
    learner.penalty_policy().pruned = ll::penalty::equal_share(t, 5);
    ll::penalty::prune(learner);
    learner.consolidate();
  }
  const Owners owners = owners_of(learner);
  for (int t = 1; t <= 5; ++t) CHECK(std::count(owners.begin(), owners.begin() + 40, t) == 8);
  CHECK(ll::penalty::free_share(learner) == 0);
  CHECK_THROWS_AS(ll::penalty::equal_share(5, 5), ll::InvalidArgument);
}

TEST_CASE("of equal weights those that come first are pruned", "[penalty][packnet]") {
  ll::Learner learner{Bare({1, -1, 1, -1, 0.5, 1, -1, 2}), Constant{}, PackNet{.pruned = 0.5}, ll::optimizer::Sgd{}};
  CHECK(ll::penalty::prune(learner) == 4);
  CHECK(std::vector<double>(learner.parameters().begin(), learner.parameters().end()) ==
        std::vector<double>{0, 0, 0, -1, 0, 1, -1, 2, 1});
  ll::penalty::prune(learner);  // further: half of what is left
  learner.consolidate();
  CHECK(owners_of(learner) == Owners{0, 0, 0, 0, 0, 0, 1, 1, 1});
}

TEST_CASE("a layer never loses its last weight", "[penalty][packnet]") {
  ll::Learner learner{Bare({1, 2}), Constant{}, PackNet{.pruned = 0.9}, ll::optimizer::Sgd{}};
  CHECK(ll::penalty::prune(learner) == 1);
  CHECK(ll::penalty::prune(learner) == 0);
}

TEST_CASE("a learner with masks goes on from a checkpoint in the middle of a task", "[penalty][packnet][checkpoint]") {
  const auto make = [] {
    return ll::Learner{Tiny(), Constant{}, PackNet{.pruned = 0.6}, ll::optimizer::Adam{.learning_rate = 0.05}};
  };
  auto learner = make(), resumed = make();
  learn(learner, 1);
  learner.fit(TinyTask(2), training);
  ll::penalty::prune(learner);  // some weights rest
  ll::io::restore(ll::io::checkpoint(learner), resumed);
  CHECK(owners_of(resumed) == owners_of(learner));
  for (auto* each : {&learner, &resumed}) {
    each->fit(TinyTask(2), training);
    each->consolidate();
    learn(*each, 3);
  }
  CHECK(bits(resumed.parameters()) == bits(learner.parameters()));
  for (std::size_t t = 0; t < 3; ++t) CHECK(outputs_of(resumed, t) == outputs_of(learner, t));
  auto other = ll::Learner{Tiny(), Constant{}, PackNet{.pruned = 0.5}, ll::optimizer::Adam{.learning_rate = 0.05}};
  CHECK_THROWS_AS(ll::io::restore(ll::io::checkpoint(learner), other), ll::FormatError);
}

TEST_CASE("masks have the same bits on every backend", "[penalty][packnet][backend]") {
  const auto run = [](auto model, auto backend) {
    ll::Learner learner{model, Constant{}, PackNet{.pruned = 0.6}, ll::optimizer::AdamW{.learning_rate = 0.05},
                        backend};
    for (std::uint64_t t = 1; t < 4; ++t) {
      for (int s = 0; s < 5; ++s) learner.step(TinyTask(t).all());
      ll::penalty::prune(learner);
      for (int s = 0; s < 5; ++s) learner.step(TinyTask(t).all());
      learner.consolidate();
    }
    Bits all;
    for (std::size_t t = 0; t < 4; ++t)
      for (const std::uint64_t word : bits(parameters_of(learner, t))) all.push_back(word);
    for (const std::uint8_t owner : owners_of(learner)) all.push_back(owner);
    return all;
  };
  const Bits expected = run(Tiny(), ll::backend::Serial{});
  CHECK(run(Tiny(), ll::backend::OpenMP{3}) == expected);
  CHECK(run(GuardedTiny(), test::Guarded{}) == expected);
}

TEST_CASE("masks of many chunks have the same bits for any number of threads", "[penalty][packnet][backend]") {
  const auto run = [](auto backend) {
    std::vector<double> theta(100001 / 2 * 2);
    const ll::Random random(3);
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] = random.normal(i);
    ll::Learner learner{Bare(theta), Constant{}, PackNet{}, ll::optimizer::Momentum{}, backend};
    std::vector<double> g(theta.size() + 1);
    for (std::size_t t = 0; t < 2; ++t) {
      for (std::size_t i = 0; i < g.size(); ++i) g[i] = random.normal(i + (t + 1) * g.size());
      learner.step(std::span<const double>(g));
      ll::penalty::prune(learner);
      learner.step(std::span<const double>(g));
      learner.consolidate();
    }
    Bits all = bits(parameters_of(learner, 1));
    for (const std::uint8_t owner : owners_of(learner)) all.push_back(owner);
    return all;
  };
  CHECK(run(ll::backend::OpenMP{3}) == run(ll::backend::Serial{}));
}

TEST_CASE("new heads learn and belong to the task in which they were grown", "[penalty][packnet]") {
  ll::Learner learner{Bare({1, 2, 3, 4}), Constant{}, PackNet{.pruned = 0.5}, ll::optimizer::Sgd{.learning_rate = 0.1}};
  ll::penalty::prune(learner);
  learner.consolidate();
  const std::vector<double> first = parameters_of(learner, 0);
  learner.grow(1);
  const std::vector<double> g(8, 1.0);
  learner.step(std::span<const double>(g));
  CHECK(std::vector<double>(learner.parameters().begin(), learner.parameters().end()) ==
        std::vector<double>{-0.1, -0.1, 3, 4, 1, 0.15, 0.15, 0.15});
  CHECK(parameters_of(learner, 0) == std::vector<double>{0, 0, 3, 4, 1, 0, 0, 0});
  ll::penalty::prune(learner);
  learner.consolidate();
  CHECK(owners_of(learner) == Owners{0, 2, 1, 1, 1, 0, 2, 2});
}

TEST_CASE("a task's mask is one bit per parameter, and gives its parameters", "[penalty][packnet]") {
  ll::Learner learner{Tiny(), Constant{}, PackNet{.pruned = 0.6}, ll::optimizer::Adam{.learning_rate = 0.05}};
  for (std::uint64_t t = 1; t < 4; ++t) learn(learner, t);
  for (std::size_t t = 0; t < 3; ++t) {
    const std::vector<std::uint8_t> mask = ll::penalty::task_mask(learner, t);
    CHECK(mask.size() == 4);  // 27 bits
    std::vector<double> theta(learner.parameters().begin(), learner.parameters().end());
    ll::penalty::apply_mask(mask, std::span<double>(theta));
    CHECK(bits(theta) == bits(parameters_of(learner, t)));
    for (std::size_t i = 0; i < 27; ++i) REQUIRE((mask[i / 8] >> i % 8 & 1) == (parameters_of(learner, t)[i] != 0));
  }
  CHECK_THROWS_WITH(ll::penalty::task_mask(learner, 3), ContainsSubstring("task 3"));
  std::vector<double> longer(33);
  CHECK_THROWS_AS(ll::penalty::apply_mask(ll::penalty::task_mask(learner, 0), std::span<double>(longer)),
                  ll::ShapeMismatch);
}

TEST_CASE("the present task uses all parameters", "[penalty][packnet]") {
  ll::Learner learner{Tiny(), Constant{}, PackNet{}, ll::optimizer::Sgd{}};
  learn(learner, 1);
  learner.fit(TinyTask(2), training);
  CHECK(bits(parameters_of(learner, 1)) == bits(learner.parameters()));
  CHECK(parameters_of(learner, 0) != parameters_of(learner, 1));
}

TEST_CASE("a task that was not pruned does not end, and says so", "[penalty][packnet]") {
  ll::Learner learner{Tiny(), Constant{}, PackNet{}, ll::optimizer::Sgd{}};
  const Bits before = bits(learner.parameters());
  CHECK_THROWS_WITH(learner.consolidate(), ContainsSubstring("task 0") && ContainsSubstring("prune"));
  CHECK_THROWS_AS(learner.consolidate(), ll::InvalidArgument);
  CHECK(learner.tasks() == 0);
  CHECK(bits(learner.parameters()) == before);
  learn(learner, 1);
  CHECK_THROWS_WITH(learner.consolidate(), ContainsSubstring("task 1"));  // last task's pruning does not count
}

TEST_CASE("shares outside of their range are refused", "[penalty][packnet]") {
  for (const double share : {-0.1, 1.0, 2.0})
    CHECK_THROWS_WITH((ll::Learner{Tiny(), Constant{}, PackNet{.pruned = share}, ll::optimizer::Sgd{}}),
                      ContainsSubstring("PackNet.pruned"));
  ll::Learner learner{Tiny(), Constant{}, PackNet{}, ll::optimizer::Sgd{}};
  learner.penalty_policy().pruned = 1;
  const Bits before = bits(learner.parameters());
  CHECK_THROWS_AS(ll::penalty::prune(learner), ll::InvalidArgument);
  CHECK(bits(learner.parameters()) == before);
  Owners scarce(3);
  CHECK_THROWS_AS(ll::penalty::copy_owners(learner, scarce), ll::ShapeMismatch);
}

TEST_CASE("capacity that is used up is reported", "[penalty][packnet]") {
  ll::Learner learner{Tiny(), Constant{}, PackNet{.pruned = 0}, ll::optimizer::Sgd{}};
  learn(learner, 1);
  CHECK(ll::penalty::free_share(learner) == 0);
  CHECK_THROWS_WITH(ll::penalty::prune(learner), ContainsSubstring("task 1") && ContainsSubstring("own all 27"));
}

TEST_CASE("running statistics have to rest before a task is pruned", "[penalty][packnet]") {
  ll::Learner learner{Bare({1, 2}, false), Constant{}, PackNet{}, ll::optimizer::Sgd{}};
  CHECK_THROWS_WITH(ll::penalty::prune(learner),
                    ContainsSubstring("1.running_mean") && ContainsSubstring("freeze '1'"));
  learner.model().blocks.set_frozen("1", true);
  ll::penalty::prune(learner);
  learner.consolidate();
  CHECK(parameters_of(learner, 0) == std::vector<double>{0, 2, 1});  // frozen blocks belong to the task, too
}

TEST_CASE("as many tasks as owners have exact numbers", "[penalty][packnet]") {
  ll::Learner learner{Bare(std::vector<double>(600, 1)), Constant{}, PackNet{.pruned = 0}, ll::optimizer::Sgd{}};
  for (std::size_t t = 0; t < 255; ++t) {
    const auto left = static_cast<double>(600 - t);
    learner.penalty_policy().pruned = (left - 1) / left;
    ll::penalty::prune(learner);
    learner.consolidate();
  }
  const Owners owners = owners_of(learner);
  for (int t = 1; t <= 255; ++t) REQUIRE(std::count(owners.begin(), owners.begin() + 600, t) == 1);
  CHECK_THROWS_WITH(ll::penalty::prune(learner), ContainsSubstring("255"));
}

TEST_CASE("a frozen parameter keeps its bits, and the others follow the inner penalty", "[penalty][frozen]") {
  const auto check = [](auto inner, auto optimizer) {
    using Inner = decltype(inner);
    ll::Learner plain{Tiny(), Constant{}, inner, optimizer};
    ll::Learner learner{Tiny(), Constant{}, Frozen<Inner>{inner}, optimizer};
    std::vector<double> g(27), start(learner.parameters().begin(), learner.parameters().end());
    Owners mask(27);
    for (std::size_t i = 0; i < 27; ++i) mask[i] = i % 3 == 0 ? 1 : 0;
    plain.consolidate();
    learner.consolidate();
    ll::penalty::freeze(learner, mask);
    const ll::Random random(5);
    for (std::uint64_t s = 0; s < 20; ++s) {
      for (std::size_t i = 0; i < 27; ++i) g[i] = random.normal(27 * s + i);
      plain.step(std::span<const double>(g));
      learner.step(std::span<const double>(g));
    }
    for (std::size_t i = 0; i < 27; ++i) {
      const double expected = mask[i] ? start[i] : plain.parameters()[i];
      REQUIRE(bits({&learner.parameters()[i], 1}) == bits({&expected, 1}));
      REQUIRE(int{owners_of(learner)[i]} == (mask[i] ? 2 : 0));  // the second task
    }
    if constexpr (ll::AnchoredPenalty<Inner>)
      for (std::size_t i = 0; i < 27; ++i) {
        REQUIRE(double(learner.importance()[i]) == 1);
        REQUIRE(learner.anchor()[i] == start[i]);
      }
    learner.consolidate();
    CHECK(owners_of(learner)[1] == 0);  // a task's end claims nothing
    return learner.recipe();
  };
  const ll::optimizer::Decoupled<ll::optimizer::Momentum> optimizer{{.learning_rate = 0.1}, 0.1};
  CHECK_THAT(check(ll::penalty::None{}, optimizer), ContainsSubstring("Frozen(None())"));
  CHECK_THAT(check(ll::compact(ImplicitQuadratic{.strength = 3}), optimizer),
             ContainsSubstring("Frozen(ImplicitQuadratic(strength 3"));
}

TEST_CASE("blocks are frozen by a scope", "[penalty][frozen]") {
  ll::Learner learner{Tiny(), Constant{}, Frozen<>{}, ll::optimizer::Sgd{}};
  ll::penalty::freeze(learner, ll::Scope::only({"0", "2.bias"}));
  const Owners owners = owners_of(learner);
  for (std::size_t i = 0; i < 27; ++i) CHECK(int{owners[i]} == (i >= 15 && i < 24 ? 0 : 1));
  CHECK_THROWS_WITH(ll::penalty::freeze(learner, ll::Scope::only({"7"})), ContainsSubstring("7"));
  const Owners scarce(3, 1);
  CHECK_THROWS_AS(ll::penalty::freeze(learner, scarce), ll::ShapeMismatch);
}

}  // namespace packnet_test
