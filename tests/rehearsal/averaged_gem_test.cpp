// SPDX-License-Identifier: MIT
// A-GEM: its gradient is the slow one, the memory has every task that has ended, and nothing else is drawn.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn/layer/batch_norm.hpp>
#include <lifelong/nn/layer/dropout.hpp>
#include <lifelong/nn/mlp.hpp>
#include <lifelong/nn/sequential.hpp>
#include <lifelong/rehearsal/averaged_gem.hpp>
#include <lifelong/rehearsal/balanced_reservoir.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "learner_values.hpp"
#include "mean_model.hpp"
#include "tiny_model.hpp"

namespace averaged_gem_test {

namespace ll = lifelong;
using ll::rehearsal::AGem;
using ll::rehearsal::RingAGem;
using test::MeanModel;
using test::RowBatch;
using test::TinyModel;
using test::TinyTask;

static_assert(ll::RehearsalPolicy<AGem, TinyModel> && ll::RehearsalPolicy<RingAGem, MeanModel<float>>);
static_assert(ll::rehearsal::Selection<ll::rehearsal::ByTask<ll::rehearsal::BalancedSelection>>);

namespace {

template <class T>
std::vector<T> copy(std::span<T> values) {
  return {values.begin(), values.end()};
}
template <class T>
double dot(const std::vector<T>& a, const std::vector<T>& b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<long double>(a[i]) * static_cast<long double>(b[i]);
  return static_cast<double>(sum);
}
template <class T>
double length(const std::vector<T>& a) {
  return std::sqrt(dot(a, a));
}

template <class T>
std::vector<T> random_vector(std::uint64_t seed, std::size_t size, double scale = 1) {
  const ll::Random random(seed);
  std::vector<T> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<T>(scale * random.normal(i));
  return values;
}

/// What `rehearsal::project` makes of g.
template <class T, class Backend = ll::backend::Serial>
std::vector<T> projected(std::vector<T> g, const std::vector<T>& r, const Backend& backend = {}) {
  MeanModel<T> model(g.size());
  std::vector<double> partials(ll::chunk_count(g.size()));
  const ll::rehearsal::GradientArithmetic arithmetic(model, backend, std::span<double>(partials));
  ll::rehearsal::project(arithmetic, std::span<const T>(r), std::span<T>(g));
  return g;
}

/// The formula, on per-sample gradients of what is drawn.
template <class Policy, class State>
std::vector<double> slow_gradient(const Policy& policy, const State& state, TinyModel model,
                                  const ll::Batch<double>& batch) {
  const auto& memory = state.past.memory();
  std::vector<std::uint32_t> places;
  for (std::size_t i = 0; i < memory.size(); ++i)
    if (memory.selection().tasks()[i] < memory.selection().present()) places.push_back(static_cast<std::uint32_t>(i));
  ll::rehearsal::Draw draw;
  const auto drawn =
      draw(ll::Random(policy.seed, ll::Purpose::replay), state.past.steps(), places.size(), policy.batch_size);
  std::vector<double> g(model.theta.size()), r(g.size()), one(g.size());
  model.gradient(batch, g);
  ll::BatchBuffer<double> buffer;
  for (const std::uint32_t k : drawn) {
    buffer.resize(1, memory.features(), memory.targets());
    memory.read(places[k], buffer.row(0, 0));
    model.gradient(buffer.batch(), one);
    for (std::size_t i = 0; i < r.size(); ++i) r[i] += one[i] / static_cast<double>(drawn.size());
  }
  if (dot(g, r) < 0) {
    const double factor = dot(g, r) / dot(r, r);
    for (std::size_t i = 0; i < g.size(); ++i) g[i] -= factor * r[i];
  }
  return g;
}

template <class Rehearsal>
auto tiny_learner(Rehearsal rehearsal) {
  return ll::Learner{TinyModel(), ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Momentum{},
                     rehearsal};
}

}  // namespace

TEMPLATE_TEST_CASE("A-GEM's gradient is the slow one, with more tasks than samples too", "[rehearsal][agem]", AGem,
                   RingAGem) {
  const TestType policy{.capacity = 12, .batch_size = 3, .seed = 5};
  typename TestType::template State<TinyModel> state;
  TinyModel model;
  state.resize(model.theta.size());
  std::vector<double> out(model.theta.size());
  std::size_t violations = 0;
  for (std::uint64_t task = 0; task < 5; ++task) {
    const TinyTask data(task + 1, 20);
    for (std::size_t n = 0; n + 4 <= data.size(); n += 4) {
      const ll::Batch<double> batch = data.all().slice(n, 4);
      const auto slow = slow_gradient(policy, state, model, batch);
      const double loss = policy.gradient(state, ll::backend::Serial{}, model, batch, std::span<double>(out));
      for (std::size_t i = 0; i < out.size(); ++i) REQUIRE_THAT(out[i], test::WithinAbs(slow[i], 1e-13));
      std::vector<double> plain(out.size());
      CHECK(loss == model.gradient(batch, plain));
      violations += plain != out ? 1u : 0u;
      policy.keep(state, model, batch);
      for (std::size_t i = 0; i < out.size(); ++i) model.theta[i] -= 0.3 * out[i];
    }
    policy.end_task(state, model);
  }
  CHECK(violations > 3);
}

TEMPLATE_TEST_CASE("a projected gradient is orthogonal to the reference, and stays where it is", "[rehearsal][agem]",
                   float, double) {
  const double unit = std::is_same_v<TestType, float> ? 1e-6 : 1e-13;
  for (const std::size_t size : {std::size_t{3}, std::size_t{1000}, std::size_t{100003}})
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      auto g = random_vector<TestType>(seed, size);
      const auto r = random_vector<TestType>(seed + 10, size, 7);
      if (dot(g, r) > 0)
        for (TestType& value : g) value = -value;
      const auto once = projected(g, r);
      CHECK(std::abs(dot(once, r)) <= unit * length(g) * length(r));
      CHECK(test::difference(projected(once, r), once) < 1e-6);
      auto away = g;
      for (TestType& value : away) value = -value;
      CHECK(projected(away, r) == away);  // no violation: the same bits
      CHECK(projected(g, r, ll::backend::OpenMP{2}) == once);
      CHECK(projected(g, r, ll::backend::OpenMP{7}) == once);

      auto small_g = g, small_r = r, small_once = once;  // by a power of two, so the bits are the same
      const TestType factor = static_cast<TestType>(0x1p-90);
      for (auto* each : {&small_g, &small_r, &small_once})
        for (TestType& value : *each) value *= factor;
      CHECK(projected(small_g, small_r) == small_once);
    }
}

