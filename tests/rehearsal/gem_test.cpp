// SPDX-License-Identifier: MIT
// GEM: its gradient is the slow one, and goes against no task that has ended.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn/layer/heads.hpp>
#include <lifelong/nn/sequential.hpp>
#include <lifelong/rehearsal/averaged_gem.hpp>
#include <lifelong/rehearsal/gem.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "learner_values.hpp"
#include "mean_model.hpp"
#include "tiny_model.hpp"

namespace gem_test {

namespace ll = lifelong;
using ll::rehearsal::Gem;
using ReservoirGem = ll::rehearsal::GemFrom<ll::rehearsal::UniformSelection>;
using test::MeanModel;
using test::RowBatch;
using test::TinyModel;
using test::TinyTask;

static_assert(ll::RehearsalPolicy<Gem, TinyModel> && ll::RehearsalPolicy<ReservoirGem, MeanModel<float>>);

namespace {

using Rows = std::vector<std::vector<double>>;

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<long double>(a[i]) * static_cast<long double>(b[i]);
  return static_cast<double>(sum);
}
double length(const std::vector<double>& a) { return std::sqrt(dot(a, a)); }

std::vector<double> random_vector(std::uint64_t seed, std::size_t size) {
  const ll::Random random(seed);
  std::vector<double> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = random.normal(i);
  return values;
}

/// What `TaskGradients::project` makes of g.
template <class T = double, class Backend = ll::backend::Serial>
std::vector<T> projected(std::vector<T> g, const std::vector<std::vector<T>>& rows, double margin = 0, double after = 0,
                         const Backend& backend = {}) {
  MeanModel<T> model(g.size());
  ll::rehearsal::TaskGradients<T> gradients;
  gradients.resize(g.size());
  gradients.prepare(rows.size(), g.size());
  for (std::size_t k = 0; k < rows.size(); ++k) std::copy(rows[k].begin(), rows[k].end(), gradients[k].begin());
  const ll::rehearsal::GradientArithmetic arithmetic(model, backend, gradients.partials());
  gradients.project(arithmetic, rows.size(), margin, after, std::span<T>(g));
  return g;
}

/// The same by coordinate descent on the weights, with g̃ at hand.
std::vector<double> slowly_projected(std::vector<double> g, const Rows& rows, double margin, double after) {
  bool violated = false;
  for (const auto& row : rows) violated = violated || dot(g, row) < 0;
  if (!violated) return g;
  const auto add = [&](double weight, const std::vector<double>& row) {
    for (std::size_t i = 0; i < g.size(); ++i) g[i] += weight * row[i];
  };
  std::vector<double> v(rows.size(), margin);
  for (const auto& row : rows) add(margin, row);
  for (int round = 0; round < 20000; ++round)
    for (std::size_t k = 0; k < rows.size(); ++k) {
      if (dot(rows[k], rows[k]) == 0) continue;
      const double next = std::max(margin, v[k] - dot(g, rows[k]) / dot(rows[k], rows[k]));
      add(next - v[k], rows[k]);
      v[k] = next;
    }
  for (const auto& row : rows) add(after, row);
  return g;
}

/// Gradients of tasks that are kept, all examples of each, one sample at a time.
template <class State>
Rows slow_rows(const State& state, TinyModel model) {
  const auto& memory = state.past.memory();
  Rows rows;
  ll::BatchBuffer<double> buffer;
  std::vector<double> one(model.theta.size());
  for (std::uint32_t task = 0; task < memory.selection().present(); ++task) {
    std::vector<double> row(model.theta.size());
    double count = 0;
    for (std::size_t i = 0; i < memory.size(); ++i) {
      if (memory.selection().tasks()[i] != task) continue;
      buffer.resize(1, memory.features(), memory.targets());
      memory.read(i, buffer.row(0, 0));
      model.gradient(buffer.batch(), one);
      for (std::size_t k = 0; k < row.size(); ++k) row[k] += one[k];
      ++count;
    }
    for (double& value : row) value /= count;
    if (count > 0) rows.push_back(row);
  }
  return rows;
}

template <class Rehearsal>
auto tiny_learner(Rehearsal rehearsal) {
  return ll::Learner{TinyModel(), ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Momentum{},
                     rehearsal};
}

}  // namespace

