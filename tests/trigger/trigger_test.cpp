// SPDX-License-Identifier: MIT
// Triggers say when to consolidate where nobody says that a task ends; recent examples say on what.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"
#include "tiny_model.hpp"

namespace trigger_test {

namespace ll = lifelong;
using ll::trigger::EverySteps;
using ll::trigger::LossDrift;
using ll::trigger::LossPlateau;

namespace {

/// The steps, from 0, at which a trigger fires.
template <class Trigger>
std::vector<std::size_t> fires(Trigger trigger, const std::vector<double>& losses) {
  std::vector<std::size_t> steps;
  for (std::size_t t = 0; t < losses.size(); ++t)
    if (trigger(losses[t])) steps.push_back(t);
  return steps;
}

/// A stream of tasks of random length: each starts with a high loss that decays to a floor, all under noise.
std::vector<double> bumpy_losses(std::uint64_t seed) {
  const ll::Random random(seed);
  std::vector<double> losses;
  std::uint64_t draw = 0;
  for (int task = 0; task < 12; ++task) {
    const auto length = 20 + random.below(draw++, 150);
    const double top = 0.3 + 2 * random.uniform(draw++), rate = 0.02 + 0.1 * random.uniform(draw++);
    for (std::uint64_t t = 0; t < length; ++t)
      losses.push_back(0.2 + top * std::exp(-rate * static_cast<double>(t)) + 0.05 * random.normal(draw++));
  }
  return losses;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// As the paper tells it, with the window copied out anew at every step.
std::vector<std::size_t> slow_plateaus(const std::vector<double>& losses, const LossPlateau::Options& options) {
  std::vector<std::size_t> steps;
  std::vector<double> plateau;  // the window of the last one, while its peak is awaited
  for (std::size_t t = options.window; t <= losses.size(); ++t) {
    const std::vector<double> window(losses.begin() + static_cast<std::ptrdiff_t>(t - options.window),
                                     losses.begin() + static_cast<std::ptrdiff_t>(t));
    const auto variance = [](const std::vector<double>& values) {
      std::vector<double> squares;
      for (const double value : values) squares.push_back(value * value);
      return std::max(0.0, mean_of(squares) - mean_of(values) * mean_of(values));  // rounding may leave it below 0
    };
    if (!plateau.empty() && mean_of(window) > mean_of(plateau) + std::sqrt(variance(plateau))) plateau.clear();
    if (!plateau.empty()) continue;
    if (mean_of(window) < options.mean_threshold && variance(window) < options.variance_threshold) {
      steps.push_back(t - 1);
      plateau = window;
    }
  }
  return steps;
}

/// The Page-Hinkley test by its definition: every sum from its start at every step.
std::vector<std::size_t> slow_drifts(const std::vector<double>& losses, const LossDrift::Options& options) {
  std::vector<std::size_t> steps;
  std::size_t start = 0;
  for (std::size_t t = 0; t < losses.size(); ++t) {
    double rise = 0, least = 0;
    for (std::size_t s = start; s <= t; ++s) {
      const std::vector<double> until(losses.begin() + static_cast<std::ptrdiff_t>(start),
                                      losses.begin() + static_cast<std::ptrdiff_t>(s + 1));
      rise += losses[s] - mean_of(until) - options.tolerance;
      least = std::min(least, rise);
    }
    if (t + 1 - start >= options.warm_up && rise - least > options.threshold) {
      steps.push_back(t);
      start = t + 1;
    }
  }
  return steps;
}

template <class T>
struct Row {
  std::vector<T> inputs, targets;
  std::int32_t label = -1;
  ll::OutputRange active = {};
  T weight = 1;
  std::uint32_t length = 0;
};

template <class T>
Row<T> read(const ll::RecentExamples<T>& recent, std::size_t i) {
  Row<T> row{std::vector<T>(recent.features()), std::vector<T>(recent.targets())};
  recent.read(i, {row.inputs, row.label, row.targets, row.active, row.weight, row.length});
  return row;
}

}  // namespace

TEST_CASE("every n-th step is every n-th step", "[trigger]") {
  REQUIRE(fires(EverySteps(3), std::vector<double>(10, 0.5)) == std::vector<std::size_t>{2, 5, 8});
  REQUIRE(fires(EverySteps(1), std::vector<double>(3, 0.5)) == std::vector<std::size_t>{0, 1, 2});
  REQUIRE(test::message_of<ll::InvalidArgument>([] { EverySteps(0); }) ==
          "EverySteps.n must be a finite number of at least 1, but is 0");
}

TEST_CASE("a plateau fires once, and again only after a peak", "[trigger]") {
  std::vector<double> losses;
  const auto add = [&](std::size_t count, double loss, double ripple) {
    for (std::size_t t = 0; t < count; ++t) losses.push_back(loss + (t % 2 == 0 ? ripple : -ripple));
  };
  add(10, 2, 0);        // high
  add(40, 0.1, 0.01);   // plateau: fires when the window has left the high losses, at step 10 + 5 - 1
  add(30, 0.05, 0.01);  // lower still: no peak in between
  add(10, 2, 0);        // peak
  add(20, 0.1, 0.5);    // low but restless
  add(20, 0.1, 0.01);   // fires
  const LossPlateau trigger({.window = 5, .mean_threshold = 0.2, .variance_threshold = 0.01});
  REQUIRE(fires(trigger, losses) == std::vector<std::size_t>{14, 114});
}

TEST_CASE("plateaus are found at the steps of the slow version", "[trigger]") {
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (const std::size_t window : {1u, 5u, 16u}) {
      const LossPlateau::Options options{.window = window, .mean_threshold = 0.35, .variance_threshold = 0.006};
      const auto losses = bumpy_losses(seed);
      const auto steps = fires(LossPlateau(options), losses);
      REQUIRE(steps == slow_plateaus(losses, options));
      found += steps.size();
    }
  REQUIRE(found > 200);
}

TEST_CASE("the Page-Hinkley test fires at the steps of its definition", "[trigger]") {
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const LossDrift::Options options{.threshold = 2, .tolerance = 0.02, .warm_up = 15};
    const auto losses = bumpy_losses(seed);
    const auto steps = fires(LossDrift(options), losses);
    REQUIRE(steps == slow_drifts(losses, options));
    found += steps.size();
  }
  REQUIRE(found > 20);
}

TEST_CASE("a rising loss is a drift, a steady or falling one is none", "[trigger]") {
  const ll::Random random(3);
  std::vector<double> steady, falling, rising;
  for (std::size_t t = 0; t < 400; ++t) {
    const double noise = 0.05 * random.normal(t);
    steady.push_back(0.4 + noise);
    falling.push_back(2 * std::exp(-0.01 * static_cast<double>(t)) + noise);
    rising.push_back((t < 200 ? 0.4 : 1.4) + noise);
  }
  const LossDrift trigger({.threshold = 3, .tolerance = 0.05});
  REQUIRE(fires(trigger, steady).empty());
  REQUIRE(fires(trigger, falling).empty());
  const auto steps = fires(trigger, rising);
  REQUIRE(steps.size() == 1);
  REQUIRE((steps[0] >= 202 && steps[0] < 210));
}

TEST_CASE("a copy of a trigger goes its own way", "[trigger]") {
  const auto losses = bumpy_losses(4);
  LossPlateau first({.window = 5, .mean_threshold = 0.35, .variance_threshold = 0.006});
  for (std::size_t t = 0; t < 50; ++t) first(losses[t]);
  LossPlateau second = first;
  const std::vector<double> rest(losses.begin() + 50, losses.end());
  REQUIRE(fires(first, rest) == fires(second, rest));
  REQUIRE_FALSE(fires(first, rest).empty());
}

TEST_CASE("a loss that is not finite is refused and not counted", "[trigger][errors]") {
  const auto check = [](auto trigger, const std::string& name) {
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      auto told = trigger;
      const std::string text = name + ": the loss is " + (std::isnan(bad) ? "nan" : "inf");
      std::vector<std::size_t> steps;
      const auto losses = bumpy_losses(5);
      for (std::size_t t = 0; t < losses.size(); ++t) {
        REQUIRE(test::message_of<ll::NumericError>([&] { told(bad); }) == text);
        if (told(losses[t])) steps.push_back(t);
      }
      REQUIRE_FALSE(steps.empty());
      REQUIRE(steps == fires(trigger, losses));
    }
  };
  check(LossPlateau({.window = 5, .mean_threshold = 0.35, .variance_threshold = 0.006}), "LossPlateau");
  check(LossDrift({.threshold = 2}), "LossDrift");
}

