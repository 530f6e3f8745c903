// SPDX-License-Identifier: MIT
// DER and DER++: their gradient is the slow one, outputs stay what they were, and both go on from a checkpoint.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/rehearsal/dark_experience.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"
#include "tiny_model.hpp"

namespace dark_experience_test {

namespace ll = lifelong;
using ll::importance::Fisher;
using ll::penalty::Quadratic;
using ll::rehearsal::Der;
using ll::rehearsal::DerPlusPlus;
using test::TinyModel;
using test::TinyTask;

static_assert(ll::RehearsalPolicy<Der, TinyModel> && ll::RehearsalPolicy<DerPlusPlus, TinyModel>);

namespace {

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }

/// An example of the batches before, as the slow version remembers it.
struct Kept {
  ll::Batch<double> one;
  std::vector<double> outputs;
};

/// The definition, one sample at a time, with a memory that holds everything.
template <class Model>
struct Slow {
  Model& model;
  std::vector<double> gradient = std::vector<double>(model.parameters().size()), g = gradient;
  double loss = 0;

  void add_own(const ll::Batch<double>& one, double factor) {
    loss += factor * static_cast<double>(model.gradient(one, std::span<double>(g)));
    for (std::size_t i = 0; i < g.size(); ++i) gradient[i] += factor * g[i];
  }
  void add_outputs(const Kept& kept, double factor) {
    std::vector<double> f(model.outputs()), v(f.size());
    model.predict(kept.one, std::span<double>(f));
    const ll::OutputRange active = kept.one.context(0, f.size()).active;
    for (std::size_t c = 0; c < kept.outputs.size(); ++c) {
      if (!active.contains(c)) continue;
      loss += factor * (f[c] - kept.outputs[c]) * (f[c] - kept.outputs[c]);
      v[c] = 2 * factor * (f[c] - kept.outputs[c]);
    }
    model.pullback(kept.one, std::span<const double>(v), std::span<double>(g));
    for (std::size_t i = 0; i < g.size(); ++i) gradient[i] += g[i];
  }
};

double beta_of(const Der&) { return 0; }
double beta_of(const DerPlusPlus& policy) { return policy.beta; }

/// Feeds batches to a policy whose memory holds all of them, moves the model a little after each, and compares every
/// loss and gradient with the slow ones.
template <class Policy, class Model>
void check_gradients(const Policy& policy, Model model, const ll::Batch<double>& data, std::size_t batch_size) {
  typename Policy::template State<Model> state;
  std::vector<Kept> memory;
  std::vector<double> out(model.parameters().size());
  for (std::size_t first = 0; first + batch_size <= data.size; first += batch_size) {
    const ll::Batch<double> batch = data.slice(first, batch_size);
    const double loss = policy.gradient(state, ll::backend::Serial{}, model, batch, std::span<double>(out));
    const auto draw = [&](std::uint32_t number) {
      ll::rehearsal::Draw drawn;
      const auto places =
          drawn(ll::Random(policy.seed, ll::Purpose::replay, number), state.steps, memory.size(), policy.batch_size);
      return std::vector<std::uint32_t>(places.begin(), places.end());
    };
    Slow<Model> slow{model};
    const auto weight_of = [&](const std::vector<std::uint32_t>& places) {
      double total = 0;
      for (const std::uint32_t slot : places) total += memory[slot].one.weight();
      return total;
    };
    for (std::size_t n = 0; n < batch_size; ++n)
      slow.add_own(batch.sample(n), batch.sample(n).weight() / batch.weight());
    const auto compared = draw(0), labelled = draw(1);
    for (const std::uint32_t slot : compared)
      slow.add_outputs(memory[slot], policy.alpha * memory[slot].one.weight() / weight_of(compared));
    for (const std::uint32_t slot : labelled)
      slow.add_own(memory[slot].one, beta_of(policy) * memory[slot].one.weight() / weight_of(labelled));
    CHECK_THAT(loss, test::WithinAbs(slow.loss, 1e-12));
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE_THAT(out[i], test::WithinAbs(slow.gradient[i], 1e-12));

    for (std::size_t n = 0; n < batch_size; ++n) {
      Kept kept{batch.sample(n), std::vector<double>(model.outputs())};
      model.predict(kept.one, std::span<double>(kept.outputs));
      memory.push_back(kept);
    }
    for (std::size_t i = 0; i < out.size(); ++i) model.parameters()[i] -= 0.3 * out[i];
    policy.keep(state, model, batch);
  }
  CHECK(state.memory.size() == data.size / batch_size * batch_size);
}

template <class Policy>
auto tiny_learner(Policy policy) {
  return ll::Learner{TinyModel(), Fisher{}, Quadratic{.strength = 2}, ll::optimizer::Momentum{}, policy};
}

}  // namespace