TEMPLATE_TEST_CASE("GEM's gradient is the slow one", "[rehearsal][gem]", Gem, ReservoirGem) {
  for (const double margin : {0.0, 0.5}) {
    const TestType policy{.capacity = 8, .batch_size = 8, .margin = margin, .add_after = margin == 0 ? 0.25 : 0.0};
    typename TestType::template State<TinyModel> state;
    TinyModel model;
    state.resize(model.theta.size());
    std::vector<double> out(model.theta.size()), plain(out.size());
    std::size_t violations = 0;
    for (std::uint64_t task = 0; task < 4; ++task) {
      const TinyTask data(task + 1, task == 1 ? 4 : 16);  // one is shorter than its ring
      for (std::size_t n = 0; n + 4 <= data.size(); n += 4) {
        const ll::Batch<double> batch = data.all().slice(n, 4);
        const double loss = policy.gradient(state, ll::backend::Serial{}, model, batch, std::span<double>(out));
        CHECK(loss == model.gradient(batch, plain));
        const auto slow = slowly_projected(plain, slow_rows(state, model), margin, policy.add_after);
        for (std::size_t i = 0; i < out.size(); ++i) REQUIRE_THAT(out[i], test::WithinAbs(slow[i], 1e-9));
        violations += plain != out ? 1u : 0u;
        policy.keep(state, model, batch);
        for (std::size_t i = 0; i < out.size(); ++i) model.theta[i] -= 0.3 * out[i];
      }
      policy.end_task(state, model);
    }
    CHECK(violations > 3);
  }
}

TEST_CASE("a projected gradient goes against no task, and stays where it is", "[rehearsal][gem]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto g = random_vector(seed, 30);
    Rows rows;
    for (std::uint64_t k = 0; k < 1 + seed; ++k) rows.push_back(random_vector(100 * seed + k + 50, 30));
    if (seed > 2) rows[1] = rows[0];
    if (seed > 3) rows[2].assign(30, 0.0);
    if (seed > 4)
      for (double& value : rows[3]) value *= 1e-6;
    for (const double margin : {0.0, 0.5}) {
      const auto once = projected(g, rows, margin);
      for (const auto& row : rows) CHECK(dot(once, row) >= -1e-10 * length(g) * length(row));
      CHECK(test::difference(once, slowly_projected(g, rows, margin, 0)) < 1e-8);

      auto small_g = g, small_once = once;
      Rows small_rows = rows;
      for (auto* each : {&small_g, &small_once})
        for (double& value : *each) value *= 0x1p-20;
      for (auto& row : small_rows)
        for (double& value : row) value *= 0x1p-20;
      CHECK(projected(small_g, small_rows, margin) == small_once);
    }
    const auto once = projected(g, rows);
    CHECK(test::difference(projected(once, rows), once) < 1e-10);
    CHECK(test::difference(projected(g, rows, 0, 0.25), slowly_projected(g, rows, 0, 0.25)) < 1e-8);
  }
}

TEST_CASE("without a violation a gradient keeps its bits, whatever the margin", "[rehearsal][gem]") {
  const std::vector<double> g{1, 2, 3};
  CHECK(projected(g, Rows{{1, 0, 0}, {0, 1, -0.5}, {0, 0, 0}}, 0.5, 0.5) == g);
  CHECK(projected(g, Rows{}, 0.5, 0.5) == g);
  // With one, each task's gradient is added, at least half.
  CHECK(projected(g, Rows{{1, 0, 0}, {0, -2, 0}}, 0.5) == std::vector<double>{1.5, 0, 3});
  CHECK(projected(g, Rows{{1, 0, 0}, {0, -2, 0}}, 0, 0.5) == std::vector<double>{1.5, -1, 3});
}

TEST_CASE("with one task and no margin GEM is A-GEM", "[rehearsal][gem][agem]") {
  const TinyTask first(1), second(2);
  auto gem = tiny_learner(Gem{.capacity = 7, .batch_size = 7, .margin = 0});
  auto averaged = tiny_learner(ll::rehearsal::RingAGem{.capacity = 7, .batch_size = 7});
  auto plain = tiny_learner(ll::rehearsal::None{});
  const auto train = [&](auto& learner) {
    learner.fit(first, {.batch_size = 5});
    learner.consolidate();
    learner.fit(second, {.epochs = 3, .batch_size = 5});
    return test::parameters_of(learner);
  };
  const auto by_gem = train(gem);
  CHECK(test::difference(by_gem, train(averaged)) < 1e-12);
  CHECK(test::difference(by_gem, train(plain)) > 1e-3);
}

TEST_CASE("GEM asks every task that has ended, with the same labels in each and with a short one", "[rehearsal][gem]") {
  // Task k moves θ_k alone. The last batch goes against all four; the second task has one example.
  ll::Learner learner{MeanModel(4), ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{1.0},
                      Gem{.capacity = 3, .batch_size = 2, .margin = 0}};
  for (std::size_t task = 0; task < 4; ++task) {
    std::vector<double> row(4);
    row[task] = 1;
    for (int n = 0; n < (task == 1 ? 1 : 5); ++n) learner.step(RowBatch<>(4, row).batch());
    learner.consolidate();
  }
  const auto before = test::parameters_of(learner);
  learner.step(RowBatch<>(4, {-1, -2, -3, -4}).batch());
  CHECK(test::parameters_of(learner) == before);
  CHECK(learner.model().evaluated == 1 * 1 + 5 * 2 + 5 * 3 + 1 * 4);
  CHECK(learner.state().rehearsal.past.memory().size() == 3 + 1 + 3 + 3 + 1);
  CHECK(learner.state().rehearsal.bytes() == 4 * 4 * 8 + learner.state().rehearsal.past.memory().bytes());
  CHECK_THAT(learner.recipe(),
             test::ContainsSubstring("Gem(ring per task, capacity 3, batch size 2, seed 0, margin 0, add after 0)"));
}