TEST_CASE("settings of triggers outside their domain are refused by name and value", "[trigger][errors]") {
  const double nan = std::nan("");
  const auto plateau = [](LossPlateau::Options options) {
    return test::message_of<ll::InvalidArgument>([&] { LossPlateau trigger(options); });
  };
  REQUIRE(plateau({.window = 0, .mean_threshold = 1, .variance_threshold = 1}) ==
          "LossPlateau.window must be a finite number of at least 1, but is 0");
  REQUIRE(plateau({.mean_threshold = nan, .variance_threshold = 1}) ==
          "LossPlateau.mean_threshold must be a finite number above 0, but is nan");
  REQUIRE(plateau({.mean_threshold = 1, .variance_threshold = 0}) ==
          "LossPlateau.variance_threshold must be a finite number above 0, but is 0");
  const auto drift = [](LossDrift::Options options) {
    return test::message_of<ll::InvalidArgument>([&] { LossDrift trigger(options); });
  };
  REQUIRE(drift({.threshold = -1}) == "LossDrift.threshold must be a finite number above 0, but is -1");
  REQUIRE(drift({.threshold = 1, .tolerance = nan}) ==
          "LossDrift.tolerance must be a finite number of at least 0, but is nan");
  REQUIRE(drift({.threshold = 1, .warm_up = 0}) == "LossDrift.warm_up must be a finite number of at least 1, but is 0");
}

