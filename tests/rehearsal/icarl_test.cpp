// SPDX-License-Identifier: MIT
// iCaRL in a learner: its gradient is the slow one, its exemplars are those of herding, and both are saved.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn/mlp.hpp>
#include <lifelong/rehearsal/herding.hpp>
#include <lifelong/rehearsal/icarl.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace icarl_test {

namespace ll = lifelong;
using ll::rehearsal::ICarl;
using test::TinyTask;

namespace {

using Network = decltype(ll::nn::mlp<double>({4, 7, 6}));
static_assert(ll::RehearsalPolicy<ICarl, Network>);

/// Examples of the classes `first` .. `first + 1`, which lie apart from those of other classes.
TinyTask task(std::int32_t first, std::size_t count = 40) {
  TinyTask made(static_cast<std::uint64_t>(first) + 5, count, 2);
  for (std::size_t n = 0; n < count; ++n) {
    made.labels[n] += first;
    made.inputs[4 * n + static_cast<std::size_t>(made.labels[n]) % 4] += made.labels[n] < 4 ? 6 : -6;
  }
  return made;
}

template <class Backend = ll::backend::Serial>
auto icarl_learner(ICarl icarl, double rate = 0.05, Backend backend = {}) {
  return ll::Learner{ll::nn::mlp<double>({4, 7, 6}, {.seed = 3, .activation = ll::nn::Activation::tanh}, backend),
                     ll::importance::Constant{},
                     ll::penalty::None{},
                     ll::optimizer::Momentum{.learning_rate = rate},
                     icarl,
                     backend};
}

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }
std::vector<double> inputs_of(const ll::rehearsal::Exemplars<double>& exemplars, std::size_t first, std::size_t count) {
  std::vector<double> inputs;
  ll::BatchBuffer<double> buffer;
  for (std::size_t i = first; i < first + count; ++i) {
    buffer.resize(1, 4, 0);
    exemplars.read(i, buffer.row(0, i));
    inputs.insert(inputs.end(), buffer.batch().inputs.begin(), buffer.batch().inputs.end());
  }
  return inputs;
}

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

/// The loss and gradient of the formula, one sample at a time; `kinds[c]` is 'o'ld, 'p'resent or '-'.
template <class Model>
std::vector<double> slow_gradient(Model model, Model old, const ll::Batch<double>& batch, const std::string& kinds,
                                  double* loss) {
  std::vector<double> sum(model.parameters().size()), g(sum.size()), f(kinds.size()), q(kinds.size()), v(kinds.size());
  double weight = 0;
  *loss = 0;
  for (std::size_t n = 0; n < batch.size; ++n) {
    const ll::Batch<double> one = batch.sample(n);
    model.predict(one, f);
    old.predict(one, q);
    for (std::size_t c = 0; c < kinds.size(); ++c) {
      const double t = kinds[c] == 'o' ? sigmoid(q[c]) : one.labels[0] == static_cast<std::int32_t>(c) ? 1 : 0;
      v[c] = kinds[c] == '-' ? 0 : sigmoid(f[c]) - t;
      if (kinds[c] != '-')
        *loss -= one.weight() * (t * std::log(sigmoid(f[c])) + (1 - t) * std::log(1 - sigmoid(f[c])));
    }
    model.pullback(one, v, g);
    for (std::size_t i = 0; i < g.size(); ++i) sum[i] += one.weight() * g[i];
    weight += one.weight();
  }
  *loss /= weight;
  for (double& value : sum) value /= weight;
  return sum;
}

}  // namespace

TEST_CASE("iCaRL's gradient is that of its formula, for classes seen only", "[rehearsal][icarl]") {
  const ICarl icarl{.capacity = 6, .candidates = 100, .batch_size = 4, .seed = 2};
  auto model = ll::nn::mlp<double>({4, 7, 6}, {.seed = 3, .activation = ll::nn::Activation::tanh});
  auto old = model;
  typename ICarl::State<Network> state;
  std::vector<double> out(model.parameters().size());
  std::string kinds = "------";
  const auto check = [&](const ll::Batch<double>& batch) {
    ll::rehearsal::Draw draw;
    ll::rehearsal::JoinedBatch<double> joined;
    const double loss = icarl.gradient(state, ll::backend::Serial{}, model, batch, std::span<double>(out));
    const auto chosen = draw(ll::Random(2, ll::Purpose::replay), state.steps, state.exemplars.size(), 4);
    const ll::Batch<double> all =
        state.exemplars.size() == 0 ? batch : joined.of(batch, state.exemplars.examples(), chosen);
    double slow_loss = 0;
    const auto slow = slow_gradient(model, old, all, kinds, &slow_loss);
    CHECK_THAT(loss, test::WithinAbs(slow_loss, 1e-12));
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE_THAT(out[i], test::WithinAbs(slow[i], 1e-13));
    icarl.keep(state, model, batch);
    for (std::size_t i = 0; i < out.size(); ++i) model.parameters()[i] -= 0.3 * out[i];
  };

  std::vector<double> weights;
  for (std::size_t n = 0; n < 40; ++n) weights.push_back(n % 3 == 0 ? 2 : 0.5);
  for (const std::int32_t first : {0, 2, 4}) {
    const TinyTask examples = task(first);
    ll::Batch<double> batch = examples.all();
    if (first == 2) batch.weights = weights;
    kinds[static_cast<std::size_t>(first)] = kinds[static_cast<std::size_t>(first) + 1] = 'p';
    for (std::size_t n = 0; n < 40; n += 10) check(batch.slice(n, 10));
    for (char& kind : kinds) kind = kind == 'p' ? 'o' : kind;
    icarl.end_task(state, model);
    old = model;
  }
  check(task(1).all());  // classes 1 and 2 again: their targets are those of the old network
  CHECK(state.exemplars.size() == 6);
}

