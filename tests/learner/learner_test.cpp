// SPDX-License-Identifier: MIT
// The learner as a whole: what its steps, tasks and errors promise.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace learner_test {

namespace ll = lifelong;
using ll::importance::Constant;
using ll::importance::Fisher;
using ll::importance::SynapticIntelligence;
using ll::penalty::Quadratic;
using test::TinyModel;
using test::TinyTask;

namespace {

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }

/// Parameters after two tasks.
template <class Importance, class Penalty, class Optimizer = ll::optimizer::Adam, class Backend = ll::backend::Serial>
std::vector<double> trained(Importance importance, Penalty penalty, Optimizer optimizer = {}, Backend backend = {}) {
  ll::Learner learner{TinyModel(), importance, penalty, optimizer, backend};
  for (std::uint64_t task = 1; task <= 2; ++task) {
    learner.fit(TinyTask(task), {.epochs = 6, .batch_size = 5});
    learner.consolidate(TinyTask(task));
  }
  return copy(learner.parameters());
}

template <class Error, class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// A quadratic bowl of many parameters, to have more than a few blocks.
struct Bowl {
  using value_type = float;
  ll::AlignedVector<float> theta = ll::AlignedVector<float>(12 * ll::chunk_size + 5, 1.0f);
  std::span<float> parameters() { return theta; }
  double gradient(const ll::Batch<float>& batch, std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = theta[i] * (1 + batch.inputs[i % batch.features]);
    return 1;
  }
};

}  // namespace

TEST_CASE("strength 0, importance 0 and no penalty are the same training, bit for bit", "[learner]") {
  const auto plain = trained(Constant{}, ll::penalty::None{});
  REQUIRE(trained(Fisher{}, Quadratic{.strength = 0}) == plain);
  REQUIRE(trained(Constant{.value = 0}, Quadratic{.strength = 1e9}) == plain);
}

TEST_CASE("EWC, MAS, SI and L2 each train differently from fine-tuning and from each other", "[learner]") {
  const std::vector<std::vector<double>> runs{
      trained(Constant{}, ll::penalty::None{}), trained(Fisher{}, Quadratic{.strength = 30}),
      trained(ll::importance::Mas{}, Quadratic{.strength = 30}),
      trained(SynapticIntelligence{}, Quadratic{.strength = 30}), trained(Constant{}, Quadratic{.strength = 30})};
  for (std::size_t a = 0; a < runs.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) REQUIRE(runs[a] != runs[b]);
}

TEST_CASE("a huge uniform importance keeps the network where it was", "[learner]") {
  ll::Learner learner{TinyModel(), Constant{}, Quadratic{.strength = 1e6}, ll::optimizer::Sgd{.learning_rate = 5e-7}};
  learner.consolidate();
  const auto before = copy(learner.parameters());
  learner.fit(TinyTask(1), {.epochs = 200});
  for (std::size_t i = 0; i < before.size(); ++i)
    REQUIRE_THAT(learner.parameters()[i], test::WithinAbs(before[i], 1e-5));
}

TEST_CASE("own loop, batches and fit are the same steps", "[learner]") {
  const TinyTask task(1, 20);
  ll::Learner fitted{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Momentum{}};
  auto stepped = fitted, looped = fitted;
  fitted.fit(task, {.epochs = 2, .batch_size = 20, .shuffle = false});
  std::vector<double> gradient(looped.parameters().size());
  for (int epoch = 0; epoch < 2; ++epoch) {
    stepped.step(task.all());
    looped.model().gradient(task.all(), gradient);
    looped.step(std::span<const double>(gradient));
  }
  REQUIRE(copy(stepped.parameters()) == copy(fitted.parameters()));
  REQUIRE(copy(looped.parameters()) == copy(fitted.parameters()));
  fitted.consolidate(task);
  stepped.consolidate(std::vector<ll::Batch<double>>{task.all()});
  REQUIRE(copy(stepped.importance()) == copy(fitted.importance()));
}

TEST_CASE("the callback sees every step, and may end the training by throwing", "[learner]") {
  ll::Learner learner{TinyModel(), Constant{}, Quadratic{}, ll::optimizer::Sgd{}};
  std::vector<std::size_t> epochs;
  learner.fit(TinyTask(1, 23), {.epochs = 2, .batch_size = 10}, [&](const ll::FitProgress& progress) {
    epochs.push_back(progress.epoch);
    REQUIRE(progress.step == epochs.size());
    REQUIRE(progress.steps == 6);
    REQUIRE(progress.loss > 0);
  });
  REQUIRE(epochs == std::vector<std::size_t>{0, 0, 0, 1, 1, 1});
  struct Stop {};
  int steps = 0;
  const auto stop = [&](const ll::FitProgress&) {
    if (++steps == 2) throw Stop{};
  };
  REQUIRE_THROWS_AS(learner.fit(TinyTask(1), {.epochs = 5}, stop), Stop);
  REQUIRE(steps == 2);
}