TEST_CASE("recent examples are the last ones pushed, oldest first, with all that a batch has", "[trigger][stream]") {
  test::RandomBatch<double> data(23, 3, 4);
  data.use_ranges(true);
  for (const std::size_t capacity : {1u, 5u, 7u, 23u, 40u}) {
    for (const bool regression : {false, true}) {
      ll::RecentExamples<double> recent(capacity);
      REQUIRE(recent.size() == 0);
      for (std::size_t first = 0; first < data.size; first += 6) {  // the last batch is shorter
        const std::size_t count = std::min<std::size_t>(6, data.size - first);
        auto batch = data.batch();
        recent.push({count, batch.features, batch.inputs.subspan(3 * first, 3 * count),
                     batch.labels.subspan(first, count),
                     regression ? batch.targets.subspan(4 * first, 4 * count) : std::span<const double>{},
                     batch.active.subspan(first, count)});
        const std::size_t seen = first + count;
        REQUIRE(recent.size() == std::min(seen, capacity));
        REQUIRE(recent.targets() == (regression ? 4 : 0));
        for (std::size_t i = 0; i < recent.size(); ++i) {
          const std::size_t n = seen - recent.size() + i;
          const auto row = read(recent, i);
          for (std::size_t k = 0; k < 3; ++k) REQUIRE(row.inputs[k] == data.inputs[3 * n + k]);
          for (std::size_t k = 0; k < row.targets.size(); ++k) REQUIRE(row.targets[k] == data.targets[4 * n + k]);
          REQUIRE(row.label == data.labels[n]);
          REQUIRE(row.active == data.ranges[n]);
        }
      }
      recent.clear();
      REQUIRE(recent.size() == 0);
      recent.push({1,
                   3,
                   std::span(data.inputs).first(3),
                   {},
                   regression ? std::span(data.targets).first(4) : std::span<const double>{}});
      REQUIRE(read(recent, 0).label == -1);
      REQUIRE(read(recent, 0).inputs[2] == data.inputs[2]);
    }
  }
}

TEST_CASE("recent examples refuse samples of another shape", "[trigger][stream][errors]") {
  REQUIRE(test::message_of<ll::InvalidArgument>([] { ll::RecentExamples<float> recent(0); }) ==
          "RecentExamples.capacity must be a finite number of at least 1, but is 0");
  const test::RandomBatch<double> data(2, 3, 4), wider(2, 5, 4);
  ll::RecentExamples<double> recent(8);
  recent.push({2, 3, data.inputs, data.labels});
  REQUIRE(test::message_of<ll::ShapeMismatch>([&] {
            recent.push({2, 5, wider.inputs, wider.labels});
          }) == "a sample pushed to RecentExamples has 5 elements where 3 are needed");
  REQUIRE(test::message_of<ll::ShapeMismatch>([&] {
            recent.push({2, 3, data.inputs, {}, data.targets});
          }) == "the row of targets of a sample pushed to RecentExamples has 4 elements where 0 are needed");
  REQUIRE(recent.size() == 2);
  REQUIRE(test::message_of<ll::InvalidArgument>([&] { read(recent, 2); }) ==
          "RecentExamples has no sample number 2: it has 2, counted from 0");
}