TEST_CASE("exemplars are those of herding, and fewer of them are the first", "[rehearsal][icarl]") {
  const std::size_t capacity = 13;
  auto learner = icarl_learner({.capacity = capacity, .candidates = 100, .batch_size = 3});
  std::vector<std::vector<double>> before;
  for (std::size_t t = 0; t < 3; ++t) {
    const TinyTask examples = task(2 * static_cast<std::int32_t>(t));
    learner.fit(examples, {.batch_size = 8, .shuffle = false});
    learner.consolidate();
    auto network = learner.model();
    static_cast<void>(ll::rehearsal::nearest_mean_of(learner));
    const auto& exemplars = learner.state().rehearsal.exemplars;
    const std::size_t share = capacity / (2 * (t + 1));
    REQUIRE(exemplars.size() == share * 2 * (t + 1));
    CHECK(exemplars.size() <= capacity);
    for (std::size_t c = 0; c < 2 * (t + 1); ++c)
      for (std::size_t k = 0; k < share; ++k)
        REQUIRE(exemplars.examples().labels()[c * share + k] == static_cast<std::int32_t>(c));

    for (std::size_t c = 0; c < before.size(); ++c)
      CHECK(inputs_of(exemplars, c * share, share) ==
            std::vector<double>(before[c].begin(), before[c].begin() + static_cast<long>(4 * share)));
    for (std::size_t c = 2 * t; c < 2 * t + 2; ++c) {
      std::vector<double> of_class, expected;
      for (std::size_t n = 0; n < examples.size(); ++n)
        if (examples.labels[n] == static_cast<std::int32_t>(c))
          of_class.insert(of_class.end(), examples.inputs.begin() + static_cast<long>(4 * n),
                          examples.inputs.begin() + static_cast<long>(4 * n + 4));
      std::vector<double> features(of_class.size() / 4 * 7);
      network.predict_features({of_class.size() / 4, 4, of_class}, features);
      ll::rehearsal::Herding herding;
      for (const std::uint32_t n : herding(std::span<const double>(features), 7, share))
        expected.insert(expected.end(), of_class.begin() + 4 * n, of_class.begin() + 4 * n + 4);
      CHECK(inputs_of(exemplars, c * share, share) == expected);
    }
    before.clear();
    for (std::size_t c = 0; c < 2 * (t + 1); ++c) before.push_back(inputs_of(exemplars, c * share, share));
  }
}

TEST_CASE("exemplars do not depend on how examples come in batches", "[rehearsal][icarl]") {
  std::vector<std::vector<double>> found;
  for (const std::size_t batch_size : {1u, 7u, 64u}) {
    auto learner = icarl_learner({.capacity = 9, .candidates = 12, .batch_size = 3}, 0);
    for (const std::int32_t first : {0, 2}) {
      learner.fit(task(first), {.batch_size = batch_size, .shuffle = false});
      learner.consolidate();
    }
    static_cast<void>(ll::rehearsal::nearest_mean_of(learner));
    const auto& exemplars = learner.state().rehearsal.exemplars;
    found.push_back(inputs_of(exemplars, 0, exemplars.size()));
  }
  CHECK(found[0].size() == 4 * 8);
  CHECK(found[0] == found[1]);
  CHECK(found[0] == found[2]);
}

