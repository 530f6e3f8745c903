// SPDX-License-Identifier: MIT
// Experience replay in a learner: its gradient is the slow one, and what it keeps is saved with the learner.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn/mlp.hpp>
#include <lifelong/rehearsal/replay.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"
#include "tiny_model.hpp"

namespace replay_test {

namespace ll = lifelong;
using ll::importance::Fisher;
using ll::penalty::Quadratic;
using ll::rehearsal::Replay;
using test::TinyModel;
using test::TinyTask;

static_assert(ll::RehearsalPolicy<Replay, TinyModel> && ll::RehearsalPolicy<ll::rehearsal::BalancedReplay, TinyModel> &&
              ll::RehearsalPolicy<ll::rehearsal::RingReplay, TinyModel>);

namespace {

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }

template <class Rehearsal>
auto tiny_learner(Rehearsal rehearsal) {
  return ll::Learner{TinyModel(), Fisher{}, Quadratic{.strength = 2}, ll::optimizer::Momentum{}, rehearsal};
}

/// The gradient of Σ w_n ℓ_n / Σ w_n over both, one sample at a time.
template <class Model, class Source>
std::vector<double> slow_gradient(Model model, const ll::Batch<double>& batch, const Source& memory,
                                  std::span<const std::uint32_t> chosen, double* loss) {
  std::vector<double> sum(model.parameters().size()), g(sum.size());
  double total = 0, weight = 0;
  const auto add = [&](const ll::Batch<double>& one) {
    const double w = one.weight();
    total += w * static_cast<double>(model.gradient(one, g));
    for (std::size_t i = 0; i < g.size(); ++i) sum[i] += w * g[i];
    weight += w;
  };
  for (std::size_t n = 0; n < batch.size; ++n) add(batch.sample(n));
  ll::BatchBuffer<double> buffer;
  for (const std::uint32_t slot : chosen) {
    buffer.resize(1, memory.features(), memory.targets());
    memory.read(slot, buffer.row(0, slot));
    add(buffer.batch());
  }
  for (double& value : sum) value /= weight;
  *loss = total / weight;
  return sum;
}

/// Feeds batches to a replay and compares every gradient with the slow one.
template <class Rehearsal, class Model>
void check_gradients(const Rehearsal& replay, Model model, const ll::Batch<double>& data, std::size_t batch_size) {
  typename Rehearsal::template State<Model> state;
  std::vector<double> out(model.parameters().size());
  for (std::size_t first = 0; first + batch_size <= data.size; first += batch_size) {
    const ll::Batch<double> batch = data.slice(first, batch_size);
    ll::rehearsal::Draw draw;
    const auto chosen =
        draw(ll::Random(replay.seed, ll::Purpose::replay), state.steps, state.memory.size(), replay.batch_size);
    double slow_loss = 0;
    const auto slow = slow_gradient(model, batch, state.memory, chosen, &slow_loss);
    const double loss = replay.gradient(state, ll::backend::Serial{}, model, batch, std::span<double>(out));
    CHECK_THAT(loss, test::WithinAbs(slow_loss, 1e-13));
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE_THAT(out[i], test::WithinAbs(slow[i], 1e-13));
    replay.keep(state, model, batch);
  }
  CHECK(state.steps == data.size / batch_size);
  CHECK(state.memory.seen() == state.steps * batch_size);
}

}  // namespace

TEST_CASE("replay's gradient is that of batch and memory as one batch", "[rehearsal][replay]") {
  const TinyTask task(1, 60);
  check_gradients(Replay{.capacity = 9, .batch_size = 6, .seed = 4}, TinyModel(), task.all(), 5);
  check_gradients(ll::rehearsal::BalancedReplay{.capacity = 9, .batch_size = 20}, TinyModel(), task.all(), 5);
  check_gradients(ll::rehearsal::RingReplay{.capacity = 7, .batch_size = 3}, TinyModel(), task.all(), 4);
}