TEST_CASE("the loss and gradient of DER and DER++ are those of the formula, with 10 and 20 outputs",
          "[rehearsal][dark]") {
  const std::size_t outputs = GENERATE(10u, 20u);
  test::RandomBatch<double> data(42, 5, outputs);
  ll::Batch<double> batch = data.batch();
  batch.targets = {};
  check_gradients(Der{.capacity = 100, .batch_size = 8, .alpha = 0.7}, ll::nn::mlp<double>({5, 6, outputs}), batch, 6);
  check_gradients(DerPlusPlus{.capacity = 100, .batch_size = 8, .alpha = 0.7, .beta = 1.5},
                  ll::nn::mlp<double>({5, 6, outputs}), batch, 6);
}

TEST_CASE("DER++ respects weights and active ranges, and takes targets and any model that pulls back",
          "[rehearsal][dark]") {
  test::RandomBatch<double> data(36, 5, 4);
  data.use_ranges(true);
  ll::Batch<double> batch = data.batch();
  std::vector<double> weights;
  for (std::size_t n = 0; n < 36; ++n) weights.push_back(0.3 + 0.7 * static_cast<double>(n % 5));
  batch.weights = weights;
  batch.targets = {};
  const DerPlusPlus policy{.capacity = 100, .batch_size = 7, .alpha = 0.4, .beta = 0.8, .seed = 3};
  check_gradients(policy, ll::nn::mlp<double>({5, 6, 4}), batch, 6);
  batch.labels = {};
  batch.targets = data.targets;
  check_gradients(policy, ll::nn::mlp<double, ll::nn::MeanSquaredError>({5, 6, 4}), batch, 6);
  check_gradients(policy, TinyModel(), TinyTask(1, 30).all(), 5);
}

TEST_CASE("outputs that are what they were have no loss and no gradient", "[rehearsal][dark]") {
  auto model = ll::nn::mlp<double>({4, 8, 3});
  const TinyTask first(1, 20), second(2, 9);
  Der::State<decltype(model)> state;
  const Der policy{.capacity = 50, .batch_size = 16, .alpha = 5};
  std::vector<double> out(model.parameters().size()), plain(out);
  policy.gradient(state, ll::backend::Serial{}, model, first.all(), std::span<double>(out));
  policy.keep(state, model, first.all());
  const double loss = policy.gradient(state, ll::backend::Serial{}, model, second.all(), std::span<double>(out));
  CHECK(state.chosen.size() == 16);
  CHECK_THAT(loss, test::WithinAbs(model.gradient(second.all(), plain), 1e-14));
  for (std::size_t i = 0; i < out.size(); ++i) CHECK_THAT(out[i], test::WithinAbs(plain[i], 1e-14));
}

TEST_CASE("the two draws of a step are independent", "[rehearsal][dark]") {
  TinyModel model;
  DerPlusPlus::State<TinyModel> state;
  const DerPlusPlus policy{.capacity = 8, .batch_size = 1, .seed = 5};
  std::vector<double> out(model.theta.size());
  const TinyTask task(1, 8);
  policy.gradient(state, ll::backend::Serial{}, model, task.all(), std::span<double>(out));
  policy.keep(state, model, task.all());
  std::vector<double> pairs(64);
  const std::size_t steps = 6400;
  for (std::size_t step = 0; step < steps; ++step, ++state.steps) {
    policy.gradient(state, ll::backend::Serial{}, model, task.all().slice(0, 1), std::span<double>(out));
    REQUIRE(state.chosen.size() == 2);
    ++pairs[8 * state.chosen[0] + state.chosen[1]];
  }
  double chi_square = 0;
  for (const double count : pairs) chi_square += (count - 100) * (count - 100) / 100;
  CHECK(chi_square < 63 + 5 * std::sqrt(2 * 63.0));
}

