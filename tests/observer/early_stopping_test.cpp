// SPDX-License-Identifier: MIT
// When early stopping stops, against the same rule written out over a list of values; and several observers as one.
#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace early_stopping_test {

namespace ll = lifelong;
using ll::FitProgress;
using ll::FitSignal;
using ll::observer::EarlyStopping;
using test::message_of;

namespace {

/// Step `step` of a call of 100 in epochs of 5.
FitProgress at(std::size_t step, double loss) { return {(step - 1) / 5, 20, step, 100, loss, 0, 5}; }

/// After which value training stops, from 1; 0 if it does not.
std::size_t slow_stop(const std::vector<double>& values, std::size_t patience, double improvement) {
  for (std::size_t n = patience + 1; n <= values.size(); ++n) {
    double best = values[0];
    std::size_t waited = 0;
    for (std::size_t k = 1; k < n; ++k) {
      waited = values[k] < best - improvement ? 0 : waited + 1;
      if (waited == 0) best = values[k];
    }
    if (waited == patience) return n;
  }
  return 0;
}

auto make() {
  return ll::Learner{test::TinyModel(), ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{},
                     ll::optimizer::Adam{.learning_rate = 0.3}};
}

}  // namespace

TEST_CASE("training stops after `patience` values that are no improvement", "[observer]") {
  const ll::Random random(3);
  for (const std::size_t patience : {1u, 2u, 4u}) {
    for (const double improvement : {0.0, 0.3}) {
      for (std::size_t list = 0; list < 30; ++list) {
        std::vector<double> values;
        for (std::size_t k = 0; k < 25; ++k)
          values.push_back(random.normal(100 * list + k) - 0.1 * static_cast<double>(k));
        std::size_t next = 0, stopped = 0;
        EarlyStopping stopper({.patience = patience, .min_improvement = improvement, .every = 4},
                              [&] { return values[next++]; });
        for (std::size_t step = 1; step <= 100 && stopped == 0; ++step)
          if (stopper(at(step, 1)) == FitSignal::stop) stopped = step;
        CHECK(stopped == 4 * slow_stop(values, patience, improvement));
      }
    }
  }
}

TEST_CASE("by default the value is the mean training loss of an epoch", "[observer]") {
  EarlyStopping stopper({.patience = 1});
  CHECK_FALSE(stopper.best().has_value());
  for (std::size_t step = 1; step <= 5; ++step) CHECK(stopper(at(step, static_cast<double>(step))) == FitSignal::go_on);
  CHECK(stopper.best() == std::optional(3.0));
  CHECK(stopper.best_step() == 5);
  for (std::size_t step = 6; step <= 9; ++step) CHECK(stopper(at(step, 3)) == FitSignal::go_on);
  CHECK(stopper(at(10, 3)) == FitSignal::stop);  // as good as the best is no improvement
}

TEST_CASE("a new call begins anew, a resumed one goes on", "[observer]") {
  const ll::observer::EarlyStoppingOptions options{.patience = 2, .every = 1};
  EarlyStopping stopper(options);
  stopper(at(1, 1));
  stopper(at(2, 1));
  EarlyStopping resumed = stopper;
  CHECK(resumed(at(3, 1)) == FitSignal::stop);
  CHECK(stopper(at(1, 7)) == FitSignal::go_on);
  CHECK(stopper.best() == std::optional(7.0));
  CHECK(stopper(at(2, 7)) == FitSignal::go_on);
  CHECK(stopper(at(3, 7)) == FitSignal::stop);
}

TEST_CASE("a learner that is stopped early has trained so many steps", "[observer]") {
  const test::TinyTask task(1, 23);
  auto stopped = make(), trained = make();
  EarlyStopping stopper({.patience = 2});
  ll::FitOptions options{.epochs = 200, .batch_size = 5};
  const ll::FitResult result = stopped.fit(task, options, stopper);
  REQUIRE(result.stopped);
  CHECK(result.steps % 5 == 0);
  CHECK(stopper.best_step() == result.steps - 10);
  options.steps = result.steps;
  trained.fit(task, options);
  for (std::size_t i = 0; i < trained.parameters().size(); ++i)
    REQUIRE(stopped.parameters()[i] == trained.parameters()[i]);
}

TEST_CASE("early stopping that cannot work is refused", "[observer][errors]") {
  CHECK(message_of<ll::InvalidArgument>([] { EarlyStopping({.patience = 0}); }) ==
        "EarlyStopping.patience must be a finite number of at least 1, but is 0");
  CHECK_THROWS_AS(EarlyStopping({.min_improvement = -1}), ll::InvalidArgument);
  auto learner = make();
  CHECK(message_of<ll::InvalidArgument>(
            [&] { learner.fit(test::TinyTask(1, 23), {.batch_size = 5, .steps = 3}, EarlyStopping()); }) ==
        "EarlyStopping.every: no epoch ends within the 3 steps of this call, so say how many steps there are between "
        "two measurements");
  EarlyStopping stopper({.every = 1}, [] { return std::numeric_limits<double>::quiet_NaN(); });
  CHECK(message_of<ll::NumericError>([&] { stopper(at(1, 1)); }) == "EarlyStopping: the value is nan after step 1");
}

TEST_CASE("all observers see every step, and any of them stops", "[observer]") {
  std::vector<std::string> log;
  const auto void_one = [&](const FitProgress& p) { log.push_back("a" + std::to_string(p.step)); };
  const auto stops_at_2 = [&](const FitProgress& p) {
    log.push_back("b" + std::to_string(p.step));
    return p.step == 2 ? FitSignal::stop : FitSignal::go_on;
  };
  int own = 0;
  auto learner = make();
  const auto result =
      learner.fit(test::TinyTask(1, 23), {.batch_size = 5},
                  ll::observer::all(stops_at_2, void_one, ll::observer::all([&](const FitProgress&) { ++own; })));
  CHECK(result.steps == 2);
  CHECK(result.stopped);
  CHECK(log == std::vector<std::string>{"b1", "a1", "b2", "a2"});
  CHECK(own == 2);
  CHECK_FALSE(learner.fit(test::TinyTask(1, 23), {.batch_size = 5}, ll::observer::all()).stopped);
}

TEST_CASE("observers with a name are referred to", "[observer]") {
  EarlyStopping stopper({.every = 1});
  auto both = ll::observer::all(stopper, EarlyStopping({.every = 1}));
  both(at(1, 4));
  CHECK(stopper.best() == std::optional(4.0));
}

}  // namespace early_stopping_test