TEST_CASE("a reference of zeros changes nothing, one that is not finite is an error", "[rehearsal][agem][errors]") {
  const auto g = random_vector<float>(1, 20);
  CHECK(projected(g, std::vector<float>(20)) == g);
  auto r = random_vector<float>(2, 20);
  r[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(projected(g, r), ll::NumericError);
  r[3] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(projected(g, r), ll::NumericError);
  std::vector<float> bad = g;  // of the batch: the learner names the parameter
  bad[0] = std::numeric_limits<float>::infinity();
  CHECK(projected(bad, random_vector<float>(2, 20))[0] == bad[0]);
}

TEST_CASE("A-GEM remembers every task that has ended, and draws no slot that was not written",
          "[rehearsal][agem][by_task]") {
  // Inputs are the number of the task, from 1, and labels are the same in every task. A task may be shorter than its
  // ring, or have no examples at all.
  const auto check = [](const auto& policy, std::size_t most) {
    MeanModel model(1);
    typename std::remove_cvref_t<decltype(policy)>::template State<MeanModel<>> state;
    state.resize(1);
    std::vector<double> out(1);
    for (const std::size_t examples : {30u, 2u, 0u, 30u, 7u}) {
      const auto task = static_cast<double>(state.past.finished() + 1);
      for (std::size_t n = 0; n < examples; ++n) {
        const RowBatch<> one(1, {-task});
        policy.gradient(state, ll::backend::Serial{}, model, one.batch(), std::span<double>(out));
        policy.keep(state, model, one.batch());
      }
      policy.end_task(state, model);
    }
    std::set<double> drawn;
    for (std::uint32_t task = 0; task < 5; ++task) {
      const auto of_task = state.past.examples_of(task, task + 1, ll::Random(1), 1000);
      CHECK(of_task.size <= most);
      for (const double input : of_task.inputs) CHECK(input == -static_cast<double>(task + 1));
      if (of_task.size > 0) drawn.insert(task);
    }
    CHECK(drawn == std::set<double>{0, 1, 3, 4});
  };
  check(RingAGem{.capacity = 5, .batch_size = 3}, 5);
  check(AGem{.capacity = 60, .batch_size = 3}, 60);
  check(ll::rehearsal::AGemFrom<ll::rehearsal::BalancedSelection>{.capacity = 60}, 60);
}

TEST_CASE("examples of the present task are not drawn, and the memory's gradient is that of evaluation",
          "[rehearsal][agem]") {
  ll::Learner learner{MeanModel(2), ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{1.0},
                      AGem{.capacity = 4, .batch_size = 2}};
  learner.step(RowBatch<>(2, {1, 0, 1, 0}).batch());
  learner.step(RowBatch<>(2, {-1, 1, -1, 1}).batch());  // the task has not ended: plain
  CHECK(copy(learner.parameters()) == std::vector<double>{0, -1});
  CHECK(learner.model().evaluated == 0);
  learner.consolidate();
  learner.step(RowBatch<>(2, {-1, -1, -1, -1}).batch());
  CHECK(learner.model().trained == 3);
  CHECK(learner.model().evaluated == 1);
  CHECK(learner.state().rehearsal.past.memory().size() == 4);
  CHECK(learner.state().rehearsal.bytes() == 2 * 8 + 4 * (2 * 8 + 8 + 4 * 4) + 4 * 4);
  CHECK_THAT(learner.recipe(), test::ContainsSubstring("AGem(reservoir, capacity 4, batch size 2, seed 0)"));
}

TEST_CASE("dropout and running statistics are those of plain training where nothing is violated", "[rehearsal][agem]") {
  // Two tasks of the same few examples, so their gradients agree.
  const TinyTask task(3, 12);
  const auto make = [](auto... rehearsal) {
    return ll::Learner{ll::nn::sequential<double>(ll::nn::Linear{4, 6}, ll::nn::BatchNorm{6}, ll::nn::Dropout{0.05},
                                                  ll::nn::Linear{6, 3}),
                       ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{1e-3}, rehearsal...};
  };
  auto plain = make();
  auto rehearsing = make(AGem{.capacity = 12, .batch_size = 12});
  for (int round = 0; round < 2; ++round) {
    for (int k = 0; k < 5; ++k) {
      plain.step(task.all());
      rehearsing.step(task.all());
    }
    plain.consolidate();
    rehearsing.consolidate();
  }
  CHECK(copy(plain.parameters()) == copy(rehearsing.parameters()));
  CHECK(copy(plain.model().buffers()) == copy(rehearsing.model().buffers()));
}

TEST_CASE("a step of A-GEM that is refused leaves the learner as it was", "[rehearsal][agem][errors]") {
  const TinyTask first(1, 8), second(2, 8);
  auto learner = tiny_learner(AGem{.capacity = 3, .batch_size = 2});
  learner.step(first.all());
  learner.consolidate();
  auto twin = learner;
  learner.rehearsal_policy().capacity = 4;
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { learner.step(second.all()); }),
             test::ContainsSubstring("capacity of 3 examples and holds 3, so AGem.capacity cannot become 4"));
  learner.rehearsal_policy().capacity = 3;
  CHECK_THROWS_AS(learner.step(RowBatch<>(2, {1, 2}).batch()), ll::ShapeMismatch);
  learner.step(second.all());
  twin.step(second.all());
  CHECK(copy(learner.parameters()) == copy(twin.parameters()));
  CHECK_THROWS_AS(tiny_learner(AGem{.capacity = 0}), ll::InvalidArgument);
  CHECK_THAT(test::message_of<ll::InvalidArgument>([] { tiny_learner(AGem{.batch_size = 0}); }),
             test::ContainsSubstring("AGem.batch_size"));
}