TEST_CASE("the nearest mean of exemplars tells classes of all tasks", "[rehearsal][icarl]") {
  auto learner = icarl_learner({.capacity = 24, .candidates = 50, .batch_size = 10});
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { static_cast<void>(ll::rehearsal::nearest_mean_of(learner)); }),
             test::ContainsSubstring("no task has ended yet"));
  for (const std::int32_t first : {0, 2, 4}) {
    learner.fit(task(first), {.epochs = 20, .batch_size = 8});
    learner.consolidate();
    auto nearest = ll::rehearsal::nearest_mean_of(learner);
    for (std::int32_t c = 0; c < 6; ++c) CHECK((nearest.samples(static_cast<std::size_t>(c)) > 0) == (c < first + 2));
    for (std::int32_t of = 0; of <= first; of += 2) CHECK(ll::accuracy(nearest, task(of)) > 0.8);
  }
  CHECK_THAT(learner.recipe(), test::ContainsSubstring("ICarl(capacity 24, candidates 50, batch size 10, seed 0)"));
  CHECK(learner.state().rehearsal.bytes() >= 24 * (4 * 8 + 8 + 16) + 8 * learner.parameters().size());
}

TEST_CASE("iCaRL goes on from a checkpoint with the same bits", "[rehearsal][icarl][checkpoint]") {
  const auto make = [] { return icarl_learner({.capacity = 7, .candidates = 11, .batch_size = 4, .seed = 9}); };
  auto learner = make(), resumed = make();
  learner.fit(task(0), {.batch_size = 5});
  learner.consolidate();
  ll::io::restore(ll::io::checkpoint(learner), resumed);  // exemplars are not chosen yet
  for (auto* each : {&learner, &resumed}) {
    each->fit(task(2), {.epochs = 2, .batch_size = 5},
              [](const ll::FitProgress& at) { return at.step == 5 ? ll::FitSignal::stop : ll::FitSignal::go_on; });
  }
  CHECK(copy(resumed.parameters()) == copy(learner.parameters()));
  resumed = make();
  ll::io::restore(ll::io::checkpoint(learner), resumed);  // in the middle of a task
  for (auto* each : {&learner, &resumed}) {
    each->fit(task(2), {.epochs = 2, .batch_size = 5, .resume = true});
    each->consolidate();
    each->fit(task(4), {.batch_size = 5});
  }
  CHECK(copy(resumed.parameters()) == copy(learner.parameters()));

  const auto refused = [&](const std::string& name, auto change) {
    auto damaged = learner.state().rehearsal;
    CHECK_THROWS_AS(damaged.visit([](std::string_view, auto&) {},
                                  [&](std::string_view which, auto& value) {
                                    if (which == name)
                                      value = static_cast<std::remove_reference_t<decltype(value)>>(change);
                                  }),
                    ll::FormatError);
  };
  refused("teacher_size", 5);
  refused("features", 3);
  refused("candidate_seen", 1);
}

TEST_CASE("iCaRL refuses what it cannot learn, and stays as it was", "[rehearsal][icarl][errors]") {
  auto learner = icarl_learner({.capacity = 3, .candidates = 20, .batch_size = 4});
  learner.fit(task(0), {.batch_size = 8});
  learner.consolidate();
  learner.fit(task(2), {.batch_size = 8});
  learner.consolidate();
  const auto before = copy(learner.parameters());
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { learner.fit(task(4)); }),
             test::ContainsSubstring("capacity of 3 examples has no room for one of each of 4 classes"));
  CHECK(copy(learner.parameters()) == before);
  learner.rehearsal_policy().capacity = 8;
  auto twin = learner;
  double& parameter = learner.parameters()[0];
  const double value = std::exchange(parameter, std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_AS(learner.step(task(4).all()), ll::NumericError);
  parameter = value;
  TinyTask wrong = task(4);
  wrong.labels[3] = 6;
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { learner.step(wrong.all()); }),
             test::ContainsSubstring("none for class 6"));
  wrong.labels[3] = -1;
  CHECK_THROWS_AS(learner.step(wrong.all()), ll::InvalidArgument);
  for (auto* each : {&learner, &twin}) each->fit(task(4), {.batch_size = 8});
  CHECK(copy(learner.parameters()) == copy(twin.parameters()));
  learner.rehearsal_policy().candidates = 21;
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { learner.step(task(4).all()); }),
             test::ContainsSubstring("ICarl.candidates cannot become 21"));

  for (const ICarl& settings :
       {ICarl{.capacity = 0}, ICarl{.candidates = 0}, ICarl{.batch_size = 0}, ICarl{.scale = 0}})
    CHECK_THROWS_AS(icarl_learner(settings), ll::InvalidArgument);
}

TEST_CASE("iCaRL gives the same bits for any number of threads", "[rehearsal][icarl][threads]") {
  const auto trained = [](int threads) {
    auto learner =
        icarl_learner({.capacity = 12, .candidates = 20, .batch_size = 9}, 0.05, ll::backend::OpenMP{threads});
    for (const std::int32_t first : {0, 2}) {
      learner.fit(task(first), {.epochs = 2, .batch_size = 16});
      learner.consolidate();
    }
    return copy(learner.parameters());
  };
  CHECK(trained(1) == trained(3));
}

}  // namespace icarl_test