TEST_CASE("without strengths, and while the memory is empty, a step is the plain one to the bit", "[rehearsal][dark]") {
  const TinyTask task(1, 30);
  const auto trained = [&](auto model, auto policy, std::size_t epochs) {
    ll::Learner learner{model, Fisher{}, Quadratic{.strength = 2}, ll::optimizer::Momentum{}, policy};
    learner.fit(task, {.epochs = epochs, .batch_size = 30});
    return copy(learner.parameters());
  };
  const auto check = [&](const auto& model) {
    const ll::rehearsal::None none;
    CHECK(trained(model, DerPlusPlus{.alpha = 0, .beta = 0}, 4) == trained(model, none, 4));
    CHECK(trained(model, Der{.alpha = 0}, 4) == trained(model, none, 4));
    CHECK(trained(model, DerPlusPlus{}, 1) == trained(model, none, 1));
    CHECK(trained(model, DerPlusPlus{}, 2) != trained(model, none, 2));
    CHECK(trained(model, Der{}, 3) != trained(model, none, 3));
  };
  check(TinyModel());
  check(ll::nn::sequential<double>(
      std::tuple{ll::nn::Linear{4, 9}, ll::nn::BatchNorm{9}, ll::nn::ReLU{}, ll::nn::Dropout{}, ll::nn::Linear{9, 3}},
      1));
}

TEST_CASE("no sample is replayed in the step in which it arrives, and a refused step keeps nothing",
          "[rehearsal][dark][errors]") {
  const TinyTask task(1, 8);
  auto learner = tiny_learner(DerPlusPlus{.capacity = 3, .batch_size = 2});
  ll::Learner plain{TinyModel(), Fisher{}, Quadratic{.strength = 2}, ll::optimizer::Momentum{}};
  CHECK(learner.step(task.all()).loss == plain.step(task.all()).loss);
  CHECK(copy(learner.parameters()) == copy(plain.parameters()));
  CHECK(learner.state().rehearsal.memory.seen() == 8);
  CHECK(learner.state_bytes() == plain.state_bytes() + 3 * ((4 + 3 + 1) * 8 + 5 * 4));
  CHECK_THAT(learner.recipe(),
             test::ContainsSubstring("DerPlusPlus(reservoir, capacity 3, batch size 2, seed 0, alpha 0.1, beta 0.5)"));
  CHECK_THAT(tiny_learner(Der{}).recipe(), test::ContainsSubstring("Der(reservoir, capacity 500, batch size 32, seed "
                                                                   "0, alpha 0.1)"));
  double& parameter = learner.parameters()[0];
  const double value = parameter;
  parameter = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(learner.step(task.all()), ll::NumericError);
  parameter = value;
  CHECK(learner.state().rehearsal.memory.seen() == 8);
  CHECK(learner.state().rehearsal.steps == 1);

  learner.rehearsal_policy().capacity = 4;
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { learner.step(task.all()); }),
             test::ContainsSubstring("so DerPlusPlus.capacity cannot become 4"));
  CHECK_THAT(test::message_of<ll::InvalidArgument>([] { tiny_learner(Der{.alpha = -1}); }),
             test::ContainsSubstring("Der.alpha must be a finite number of at least 0, but is -1"));
  CHECK_THAT(test::message_of<ll::InvalidArgument>([] { tiny_learner(DerPlusPlus{.beta = HUGE_VAL}); }),
             test::ContainsSubstring("DerPlusPlus.beta"));
  CHECK_THAT(test::message_of<ll::InvalidArgument>([] { tiny_learner(DerPlusPlus{.batch_size = 0}); }),
             test::ContainsSubstring("DerPlusPlus.batch_size"));
}