TEMPLATE_TEST_CASE("a checkpoint of A-GEM goes on with the same bits", "[rehearsal][agem][checkpoint]", AGem,
                   RingAGem) {
  const auto make = [] { return tiny_learner(TestType{.capacity = 6, .batch_size = 4, .seed = 9}); };
  auto learner = make(), resumed = make();
  const TinyTask first(1), second(2), third(3);
  learner.fit(first, {.batch_size = 5});
  learner.consolidate();
  learner.fit(second, {.batch_size = 5});
  const ll::io::Safetensors file = ll::io::checkpoint(learner);
  ll::io::restore(file, resumed);
  for (auto* each : {&learner, &resumed}) {
    each->fit(second, {.batch_size = 5});
    each->consolidate();
    each->fit(third, {.batch_size = 5});
  }
  CHECK(copy(resumed.parameters()) == copy(learner.parameters()));
  auto fresh = make();
  ll::io::restore(ll::io::checkpoint(fresh), resumed);
  for (auto* each : {&fresh, &resumed}) each->fit(first, {.batch_size = 5});
  CHECK(copy(resumed.parameters()) == copy(fresh.parameters()));

  auto damaged = learner.state().rehearsal;
  const auto refuse = [&](const std::string& name, auto change) {
    CHECK_THROWS_AS(damaged.visit(
                        [&](const std::string& which, auto& values) {
                          if (which == name)
                            values.front() = static_cast<std::remove_cvref_t<decltype(values[0])>>(change);
                        },
                        [&](const std::string& which, auto& value) {
                          if (which == name) value = static_cast<std::remove_cvref_t<decltype(value)>>(change);
                        }),
                    ll::FormatError);
  };
  refuse("example_tasks", 9);
  damaged = learner.state().rehearsal;
  refuse("examples_of_tasks", 0);
}

TEST_CASE("A-GEM gives the same bits for any number of threads", "[rehearsal][agem][threads]") {
  const auto trained = [](int threads) {
    const ll::backend::OpenMP backend{threads};
    ll::Learner learner{ll::nn::mlp<double>({4, 300, 300, 3}, {}, backend),
                        ll::importance::Constant{},
                        ll::penalty::None{},
                        ll::optimizer::Adam{},
                        AGem{.capacity = 12, .batch_size = 9},
                        backend};
    for (const std::uint64_t seed : {1u, 2u}) {
      learner.fit(TinyTask(seed), {.batch_size = 5});
      learner.consolidate();
    }
    return copy(learner.parameters());
  };
  const auto one = trained(1);
  CHECK(trained(2) == one);
  CHECK(trained(7) == one);
}

}  // namespace averaged_gem_test