TEST_CASE("GEM refuses settings and gradients that are not finite", "[rehearsal][gem][errors]") {
  CHECK_THROWS_AS(tiny_learner(Gem{.capacity = 0}), ll::InvalidArgument);
  CHECK_THROWS_AS(tiny_learner(Gem{.batch_size = 0}), ll::InvalidArgument);
  CHECK_THROWS_AS(tiny_learner(Gem{.margin = -1}), ll::InvalidArgument);
  CHECK_THROWS_AS(tiny_learner(Gem{.add_after = std::numeric_limits<double>::quiet_NaN()}), ll::InvalidArgument);
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THAT(test::message_of<ll::NumericError>([&] {
               projected({1.0, 2.0}, Rows{{1, 0}, {infinity, 0}});
             }),
             test::ContainsSubstring("task 1"));
  CHECK(projected({infinity, 2.0}, Rows{{1, 0}})[1] == 2);  // the learner names the parameter

  auto learner = tiny_learner(Gem{.capacity = 3});
  learner.step(TinyTask(1, 4).all());
  learner.rehearsal_policy().capacity = 4;
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { learner.step(TinyTask(1, 4).all()); }),
             test::ContainsSubstring("Gem.capacity cannot become 4"));
}

TEST_CASE("GEM goes on from a checkpoint with the same bits, also when outputs grow", "[rehearsal][gem][checkpoint]") {
  const auto make = [] { return tiny_learner(Gem{.capacity = 6, .batch_size = 4, .seed = 9}); };
  auto learner = make(), resumed = make();
  for (const std::uint64_t seed : {1u, 2u}) {
    learner.fit(TinyTask(seed), {.batch_size = 5});
    learner.consolidate();
  }
  learner.fit(TinyTask(3), {.batch_size = 5});
  ll::io::restore(ll::io::checkpoint(learner), resumed);
  for (auto* each : {&learner, &resumed}) {
    each->fit(TinyTask(3), {.batch_size = 5});
    each->consolidate();
    each->fit(TinyTask(4), {.batch_size = 5});
  }
  CHECK(test::parameters_of(resumed) == test::parameters_of(learner));

  ll::Learner growing{ll::nn::sequential<double>(ll::nn::Linear{4, 6}, ll::nn::Tanh{}, ll::nn::Heads{6, {3}}),
                      ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Adam{}, Gem{.capacity = 6}};
  for (const std::uint64_t seed : {1u, 2u}) {
    growing.fit(TinyTask(seed), {.batch_size = 5});
    growing.consolidate();
    if (seed == 2) growing.grow(2);
  }
  growing.fit(TinyTask(3, 23, 5), {.batch_size = 5});
  CHECK(growing.state().rehearsal.gradients.bytes() == 2 * growing.parameters().size() * sizeof(double));
}

TEST_CASE("GEM gives the same bits for any number of threads, in float too", "[rehearsal][gem][threads]") {
  std::vector<float> g(100003);
  std::vector<std::vector<float>> rows(3, g);
  const ll::Random random(1);
  for (std::size_t i = 0; i < g.size(); ++i) {
    g[i] = static_cast<float>(random.normal(4 * i));
    for (std::size_t k = 0; k < 3; ++k) rows[k][i] = static_cast<float>(random.normal(4 * i + k + 1)) - g[i] / 8;
  }
  const auto one = projected(g, rows, 0.5);
  CHECK(one != g);
  CHECK(projected(g, rows, 0.5, 0, ll::backend::OpenMP{2}) == one);
  CHECK(projected(g, rows, 0.5, 0, ll::backend::OpenMP{7}) == one);
  for (const auto& row : rows) {
    double product = 0, square = 0, row_square = 0;
    for (std::size_t i = 0; i < g.size(); ++i) {
      product += static_cast<double>(one[i]) * static_cast<double>(row[i]);
      square += static_cast<double>(one[i]) * static_cast<double>(one[i]);
      row_square += static_cast<double>(row[i]) * static_cast<double>(row[i]);
    }
    CHECK(product >= -1e-7 * std::sqrt(square * row_square));
  }
}

}  // namespace gem_test