TEST_CASE("shuffling is by seed and differs from epoch to epoch", "[learner]") {
  const auto run = [](ll::FitOptions options) {
    ll::Learner learner{TinyModel(), Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{}};
    std::vector<double> losses;
    options.epochs = 2;
    options.batch_size = 4;
    learner.fit(TinyTask(1), options, [&](const ll::FitProgress& progress) { losses.push_back(progress.loss); });
    return losses;
  };
  REQUIRE(run({.seed = 1}) == run({.seed = 1}));
  ll::Learner still{TinyModel(), Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{.learning_rate = 0}};
  std::vector<double> losses;
  const auto record = [&](const ll::FitProgress& progress) { losses.push_back(progress.loss); };
  still.fit(TinyTask(1), {.epochs = 2, .batch_size = 4}, record);
  const auto half = losses.begin() + static_cast<std::ptrdiff_t>(losses.size() / 2);
  REQUIRE_FALSE(std::equal(losses.begin(), half, half));
  REQUIRE(run({.seed = 1}) != run({.seed = 2}));
  REQUIRE(run({.seed = 1}) != run({.shuffle = false}));
}

TEST_CASE("a task of one class works", "[learner]") {
  ll::Learner learner{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Adam{}};
  const TinyTask task(1, 12, 1);
  learner.fit(task, {.epochs = 3});
  learner.consolidate(task);
  for (const double omega : learner.importance()) REQUIRE((std::isfinite(omega) && omega >= 0));
  REQUIRE(ll::accuracy(learner.model(), task) >= 0);
}

TEST_CASE("training is bitwise equal for any number of threads", "[learner][threads]") {
  const std::vector<float> inputs{0.5f, -0.25f, 2.0f};
  const ll::Batch<float> batch{1, 3, inputs};
  const auto run = [&](auto backend) {
    ll::Learner learner{Bowl{}, SynapticIntelligence{}, Quadratic{.strength = 0.5}, ll::optimizer::Adam{}, backend};
    std::vector<double> penalties;
    for (int task = 0; task < 3; ++task) {
      for (int step = 0; step < 4; ++step) penalties.push_back(learner.step(batch).penalty);
      learner.consolidate();
    }
    std::vector<float> state(learner.parameters().begin(), learner.parameters().end());
    state.insert(state.end(), learner.importance().begin(), learner.importance().end());
    return std::pair(state, penalties);
  };
  const auto serial = run(ll::backend::Serial{});
  REQUIRE(serial.second.back() > 0);
  for (const int threads : {1, 2, 3, 4}) REQUIRE(run(ll::backend::OpenMP{threads}) == serial);
}

TEST_CASE("an empty task is an error and changes nothing", "[learner][errors]") {
  ll::Learner learner{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Sgd{}};
  const TinyTask empty(1, 0);
  REQUIRE(message_of<ll::InvalidArgument>([&] { learner.fit(empty); }) == "fit: the task has no examples");
  REQUIRE(message_of<ll::InvalidArgument>([&] { learner.consolidate(empty); }) ==
          "consolidate: the task has no examples");
  REQUIRE(message_of<ll::InvalidArgument>([&] { learner.consolidate(std::vector<ll::Batch<double>>{}); }) ==
          "consolidate: the task has no examples");
  REQUIRE_THROWS_AS(learner.fit(TinyTask(1), {.batch_size = 0}), ll::InvalidArgument);
  REQUIRE(learner.tasks() == 0);
}

TEST_CASE("bad numbers are found in their step, named, and change nothing", "[learner][errors]") {
  ll::Learner learner{TinyModel(), Fisher{}, Quadratic{}, ll::optimizer::Adam{}};
  learner.step(TinyTask(1).all());
  const auto before = copy(learner.parameters());
  auto untouched = learner;
  for (std::size_t i = 0; i < before.size(); ++i)
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      std::vector<double> gradient(before.size(), 0.1);
      gradient[i] = bad;
      const auto text = message_of<ll::NumericError>([&] { learner.step(std::span<const double>(gradient)); });
      REQUIRE(text == "the gradient of parameter " + std::to_string(i) + " is " + (std::isnan(bad) ? "nan" : "inf") +
                          " in step 2");
      REQUIRE(copy(learner.parameters()) == before);
    }
  TinyTask task(1);
  task.inputs[0] = std::nan("");
  REQUIRE(message_of<ll::NumericError>([&] { learner.step(task.all()); }) == "sample 0, feature 0 of the batch is nan");
  REQUIRE(message_of<ll::NumericError>([&] { learner.consolidate(task); }) == "example 0, feature 0 is nan");
  REQUIRE_THROWS_AS(learner.step(std::span<const double>(before).first(3)), ll::ShapeMismatch);
  learner.step(TinyTask(2).all());
  untouched.step(TinyTask(2).all());
  REQUIRE(copy(learner.parameters()) == copy(untouched.parameters()));
  REQUIRE(copy(learner.importance()) == copy(untouched.importance()));
}

