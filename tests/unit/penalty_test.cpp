// The quadratic penalty: zero at the anchor, positive off it, its gradient the derivative of its value, and separate
// penalties per task collapsed into two arrays without changing anything.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace ll = lifelong;
using ll::importance::Fisher;
using ll::importance::Merge;
using ll::penalty::Anchor;
using ll::penalty::Quadratic;

namespace {

auto make(Fisher fisher, Quadratic quadratic) {
  return ll::Learner{test::TinyModel(), fisher, quadratic, ll::optimizer::Sgd{.learning_rate = 1}};
}

/// The penalty's gradient as a step with a task gradient of 0 and η = 1 shows it; the learner is a copy.
template <class Learner>
std::vector<double> penalty_gradient(Learner learner) {
  const std::vector<double> before(learner.parameters().begin(), learner.parameters().end());
  const std::vector<double> zero(before.size());
  learner.step(std::span<const double>(zero));
  std::vector<double> gradient(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) gradient[i] = before[i] - learner.parameters()[i];
  return gradient;
}

template <class Learner>
void move(Learner& learner, std::uint64_t seed) {
  for (std::size_t i = 0; i < learner.parameters().size(); ++i)
    learner.parameters()[i] += 0.1 * ll::Random(seed).normal(i);
}

}  // namespace

TEST_CASE("the penalty is 0 before a task has ended and at the anchor, and positive off it", "[penalty]") {
  auto learner = make({}, {.strength = 3});
  move(learner, 1);
  REQUIRE(learner.penalty_value() == 0);
  learner.consolidate(test::TinyTask(1));
  REQUIRE(learner.penalty_value() == 0);
  for (std::size_t i = 0; i < learner.parameters().size(); ++i) REQUIRE(learner.anchor()[i] == learner.parameters()[i]);
  move(learner, 2);
  REQUIRE(learner.penalty_value() > 1e-4);
}

TEST_CASE("the penalty's value and gradient are the formula, and agree by finite differences", "[penalty]") {
  for (const Anchor anchor : {Anchor::last, Anchor::per_task}) {
    auto learner = make({}, {.strength = 2.5, .anchor = anchor});
    for (std::uint64_t task = 1; task <= 3; ++task) {
      learner.consolidate(test::TinyTask(task));
      move(learner, task);
    }
    const auto gradient = penalty_gradient(learner);
    double value = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double d = learner.parameters()[i] - learner.anchor()[i];
      value += 2.5 / 2 * learner.importance()[i] * d * d;
      REQUIRE_THAT(gradient[i], test::WithinAbs(2.5 * learner.importance()[i] * d, 1e-14));
      const double eps = 1e-6, theta = learner.parameters()[i];
      learner.parameters()[i] = theta + eps;
      const double up = learner.penalty_value();
      learner.parameters()[i] = theta - eps;
      const double down = learner.penalty_value();
      learner.parameters()[i] = theta;
      REQUIRE_THAT(gradient[i], test::WithinAbs((up - down) / (2 * eps), 1e-5 + 1e-3 * std::abs(gradient[i])));
    }
    if (anchor == Anchor::last) REQUIRE_THAT(learner.penalty_value(), test::WithinRel(value, 1e-12));
    if (anchor == Anchor::per_task) REQUIRE(learner.penalty_value() > value);  // by the constant of the collapse
  }
}

TEST_CASE("five penalties with an anchor each, collapsed, equal the five kept apart", "[penalty]") {
  struct Kept {
    std::vector<double> importance, anchor;
    double weight;
  };
  for (const Merge merge : {Merge::sum(), Merge::decay(0.7), Merge::mean()}) {
    auto learner = make({.merge = merge}, {.strength = 2, .anchor = Anchor::per_task});
    std::vector<Kept> kept;
    for (std::uint64_t task = 1; task <= 5; ++task) {
      auto lone = make({}, {});
      std::copy(learner.parameters().begin(), learner.parameters().end(), lone.parameters().begin());
      lone.consolidate(test::TinyTask(task));
      const auto weights = merge.weights(task - 1);
      for (Kept& old : kept) old.weight *= weights.keep;
      kept.push_back({{lone.importance().begin(), lone.importance().end()},
                      {lone.anchor().begin(), lone.anchor().end()},
                      weights.add});
      learner.consolidate(test::TinyTask(task));
      move(learner, 100 + task);
    }
    double value = 0;
    std::vector<double> gradient(learner.parameters().size());
    for (const Kept& task : kept)
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        const double d = learner.parameters()[i] - task.anchor[i];
        value += 2.0 / 2 * task.weight * task.importance[i] * d * d;
        gradient[i] += 2.0 * task.weight * task.importance[i] * d;
      }
    REQUIRE_THAT(learner.penalty_value(), test::WithinRel(value, 1e-12));
    const auto collapsed = penalty_gradient(learner);
    for (std::size_t i = 0; i < gradient.size(); ++i) REQUIRE_THAT(collapsed[i], test::WithinAbs(gradient[i], 1e-13));
  }
}

TEST_CASE("a task that no parameter matters to leaves anchors per task usable", "[penalty]") {
  ll::Learner learner{test::TinyModel(), ll::importance::Constant{.value = 0, .merge = Merge::sum()},
                      Quadratic{.strength = 2, .anchor = Anchor::per_task}, ll::optimizer::Sgd{}};
  learner.consolidate();
  move(learner, 1);
  REQUIRE(learner.penalty_value() == 0);
  for (const double a : learner.anchor()) REQUIRE(std::isfinite(a));
}
