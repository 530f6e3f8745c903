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
  ll::AlignedVector<float> theta = ll::AlignedVector<float>(12 * ll::block_size + 5, 1.0f);
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
  REQUIRE(message_of<ll::NumericError>([&] { learner.step(task.all()); }) == "the loss is nan in step 2");
  REQUIRE(message_of<ll::NumericError>([&] { learner.consolidate(task); }).find("the importance of parameter 0") == 0);
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
  for (int task = 0; task < 5; ++task) learner.consolidate();
  REQUIRE(learner.state_bytes() == 6 * count * sizeof(double));
}
