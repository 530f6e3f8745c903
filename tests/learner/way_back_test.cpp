// SPDX-License-Identifier: MIT
// A step that overflows is taken back whatever made the penalty large since the step before: a task's end, importances
// by hand, or a state that was written to.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"

namespace way_back_test {

namespace ll = lifelong;
using ll::importance::Constant;
using ll::importance::Merge;
using ll::penalty::Quadratic;
using test::message_of;

namespace {

/// Seven parameters and nothing else.
struct Plain {
  using value_type = float;
  std::vector<float> theta = std::vector<float>(7, 1.0F);
  std::span<float> parameters() { return theta; }
};

template <class Penalty>
auto make(Penalty penalty, float value = 3e38F) {
  ll::Learner learner{Plain{}, Constant{.value = static_cast<double>(value), .merge = Merge::sum()}, penalty,
                      ll::optimizer::Sgd{.learning_rate = 1}};
  learner.step(std::vector<float>(7, 0.25F));
  return learner;
}

/// Moves a parameter and takes a step, which must throw and change nothing.
template <class Learner>
std::string refusal_after_move(Learner& learner, float move) {
  learner.parameters()[3] += move;
  const std::vector<float> before(learner.parameters().begin(), learner.parameters().end());
  const std::vector<float> gradient(7, 0.25F);
  const std::string message = message_of<ll::NumericError>([&] { learner.step(std::span<const float>(gradient)); });
  CHECK(std::vector<float>(learner.parameters().begin(), learner.parameters().end()) == before);
  return message;
}

}  // namespace

TEST_CASE("a task's end makes the next step a careful one", "[learner][errors]") {
  auto learner = make(Quadratic{});
  learner.consolidate();
  CHECK(refusal_after_move(learner, 2) == "the step was too large: parameter 3 is -inf in step 2");
}

TEST_CASE("importances by hand make the next step a careful one", "[learner][errors]") {
  auto learner = make(Quadratic{});
  learner.set_importance(std::vector<float>(7, 3e38F));
  CHECK(refusal_after_move(learner, 2) == "the step was too large: parameter 3 is -inf in step 2");
}

TEST_CASE("a state that was written to makes the next step a careful one", "[learner][errors]") {
  auto learner = make(Quadratic{});
  for (float& omega : learner.state().penalty.template get<0>()) omega = 3e38F;
  CHECK(refusal_after_move(learner, -2) == "the step was too large: parameter 3 is inf in step 2");
}

TEST_CASE("a huge importance of an implicit penalty makes the next step a careful one", "[learner][errors]") {
  auto learner = make(ll::penalty::ImplicitQuadratic{});
  learner.set_importance(std::vector<float>(7, 1e38F));
  CHECK(refusal_after_move(learner, 1e3F) == "the penalty is inf in step 2");
}

TEST_CASE("of importances of which one would overflow, that one is named", "[learner][errors]") {
  auto learner = make(Quadratic{}, 1e38F);
  std::vector<float> omega(7, 0.5F);
  omega[5] = 3e38F;
  learner.set_importance(omega);
  CHECK(message_of<ll::NumericError>([&] { learner.consolidate(); }) ==
        "consolidate: the importance of parameter 5, or its penalty, would be more than the largest number, together "
        "with the tasks before");
  CHECK(learner.importance()[5] == 3e38F);
  CHECK(learner.importance()[0] == 0.5F);
  CHECK(learner.tasks() == 0);
}

}  // namespace way_back_test