TEST_CASE("replay respects weights and active ranges, and takes targets", "[rehearsal][replay]") {
  test::RandomBatch<double> data(48, 5, 4);
  data.use_ranges(true);
  ll::Batch<double> batch = data.batch();
  std::vector<double> weights;
  for (std::size_t n = 0; n < 48; ++n) weights.push_back(0.3 + 0.7 * static_cast<double>(n % 5));
  batch.weights = weights;
  batch.targets = {};
  const Replay replay{.capacity = 10, .batch_size = 7};
  check_gradients(replay, ll::nn::mlp<double>({5, 6, 4}), batch, 6);
  batch.weights = {};
  batch.labels = {};
  batch.targets = data.targets;
  check_gradients(replay, ll::nn::mlp<double, ll::nn::MeanSquaredError>({5, 6, 4}), batch, 6);
}

TEST_CASE("the first step with an empty memory is the plain one, and no sample is replayed in its own step",
          "[rehearsal][replay]") {
  const TinyTask task(1, 8);
  auto learner = tiny_learner(Replay{.capacity = 3, .batch_size = 2});
  ll::Learner plain{TinyModel(), Fisher{}, Quadratic{.strength = 2}, ll::optimizer::Momentum{}};
  CHECK(learner.step(task.all()).loss == plain.step(task.all()).loss);
  CHECK(copy(learner.parameters()) == copy(plain.parameters()));
  CHECK(learner.state().rehearsal.memory.seen() == 8);
  CHECK(learner.state_bytes() == plain.state_bytes() + 3 * (4 * 8 + 8 + 4 * 4));
  learner.consolidate(task);
  CHECK(learner.state().rehearsal.memory.size() == 3);
  CHECK_THAT(learner.recipe(), test::ContainsSubstring("Replay(reservoir, capacity 3, batch size 2, seed 0)"));
}

TEST_CASE("a step that is refused leaves the memory as it was", "[rehearsal][replay][errors]") {
  const TinyTask task(1, 8);
  auto learner = tiny_learner(Replay{.capacity = 3, .batch_size = 2});
  learner.step(task.all().slice(0, 4));
  auto twin = learner;
  double& parameter = learner.parameters()[0];
  const double value = parameter;
  parameter = std::numeric_limits<double>::quiet_NaN();  // found behind the rehearsal
  CHECK_THROWS_AS(learner.step(task.all()), ll::NumericError);
  parameter = value;
  learner.rehearsal_policy().capacity = 4;
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { learner.step(task.all()); }),
             test::ContainsSubstring("capacity of 3 examples and holds 3, so Replay.capacity cannot become 4"));
  learner.rehearsal_policy().capacity = 3;
  CHECK(learner.state().rehearsal.memory.seen() == 4);
  for (auto* each : {&learner, &twin}) each->fit(task, {.epochs = 2, .batch_size = 3});
  CHECK(copy(learner.parameters()) == copy(twin.parameters()));

  CHECK_THROWS_AS(tiny_learner(Replay{.capacity = 0}), ll::InvalidArgument);
  CHECK_THAT(test::message_of<ll::InvalidArgument>([] { tiny_learner(Replay{.batch_size = 0}); }),
             test::ContainsSubstring("Replay.batch_size"));
  using Bytes = ll::rehearsal::ReplayFrom<ll::rehearsal::UniformSelection, std::uint8_t>;
  auto bytes = tiny_learner(Bytes{});
  const auto before = copy(bytes.parameters());
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { bytes.step(task.all()); }),
             test::ContainsSubstring("no whole multiple of"));
  CHECK(copy(bytes.parameters()) == before);
}

