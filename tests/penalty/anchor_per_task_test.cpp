// SPDX-License-Identifier: MIT
// Anchors per task where importances are set by hand or negative.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace anchor_per_task_test {

namespace ll = lifelong;
using ll::importance::Constant;
using ll::importance::Merge;
using ll::penalty::Anchor;
using ll::penalty::Quadratic;

namespace {

constexpr double strength = 3;

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }

template <class Learner>
void move(Learner& learner, std::uint64_t seed) {
  for (std::size_t i = 0; i < learner.parameters().size(); ++i)
    learner.parameters()[i] += 0.1 * ll::Random(seed).normal(i);
}

std::vector<double> hand_made(std::size_t count, double shift = 0) {
  std::vector<double> omega(count);
  for (std::size_t i = 0; i < count; ++i) omega[i] = shift + 0.25 * static_cast<double>(i % 5);
  return omega;
}

/// λ/2 Σ Ω (θ - θ*)².
template <class Learner>
double formula(Learner& learner, const std::vector<double>& omega, const std::vector<double>& anchor) {
  double sum = 0;
  for (std::size_t i = 0; i < omega.size(); ++i) {
    const double d = learner.parameters()[i] - anchor[i];
    sum += strength / 2 * omega[i] * d * d;
  }
  return sum;
}

/// A kernel on one parameter whose anchor is at `anchor`.
struct One {
  double omega, anchor, value = 0;

  void absorb(double theta, double contribution, double keep = 1, double add = 1) {
    const double inf = std::numeric_limits<double>::infinity();
    const Quadratic penalty{.strength = strength, .anchor = Anchor::per_task};
    value =
        keep * value + penalty.kernel<double>({&omega, &anchor}).absorb(0, theta, contribution, {keep, add, -inf, inf});
  }
  [[nodiscard]] double at(double theta) {
    const Quadratic penalty{.strength = strength, .anchor = Anchor::per_task};
    return penalty.kernel<double>({&omega, &anchor}).term(0, theta).value + strength * value;
  }
};

double squared(double x) { return x * x; }

/// Importances by hand at one place and a task with importance `value` at another are two penalties, collapsed into
/// one.
void check_two_anchors(const std::vector<double>& omega, double value, double tolerance) {
  ll::Learner learner{test::TinyModel(), Constant{.value = value, .merge = Merge::sum()},
                      Quadratic{.strength = strength, .anchor = Anchor::per_task}, ll::optimizer::Sgd{}};
  learner.set_importance(omega);
  const auto first = copy(learner.parameters());
  move(learner, 1);
  learner.consolidate();
  const auto second = copy(learner.parameters());
  move(learner, 2);
  for (std::size_t i = 0; i < omega.size(); ++i) {
    const double sum = omega[i] + value;
    CHECK_THAT(learner.importance()[i], test::WithinRel(sum, 1e-15));
    CHECK_THAT(learner.anchor()[i], test::WithinRel((omega[i] * first[i] + value * second[i]) / sum, 1e-12));
  }
  const std::vector<double> constant(omega.size(), value);
  CHECK_THAT(learner.penalty_value(),
             test::WithinRel(formula(learner, omega, first) + formula(learner, constant, second), tolerance));
}

}  // namespace

TEST_CASE("importances by hand forget the tasks before, with anchors per task as well", "[penalty]") {
  const auto check = [](auto penalty) {
    ll::Learner learner{test::TinyModel(), ll::importance::Fisher{}, penalty, ll::optimizer::Sgd{.learning_rate = 0.5}};
    for (std::uint64_t task = 1; task <= 3; ++task) {
      learner.consolidate(test::TinyTask(task));
      move(learner, task);
    }
    const auto omega = hand_made(learner.parameters().size());
    learner.set_importance(omega);
    const auto anchor = copy(learner.parameters());
    CHECK(copy(learner.importance()) == omega);
    CHECK(copy(learner.anchor()) == anchor);
    CHECK(learner.penalty_value() == 0);
    move(learner, 9);
    const double value = formula(learner, omega, anchor);
    CHECK_THAT(learner.penalty_value(), test::WithinRel(value, 1e-12));
    CHECK_THAT(learner.step(test::TinyTask(1).all()).penalty, test::WithinRel(value, 1e-12));
  };
  for (const Anchor anchor : {Anchor::last, Anchor::per_task}) {
    check(Quadratic{.strength = strength, .anchor = anchor});
    check(ll::penalty::ImplicitQuadratic{.strength = strength, .anchor = anchor});
  }
}

TEST_CASE("a task after importances by hand has an anchor of its own", "[penalty]") {
  check_two_anchors(hand_made(test::TinyModel().theta.size()), 0.75, 1e-12);
}

TEST_CASE("a negative importance among anchors per task is one of the separate penalties", "[penalty]") {
  // Their sum has to be positive: only then is there a lowest point to collapse them to.
  One one{-1, 0.5};
  one.absorb(0.75, 3);
  CHECK(one.omega == 2);
  CHECK_THAT(one.anchor, test::WithinRel((-1 * 0.5 + 3 * 0.75) / 2, 1e-15));
  for (const double theta : {0.0, 0.6, 2.0})
    CHECK_THAT(one.at(theta),
               test::WithinRel(strength / 2 * (-squared(theta - 0.5) + 3 * squared(theta - 0.75)), 1e-13));
  one.absorb(-0.25, -0.5);
  CHECK(one.omega == 1.5);
  for (const double theta : {0.0, 0.6, 2.0})
    CHECK_THAT(
        one.at(theta),
        test::WithinRel(
            strength / 2 * (-squared(theta - 0.5) + 3 * squared(theta - 0.75) - 0.5 * squared(theta + 0.25)), 1e-13));
  one.absorb(1, 2, 0.5, 0.25);
  CHECK(one.omega == 1.25);
  CHECK_THAT(one.at(2),
             test::WithinRel(strength / 2 *
                                 (0.5 * (-squared(2 - 0.5) + 3 * squared(2 - 0.75) - 0.5 * squared(2 + 0.25)) +
                                  0.25 * 2 * squared(2 - 1)),
                             1e-13));
}

TEST_CASE("an importance that is not positive in all leaves its anchor where it was", "[penalty]") {
  for (const double contribution : {1.0, 3.0}) {  // -2 and 0 in all
    One one{-3, 0.5};
    one.absorb(0.75, contribution);
    CHECK(one.omega == -3 + contribution);
    CHECK(one.anchor == 0.5);
    CHECK(one.value == 0);
    CHECK_THAT(one.at(1), test::WithinRel(strength / 2 * (-3 + contribution) * 0.25, 1e-15));
  }
}

TEST_CASE("a learner with some negative importances has the value of one penalty per task", "[penalty]") {
  check_two_anchors(hand_made(test::TinyModel().theta.size(), -1), 2, 1e-11);  // as Clamp::none does
}

}  // namespace anchor_per_task_test