TEST_CASE("a step that overflows the parameters is reported in that step", "[learner][errors]") {
  ll::Learner learner{TinyModel(), Constant{}, Quadratic{}, ll::optimizer::Sgd{.learning_rate = 1e300}};
  const std::vector<double> huge(learner.parameters().size(), 1e300);
  REQUIRE(message_of<ll::NumericError>([&] {
            learner.step(std::span<const double>(huge));
          }).find("the step was too large: parameter 0 is -inf in step 1") == 0);
}

TEST_CASE("importances by hand: one per parameter", "[learner]") {
  ll::Learner learner{TinyModel(), Constant{}, Quadratic{.strength = 2}, ll::optimizer::Sgd{}};
  std::vector<double> importance(learner.parameters().size());
  importance[3] = 5;
  learner.set_importance(importance);
  learner.parameters()[3] += 0.5;
  learner.parameters()[4] += 0.5;
  REQUIRE_THAT(learner.penalty_value(), test::WithinRel(2.0 / 2 * 5 * 0.25, 1e-12));
  importance[0] = std::nan("");
  REQUIRE_THROWS_AS(learner.set_importance(importance), ll::NumericError);
  REQUIRE_THROWS_AS(learner.set_importance(std::span<const double>(importance).first(2)), ll::ShapeMismatch);
}

TEST_CASE("state does not grow with the number of tasks", "[learner]") {
  ll::Learner learner{TinyModel(), SynapticIntelligence{}, Quadratic{}, ll::optimizer::Adam{}};
  const std::size_t count = learner.parameters().size();
  REQUIRE(learner.state_bytes() == 6 * count * sizeof(double));
  for (std::uint64_t task = 0; task < 5; ++task) {
    learner.step(TinyTask(task).all());
    learner.consolidate();
  }
  REQUIRE(learner.state_bytes() == 6 * count * sizeof(double));
}

TEST_CASE("importance from data as it arrives: what is kept, what is added, and the anchor where it was", "[learner]") {
  for (const auto anchor : {ll::penalty::Anchor::last, ll::penalty::Anchor::per_task})
    for (const ll::importance::MergeWeights weights : {ll::importance::MergeWeights{}, {0.75, 0.25}, {0, 1}}) {
      ll::Learner learner{TinyModel(), ll::importance::Mas{}, Quadratic{.strength = 3, .anchor = anchor},
                          ll::optimizer::Sgd{.learning_rate = 0.1}};
      for (std::uint64_t task = 1; task <= 2; ++task) {
        learner.fit(TinyTask(task), {.epochs = 3});
        learner.consolidate(TinyTask(task));
      }
      learner.fit(TinyTask(3), {.epochs = 3});
      const auto omega = copy(learner.importance()), star = copy(learner.anchor()), theta = copy(learner.parameters());
      const double before = learner.penalty_value();
      ll::Learner lone{learner.model(), ll::importance::Mas{}, Quadratic{}, ll::optimizer::Sgd{}};
      lone.consolidate(TinyTask(4));

      learner.update_importance(TinyTask(4), weights);
      REQUIRE(learner.tasks() == 2);
      REQUIRE(copy(learner.parameters()) == theta);
      double added = 0;
      for (std::size_t i = 0; i < omega.size(); ++i) {
        REQUIRE_THAT(learner.importance()[i],
                     test::WithinRel(weights.keep * omega[i] + weights.add * lone.importance()[i], 1e-14));
        REQUIRE(learner.anchor()[i] == star[i]);
        const double move = theta[i] - star[i];
        added += 3.0 / 2 * lone.importance()[i] * move * move;
      }
      // The penalty that was, with what anchors per task have beyond the collapsed one, and the new one at θ*.
      REQUIRE_THAT(learner.penalty_value(), test::WithinRel(weights.keep * before + weights.add * added, 1e-12));
    }
}

