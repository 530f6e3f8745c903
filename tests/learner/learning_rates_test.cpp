// SPDX-License-Identifier: MIT
// The learning rate of every step of fit under a schedule, against its formula.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace learning_rates_test {

namespace ll = lifelong;
using ll::optimizer::Decay;
using ll::optimizer::Schedule;

namespace {

/// The share of step t of `steps` after `warmup`, written out.
double share_of(Decay decay, double end, double warmup, double steps, double t) {
  if (t < warmup) return (t + 1) / (warmup + 1);
  if (decay == Decay::none) return 1;
  if (t >= steps) return end;
  const double done = (t - warmup) / (steps - warmup);
  const double left = decay == Decay::linear ? 1 - done : 0.5 + 0.5 * std::cos(3.141592653589793 * done);
  return end + (1 - end) * left;
}

/// The rates of 12 steps.
std::vector<double> rates_of(const Schedule& schedule) {
  ll::Learner learner{test::TinyModel{}, ll::importance::Constant{}, ll::penalty::None{},
                      ll::optimizer::Sgd{.learning_rate = 0.2}};
  std::vector<double> rates;
  learner.fit(test::TinyTask(1, 16), {.epochs = 3, .batch_size = 4, .schedule = schedule},
              [&](const ll::FitProgress&) { rates.push_back(learner.optimizer_policy().learning_rate); });
  CHECK(learner.optimizer_policy().learning_rate == 0.2);
  return rates;
}

}  // namespace

TEST_CASE("the rate of every step is the optimizer's times the schedule's share", "[learner][schedule]") {
  for (const Decay decay : {Decay::none, Decay::linear, Decay::cosine})
    for (const double end : {0.0, 0.25, 0.7, 1.0})
      for (const std::size_t warmup : {0u, 3u})
        for (const std::size_t steps : {0u, 7u}) {
          INFO("decay " << static_cast<int>(decay) << ", to " << end << ", warmup " << warmup << ", steps " << steps);
          const auto rates = rates_of({.decay = decay, .final_share = end, .warmup = warmup, .steps = steps});
          REQUIRE(rates.size() == 12);
          for (std::size_t t = 0; t < 12; ++t) {
            const double share = share_of(decay, end, static_cast<double>(warmup),
                                          static_cast<double>(steps == 0 ? 12 : steps), static_cast<double>(t));
            CHECK_THAT(rates[t], test::WithinRel(0.2 * share, 1e-14) || test::WithinAbs(0.2 * share, 1e-15));
          }
        }
}

TEST_CASE("a schedule changes the rate if it warms up or decays to another share", "[learner][schedule]") {
  CHECK(Schedule{.warmup = 1}.changes());
  CHECK(Schedule{.decay = Decay::linear, .final_share = 0.25, .steps = 4}.changes());
  CHECK(Schedule{.decay = Decay::cosine, .final_share = 0, .steps = 4}.changes());
  CHECK_FALSE(Schedule{.decay = Decay::linear, .final_share = 1, .steps = 4}.changes());
  CHECK_FALSE(Schedule{.final_share = 0.25}.changes());
}

TEST_CASE("steps of a schedule that is asked by itself", "[learner][schedule]") {
  for (const Decay decay : {Decay::linear, Decay::cosine}) {
    const Schedule schedule{.decay = decay, .final_share = 0.25, .warmup = 2, .steps = 10};
    for (std::size_t t = 0; t < 14; ++t)
      CHECK_THAT(schedule(t), test::WithinRel(share_of(decay, 0.25, 2, 10, static_cast<double>(t)), 1e-14));
  }
}

}  // namespace learning_rates_test