TEST_CASE("growing a head leaves the loss of old examples as it was", "[rehearsal][dark]") {
  auto model = ll::nn::sequential<double>(std::tuple{ll::nn::Linear{4, 6}, ll::nn::Tanh{}, ll::nn::Heads{6, {3}}}, 1);
  DerPlusPlus::State<decltype(model)> state;
  const DerPlusPlus policy{.capacity = 50, .batch_size = 16, .alpha = 0.5, .beta = 0};
  const TinyTask first(1, 20), second(2, 9);
  std::vector<double> out(model.parameters().size());
  policy.gradient(state, ll::backend::Serial{}, model, first.all(), std::span<double>(out));
  policy.keep(state, model, first.all());
  for (double& value : model.parameters()) value *= 1.25;
  const auto loss_of_outputs = [&] {
    out.resize(model.parameters().size());
    return policy.gradient(state, ll::backend::Serial{}, model, second.all(), std::span<double>(out)) -
           model.gradient(second.all(), out);
  };
  const double before = loss_of_outputs();
  CHECK(before > 0.01);
  model.grow(2);
  CHECK_THAT(loss_of_outputs(), test::WithinAbs(before, 1e-14));
  policy.keep(state, model, second.all());  // now some have 3 outputs, and some 5
  const TinyTask third(3, 9, 5);
  out.resize(model.parameters().size());
  policy.gradient(state, ll::backend::Serial{}, model, third.all(), std::span<double>(out));
  CHECK(state.memory.examples().outputs(0).size() == 3);
  CHECK(state.memory.examples().outputs(20).size() == 5);
}

TEST_CASE("a checkpoint of DER++ in the middle of a task goes on with the same bits", "[rehearsal][dark][checkpoint]") {
  const auto make = [] { return tiny_learner(DerPlusPlus{.capacity = 5, .batch_size = 4, .seed = 9}); };
  auto learner = make(), resumed = make();
  const TinyTask first(1), second(2);
  const ll::FitOptions options{.epochs = 3, .batch_size = 5};
  learner.fit(first, options);
  learner.consolidate(first);
  learner.fit(second, options,
              [](const ll::FitProgress& at) { return at.step == 7 ? ll::FitSignal::stop : ll::FitSignal::go_on; });
  ll::io::restore(ll::io::checkpoint(learner), resumed);
  const ll::FitOptions rest{.epochs = 3, .batch_size = 5, .resume = true};
  for (auto* each : {&learner, &resumed}) each->fit(second, rest);
  CHECK(copy(resumed.parameters()) == copy(learner.parameters()));
  auto other = tiny_learner(DerPlusPlus{.capacity = 5, .batch_size = 4, .alpha = 0.2, .seed = 9});
  CHECK_THAT(test::message_of<ll::FormatError>([&] { ll::io::restore(ll::io::checkpoint(learner), other); }),
             test::ContainsSubstring("alpha"));
}

TEST_CASE("DER++ gives the same bits for any number of threads, with any importance and penalty",
          "[rehearsal][dark][threads]") {
  const auto trained = [](auto importance, auto penalty, int threads) {
    const ll::backend::OpenMP backend{threads};
    ll::Learner learner{
        ll::nn::mlp<double>({4, 40, 3}, {}, backend),
        importance,
        penalty,
        ll::optimizer::Adam{},
        ll::rehearsal::DerPlusPlusFrom<ll::rehearsal::BalancedSelection>{.capacity = 40, .batch_size = 19},
        backend};
    for (const std::uint64_t seed : {1u, 2u}) {
      learner.fit(TinyTask(seed, 40), {.epochs = 3, .batch_size = 20});
      learner.consolidate(TinyTask(seed, 40));
    }
    return copy(learner.parameters());
  };
  CHECK(trained(Fisher{}, Quadratic{}, 1) == trained(Fisher{}, Quadratic{}, 3));
  const ll::importance::SynapticIntelligence path;
  CHECK(trained(path, ll::penalty::None{}, 1) == trained(path, ll::penalty::None{}, 3));
}

}  // namespace dark_experience_test