TEMPLATE_TEST_CASE("a checkpoint in the middle of a task goes on with the same bits", "[rehearsal][replay][checkpoint]",
                   Replay, ll::rehearsal::BalancedReplay, ll::rehearsal::RingReplay) {
  const auto make = [] { return tiny_learner(TestType{.capacity = 5, .batch_size = 4, .seed = 9}); };
  auto learner = make(), resumed = make();
  const TinyTask first(1), second(2);
  const ll::FitOptions options{.epochs = 3, .batch_size = 5};
  learner.fit(first, options);
  learner.consolidate(first);
  learner.fit(second, options,
              [](const ll::FitProgress& at) { return at.step == 7 ? ll::FitSignal::stop : ll::FitSignal::go_on; });
  const ll::io::Safetensors file = ll::io::checkpoint(learner);
  ll::io::restore(file, resumed);
  const ll::FitOptions rest{.epochs = 3, .batch_size = 5, .resume = true};
  for (auto* each : {&learner, &resumed}) each->fit(second, rest);
  CHECK(copy(resumed.parameters()) == copy(learner.parameters()));
  CHECK(resumed.state().rehearsal.steps == learner.state().rehearsal.steps);

  auto fresh = make();  // before its first step
  ll::io::restore(ll::io::checkpoint(fresh), resumed);
  for (auto* each : {&fresh, &resumed}) each->fit(first, options);
  CHECK(copy(resumed.parameters()) == copy(fresh.parameters()));

  auto wide = tiny_learner(TestType{.capacity = 6, .batch_size = 4, .seed = 9});
  CHECK_THAT(test::message_of<ll::FormatError>([&] { ll::io::restore(file, wide); }),
             test::ContainsSubstring("capacity"));
}

TEST_CASE("a file with impossible numbers of a memory is refused", "[rehearsal][replay][checkpoint]") {
  const TinyTask task(1);
  typename Replay::State<TinyModel> state;
  const Replay replay{.capacity = 5, .batch_size = 4};
  TinyModel model;
  std::vector<double> out(model.theta.size());
  replay.gradient(state, ll::backend::Serial{}, model, task.all(), std::span<double>(out));
  replay.keep(state, model, task.all());
  const auto refused = [&](const std::string& name, auto change) {
    auto damaged = state;
    CHECK_THROWS_AS(damaged.visit([](const std::string&, auto&) {},
                                  [&](const std::string& which, auto& value) {
                                    if (which == name)
                                      value = static_cast<std::remove_reference_t<decltype(value)>>(change);
                                  }),
                    ll::FormatError);
  };
  refused("size", 4);
  refused("size", 6);
  refused("features", 0);
  refused("features", 3);
  refused("targets", 1);
  refused("outputs", std::size_t{1} << 63);
  refused("capacity", 6);
  refused("seen", 3);
}

TEST_CASE("replay gives the same bits for any number of threads, with any importance and penalty",
          "[rehearsal][replay][threads]") {
  const auto trained = [](auto importance, auto penalty, int threads) {
    const ll::backend::OpenMP backend{threads};
    ll::Learner learner{ll::nn::mlp<double>({4, 40, 3}, {}, backend), importance, penalty, ll::optimizer::Adam{},
                        Replay{.capacity = 12, .batch_size = 9},      backend};
    for (const std::uint64_t seed : {1u, 2u}) {
      learner.fit(TinyTask(seed), {.epochs = 3, .batch_size = 5});
      learner.consolidate(TinyTask(seed));
    }
    return copy(learner.parameters());
  };
  CHECK(trained(Fisher{}, Quadratic{}, 1) == trained(Fisher{}, Quadratic{}, 3));
  const ll::importance::SynapticIntelligence path;
  CHECK(trained(path, ll::penalty::None{}, 1) == trained(path, ll::penalty::None{}, 3));
}

TEST_CASE("a model learns from the memory alone, twice with the same result", "[rehearsal][gdumb]") {
  ll::rehearsal::BalancedReservoir<double> memory({.capacity = 9});
  memory.push(TinyTask(1, 60).all());
  const auto trained = [&] {
    ll::Learner learner{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Adam{}};
    learner.fit(memory, {.epochs = 3, .batch_size = 4});
    return copy(learner.parameters());
  };
  CHECK(trained() == trained());
}

}  // namespace replay_test