TEST_CASE("recent examples without labels serve MAS and the exact Fisher, and no estimator that needs them",
          "[trigger][stream]") {
  const test::RandomBatch<float> data(9, 4, 3);
  ll::RecentExamples<float> recent(9);
  recent.push({9, 4, data.inputs});
  const auto importance_on = [&](auto importance, const auto& examples) {
    ll::Learner learner{ll::nn::mlp<float>({4, 5, 3}), importance, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
    learner.consolidate(examples);
    return std::vector<float>(learner.importance().begin(), learner.importance().end());
  };
  const std::vector<ll::Batch<float>> batches{{9, 4, data.inputs}};
  REQUIRE(importance_on(ll::importance::Mas{}, recent) == importance_on(ll::importance::Mas{}, batches));
  REQUIRE(importance_on(ll::importance::Fisher{}, recent) == importance_on(ll::importance::Fisher{}, batches));
  REQUIRE(test::message_of<ll::InvalidArgument>([&] {
            importance_on(ll::importance::Fisher{.labels = ll::importance::Labels::empirical}, recent);
          }) == "Labels::empirical needs labels, but sample 0 has none");
  ll::Learner learner{ll::nn::mlp<float>({4, 5, 3}), ll::importance::Mas{}, ll::penalty::Quadratic{},
                      ll::optimizer::Sgd{}};
  REQUIRE(test::message_of<ll::InvalidArgument>([&] { learner.fit(recent); }) ==
          "batch.labels[0] is -1, not one of the active outputs [0, 3)");
}

TEST_CASE("a learner without tasks consolidates in the callback of fit, when its trigger fires", "[trigger][learner]") {
  ll::Learner learner{test::TinyModel(), ll::importance::Mas{}, ll::penalty::Quadratic{},
                      ll::optimizer::Sgd{.learning_rate = 0.1}};
  ll::RecentExamples<double> recent(10);
  const test::TinyTask task(1, 20);
  recent.push(task.all());
  auto stepped = learner;
  EverySteps trigger(4);
  learner.fit(task, {.epochs = 2, .batch_size = 5, .shuffle = false}, [&](const ll::FitProgress& progress) {
    if (trigger(progress.loss)) learner.consolidate(recent);
  });
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (std::size_t first = 0; first < 20; first += 5)
      stepped.step(ll::Batch<double>{5, 4, std::span<const double>(task.inputs).subspan(4 * first, 20),
                                     std::span<const std::int32_t>(task.labels).subspan(first, 5)});
    stepped.consolidate(recent);
  }
  REQUIRE(learner.tasks() == 2);
  for (std::size_t i = 0; i < learner.parameters().size(); ++i) {
    REQUIRE(learner.parameters()[i] == stepped.parameters()[i]);
    REQUIRE(learner.importance()[i] == stepped.importance()[i]);
  }
}

TEST_CASE("losses that cannot be added up are reported and do not count", "[trigger][errors]") {
  ll::trigger::LossDrift drift({.threshold = 1, .warm_up = 1});
  const double huge = 1.7e308;
  CHECK_FALSE(drift(huge));
  CHECK(test::message_of<ll::NumericError>([&] { drift(-huge); }) ==
        "LossDrift: the sum of the losses overflows at a loss of -1.7e+308");
  CHECK_NOTHROW(drift(huge));
}

TEST_CASE("a window that does not fit into memory names its size", "[trigger][errors]") {
  CHECK(test::message_of<ll::OutOfMemory>([] {
          ll::trigger::LossPlateau({.window = std::size_t{1} << 62, .mean_threshold = 1, .variance_threshold = 1});
        }) == "a window of 4611686018427387904 losses does not fit into memory");
}

}  // namespace trigger_test