TEST_CASE("MAS takes examples and batches without labels", "[learner]") {
  const TinyTask task(4);
  const auto importance_on = [](auto&& data) {
    ll::Learner learner{TinyModel(), ll::importance::Mas{}, Quadratic{}, ll::optimizer::Sgd{}};
    learner.update_importance(data);
    return copy(learner.importance());
  };
  const auto labelled = importance_on(task);
  REQUIRE(std::ranges::any_of(labelled, [](double value) { return value > 0; }));
  REQUIRE(importance_on(std::vector<ll::Batch<double>>{{task.size(), 4, task.inputs}}) == labelled);
  struct Unlabelled : TinyTask {
    void read(std::size_t i, ll::ExampleRow<double> row) const {
      REQUIRE(row.label == -1);
      for (std::size_t k = 0; k < width; ++k) row.inputs[k] = inputs[i * width + k];
    }
  };
  REQUIRE(importance_on(Unlabelled{task}) == labelled);
  ll::Learner empirical{TinyModel(), Fisher{.labels = ll::importance::Labels::empirical}, Quadratic{},
                        ll::optimizer::Sgd{}};
  REQUIRE_THROWS_AS(empirical.update_importance(Unlabelled{task}), ll::InvalidArgument);
}

TEST_CASE("a running mean of importances stays of one size, however much data arrives", "[learner]") {
  ll::Learner learner{TinyModel(), ll::importance::Mas{}, Quadratic{}, ll::optimizer::Sgd{}};
  ll::Learner once = learner;
  once.update_importance(TinyTask(1));
  for (int k = 0; k < 200; ++k) learner.update_importance(TinyTask(1), {.keep = 0.9, .add = 0.1});
  for (std::size_t i = 0; i < learner.importance().size(); ++i)
    REQUIRE_THAT(learner.importance()[i], test::WithinRel(once.importance()[i], 1e-6));
}

TEST_CASE("the learning rate falls linearly over a call of fit and is given back", "[learner]") {
  const TinyTask task(1, 24);
  ll::Learner learner{TinyModel{}, Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{.learning_rate = 0.2}};
  std::vector<double> rates;
  const auto note = [&](const ll::FitProgress&) { rates.push_back(learner.optimizer_policy().learning_rate); };
  learner.fit(task,
              {.epochs = 2, .batch_size = 6, .schedule = {.decay = ll::optimizer::Decay::linear, .final_share = 0.5}},
              note);
  REQUIRE(rates.size() == 8);
  for (std::size_t k = 0; k < 8; ++k)
    CHECK_THAT(rates[k], test::WithinRel(0.2 * (1 - 0.5 * static_cast<double>(k) / 8), 1e-15));
  CHECK(learner.optimizer_policy().learning_rate == 0.2);
  struct Stop {};
  const auto stop = [](const ll::FitProgress& at) {
    if (at.step == 2) throw Stop{};
  };
  const ll::FitOptions falling{.batch_size = 6, .schedule = {.decay = ll::optimizer::Decay::linear, .final_share = 0}};
  CHECK_THROWS_AS(learner.fit(task, falling, stop), Stop);
  CHECK(learner.optimizer_policy().learning_rate == 0.2);
  for (const double share : {1.5, -0.1}) {
    const ll::FitOptions refused{.schedule = {.decay = ll::optimizer::Decay::linear, .final_share = share}};
    CHECK_THROWS_AS(learner.fit(task, refused), ll::InvalidArgument);
  }
}

TEST_CASE("a failed update of the importance changes nothing", "[learner][errors]") {
  ll::Learner learner{TinyModel(), ll::importance::Mas{}, Quadratic{}, ll::optimizer::Sgd{}};
  learner.consolidate(TinyTask(1));
  const auto before = copy(learner.importance());
  TinyTask task(2);
  REQUIRE(message_of<ll::InvalidArgument>([&] { learner.update_importance(TinyTask(1, 0)); }) ==
          "update_importance: the task has no examples");
  REQUIRE(message_of<ll::InvalidArgument>([&] { learner.update_importance(std::vector<ll::Batch<double>>{}); }) ==
          "update_importance: the task has no examples");
  REQUIRE(message_of<ll::InvalidArgument>([&] { learner.update_importance(task, {.keep = -1}); }) ==
          "MergeWeights.keep must be a finite number of at least 0, but is -1");
  REQUIRE(message_of<ll::InvalidArgument>([&] { learner.update_importance(task, {.add = std::nan("")}); }) ==
          "MergeWeights.add must be a finite number of at least 0, but is nan");
  REQUIRE_THROWS_AS(learner.update_importance(task, {}, {.batch_size = 0}), ll::InvalidArgument);
  task.inputs[0] = std::nan("");
  REQUIRE(message_of<ll::NumericError>([&] { learner.update_importance(task); }) == "example 0, feature 0 is nan");
  REQUIRE(copy(learner.importance()) == before);
}

}  // namespace learner_test
