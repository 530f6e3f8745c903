// SPDX-License-Identifier: MIT
// Riemannian Walk against the paper's recursions, written out one parameter and one step at a time.
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace rwalk_test {

namespace {

namespace ll = lifelong;
using ll::importance::Clamp;
using ll::importance::Distance;
using ll::importance::IntervalRWalk;
using ll::importance::Normalize;
using ll::importance::RWalk;

/// The state of the paper's algorithm, advanced by the moves that a learner makes.
struct Slow {
  RWalk settings;
  std::size_t interval = 1;
  bool per_interval = false;
  std::vector<double> fisher, score, total, path, start, window;
  std::size_t step = 0, tasks = 0;

  Slow(const RWalk& rwalk, const std::vector<double>& theta)
      : settings(rwalk),
        fisher(theta.size()),
        score(theta.size()),
        total(theta.size()),
        path(theta.size()),
        start(theta),
        window(theta.size()) {}

  void observe(const std::vector<double>& g, const std::vector<double>& before, const std::vector<double>& after) {
    ++step;
    for (std::size_t i = 0; i < g.size(); ++i) {
      window[i] += g[i] * g[i] / static_cast<double>(per_interval ? interval : 1);
      if (!per_interval || step % interval == 0) {
        fisher[i] = (1 - settings.alpha) * fisher[i] + settings.alpha * window[i];
        window[i] = 0;
      }
      path[i] -= g[i] * (after[i] - before[i]);
      if (step % interval != 0) continue;
      const double fall = settings.clamp == Clamp::increment ? std::max(0.0, path[i]) : path[i];
      const double move = after[i] - start[i];
      const double factor = settings.distance == Distance::half ? 0.5 : 1;
      score[i] += fall / (factor * fisher[i] * move * move + settings.epsilon);
      path[i] = 0;
      start[i] = after[i];
    }
  }

  std::vector<double> end_task(const std::vector<double>& theta) {
    for (std::size_t i = 0; i < score.size(); ++i) {
      const double gained = settings.clamp == Clamp::none ? score[i] : std::max(0.0, score[i]);
      total[i] =
          tasks == 0 ? settings.score_first * gained : settings.score_old * total[i] + settings.score_new * gained;
    }
    const auto f = scaled(fisher), s = scaled(total);
    std::vector<double> importance(f.size());
    for (std::size_t i = 0; i < f.size(); ++i) importance[i] = f[i] + s[i];
    std::fill(score.begin(), score.end(), 0);
    std::fill(path.begin(), path.end(), 0);
    std::fill(window.begin(), window.end(), 0);
    start = theta;
    step = 0;
    ++tasks;
    return importance;
  }

  std::vector<double> scaled(std::vector<double> values) const {
    const double least = *std::min_element(values.begin(), values.end());
    const double most = *std::max_element(values.begin(), values.end());
    for (double& v : values) {
      if (settings.normalize == Normalize::max) v /= most;
      if (settings.normalize == Normalize::min_max) v = (v - least) / (most - least);
    }
    return values;
  }
};

/// Two tasks of single steps with the batches' own gradients; the largest relative difference of Ω at both ends.
template <class Importance, class Optimizer = ll::optimizer::Momentum>
double worst_difference(const Importance& importance, Slow slow, Optimizer optimizer = {.learning_rate = 0.1}) {
  ll::Learner learner{test::TinyModel{}, importance, ll::penalty::Quadratic{.strength = 0.5}, optimizer};
  std::vector<double> g(learner.parameters().size());
  double worst = 0;
  for (std::uint64_t task = 0; task < 2; ++task) {
    for (std::uint64_t step = 0; step < 11; ++step) {
      const test::TinyTask data(100 * task + step, 7);
      const std::vector<double> before(learner.parameters().begin(), learner.parameters().end());
      learner.model().gradient(data.all(), g);
      learner.step(std::span<const double>(g));
      slow.observe(g, before, {learner.parameters().begin(), learner.parameters().end()});
    }
    const auto expected = slow.end_task({learner.parameters().begin(), learner.parameters().end()});
    learner.consolidate();
    for (std::size_t i = 0; i < expected.size(); ++i)
      worst = std::max(worst, std::abs(learner.importance()[i] - expected[i]) / std::abs(expected[i]));
  }
  return worst;
}

std::vector<double> start() { return test::TinyModel{}.theta; }

}  // namespace

TEST_CASE("RWalk follows the paper's recursions", "[importance][rwalk]") {
  for (const auto distance : {Distance::half, Distance::whole})
    for (const auto normalize : {Normalize::none, Normalize::max, Normalize::min_max})
      for (const auto clamp : {Clamp::increment, Clamp::cumulative}) {
        const RWalk rwalk{.alpha = 0.3, .epsilon = 0.01, .distance = distance, .clamp = clamp, .normalize = normalize};
        CHECK(worst_difference(rwalk, Slow(rwalk, start())) < 1e-11);
        CHECK(worst_difference(rwalk, Slow(rwalk, start()), ll::optimizer::Adam{.learning_rate = 0.05}) < 1e-11);
      }
}

TEST_CASE("RWalk over intervals follows the paper's recursions", "[importance][rwalk]") {
  for (const bool per_interval : {false, true}) {
    const RWalk rwalk{.alpha = 0.3, .epsilon = 0.01, .normalize = Normalize::none};
    Slow slow(rwalk, start());
    slow.interval = 4;
    slow.per_interval = per_interval;
    CHECK(worst_difference(IntervalRWalk{.rwalk = rwalk, .interval = 4, .fisher_per_interval = per_interval}, slow) <
          1e-11);
  }
}

TEST_CASE("an interval of one step is RWalk", "[importance][rwalk]") {
  const RWalk rwalk{.alpha = 0.5};
  CHECK(worst_difference(IntervalRWalk{.rwalk = rwalk, .interval = 1}, Slow(rwalk, start())) < 1e-11);
}

TEST_CASE("RWalk refuses settings outside their domains", "[importance][rwalk]") {
  CHECK_THROWS_AS(RWalk{.alpha = 1.5}.validate(), ll::InvalidArgument);
  CHECK_THROWS_AS(RWalk{.alpha = -0.1}.validate(), ll::InvalidArgument);
  CHECK_THROWS_AS(RWalk{.epsilon = 0}.validate(), ll::InvalidArgument);
  CHECK_THROWS_AS(IntervalRWalk{.interval = 0}.validate(), ll::InvalidArgument);
}

}  // namespace rwalk_test
