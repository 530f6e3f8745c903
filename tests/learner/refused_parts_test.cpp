// SPDX-License-Identifier: MIT
// A learner refuses every part whose settings are wrong, and calls that cannot be what is meant.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace refused_parts_test {

namespace ll = lifelong;
using ll::importance::Constant;
using ll::importance::Merge;
using ll::optimizer::Sgd;
using ll::penalty::Quadratic;
using test::message_of;
using test::TinyModel;
using test::TinyTask;

namespace {

template <class Importance, class Penalty, class Optimizer>
std::string refusal(Importance importance, Penalty penalty, Optimizer optimizer) {
  return message_of<ll::InvalidArgument>([&] { ll::Learner{TinyModel(), importance, penalty, optimizer}; });
}

/// One parameter of type float and a gradient of 1.
struct One {
  using value_type = float;
  ll::AlignedVector<float> theta = ll::AlignedVector<float>(1, 1.0f);
  std::span<float> parameters() { return theta; }
  double gradient(const ll::Batch<float>&, std::span<float> out) const {
    out[0] = 1;
    return 1;
  }
};

template <class Optimizer>
std::string refusal_in_float(Optimizer optimizer) {
  return message_of<ll::InvalidArgument>([&] { ll::Learner{One(), Constant{}, Quadratic{}, optimizer}; });
}

}  // namespace

TEST_CASE("a learner checks the settings of every part", "[learner][errors]") {
  CHECK(refusal(Constant{.value = -1}, Quadratic{}, Sgd{}) ==
        "Constant.value must be a finite number of at least 0, but is -1");
  CHECK(refusal(Constant{}, Quadratic{.strength = -1}, Sgd{}) ==
        "Quadratic.strength must be a finite number of at least 0, but is -1");
  CHECK(refusal(Constant{}, Quadratic{}, Sgd{.learning_rate = -1}) ==
        "Sgd.learning_rate must be a finite number of at least 0, but is -1");
}

TEST_CASE("Adam's settings are refused one by one", "[learner][errors]") {
  using ll::optimizer::Adam, ll::optimizer::AdamW;
  CHECK(refusal(Constant{}, Quadratic{}, Adam{.learning_rate = -1}) ==
        "Adam.learning_rate must be a finite number of at least 0, but is -1");
  CHECK(refusal(Constant{}, Quadratic{}, Adam{.beta1 = -0.5}) == "Adam.beta1 must be in [0, 1), but is -0.5");
  CHECK(refusal(Constant{}, Quadratic{}, Adam{.beta2 = 1}) == "Adam.beta2 must be in [0, 1), but is 1");
  CHECK(refusal(Constant{}, Quadratic{}, Adam{.epsilon = 0}) ==
        "Adam.epsilon must be a finite number above 0, but is 0");
  CHECK(refusal(Constant{}, Quadratic{}, AdamW{.epsilon = 0}) ==
        "Adam.epsilon must be a finite number above 0, but is 0");
}

TEST_CASE("weight decay and its optimizer are refused in the parameters' type", "[learner][errors]") {
  using ll::optimizer::L2, ll::optimizer::Decoupled, ll::optimizer::Momentum;
  CHECK_THAT(refusal_in_float(L2<Sgd>{{.learning_rate = 1e300}, 0.1}), test::ContainsSubstring("Sgd.learning_rate"));
  CHECK_THAT(refusal_in_float(L2<Sgd>{{}, 1e300}), test::ContainsSubstring("L2.weight_decay"));
  CHECK_THAT(refusal_in_float(L2<Sgd>{{}, 1e-60}), test::ContainsSubstring("L2.weight_decay"));
  CHECK_THAT(refusal_in_float(Decoupled<Sgd>{{.learning_rate = 1e300}, 0.1}),
             test::ContainsSubstring("Sgd.learning_rate"));
  CHECK_THAT(refusal_in_float(Decoupled<Sgd>{{}, 1e300}), test::ContainsSubstring("Decoupled.weight_decay"));
  CHECK_THAT(refusal_in_float(Momentum{.momentum = 1 - 1e-12}), test::ContainsSubstring("Momentum.momentum"));
  CHECK_THAT(refusal_in_float(ll::optimizer::Adam{.beta2 = 1 - 1e-12}), test::ContainsSubstring("Adam.beta"));
  CHECK_THAT(refusal_in_float(ll::optimizer::AdamW{.weight_decay = 1e300}),
             test::ContainsSubstring("AdamW.weight_decay"));
}

TEST_CASE("the merge rule of an importance around another is refused by its own name", "[learner][errors]") {
  using Around = ll::importance::Normalized<ll::importance::Mas>;
  CHECK(message_of<ll::InvalidArgument>([] { Around{.merge = Merge::decay(2)}.validate(); }) ==
        "Merge::decay(gamma) must be in [0, 1], but is 2");
  CHECK(message_of<ll::InvalidArgument>([] { Around{.ceiling = 0}.validate(); }) ==
        "Normalized.ceiling must be a finite number above 0, but is 0");
  CHECK_THAT(message_of<ll::InvalidArgument>([] { Around{.merge = Merge::last()}.validate(); }),
             test::ContainsSubstring("Normalized.importance.merge is sum where the whole has last"));
}

TEST_CASE("an empty range is refused by an importance that needs no data, too", "[learner][errors]") {
  ll::Learner learner{TinyModel(), Constant{}, Quadratic{}, Sgd{}};
  CHECK(message_of<ll::InvalidArgument>([&] { learner.consolidate(std::vector<ll::Batch<double>>{}); }) ==
        "consolidate: the task has no examples");
  CHECK(learner.tasks() == 0);
  learner.consolidate(std::vector<ll::Batch<double>>{TinyTask(1).all()});
  CHECK(learner.tasks() == 1);
}

TEST_CASE("a call of no epochs takes no step, whatever the schedule", "[learner]") {
  ll::Learner learner{TinyModel(), Constant{}, Quadratic{}, Sgd{.learning_rate = 0.3}};
  const std::vector<double> before(learner.parameters().begin(), learner.parameters().end());
  learner.fit(TinyTask(1), {.epochs = 0, .schedule = {.decay = ll::optimizer::Decay::linear, .warmup = 2}});
  CHECK(std::vector<double>(learner.parameters().begin(), learner.parameters().end()) == before);
  CHECK(learner.optimizer_policy().learning_rate == 0.3);
}

TEST_CASE("more steps than can be counted are refused", "[learner][errors]") {
  ll::Learner learner{TinyModel(), Constant{}, Quadratic{}, Sgd{}};
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  struct Stop {};
  const auto stop = [](const ll::FitProgress&) { throw Stop{}; };
  CHECK(message_of<ll::InvalidArgument>([&] {
          learner.fit(TinyTask(1, 8), {.epochs = most / 2 + 1, .batch_size = 4}, stop);
        }) == "fit: 9223372036854775808 epochs of 2 batches are more steps than can be counted");
  CHECK_THROWS_AS(learner.fit(TinyTask(1, 8), {.epochs = most / 2, .batch_size = 4}, stop), Stop);
  CHECK_THROWS_AS(learner.fit(TinyTask(1, 8), {.epochs = most, .batch_size = 8}, stop), Stop);
}

TEST_CASE("an optimizer is reset before the first step of a call, not before the others", "[learner]") {
  const auto make = [] {
    return ll::Learner{TinyModel(), Constant{}, Quadratic{}, ll::optimizer::Momentum{.learning_rate = 0.1}};
  };
  auto fitted = make(), stepped = make();
  const TinyTask task(1, 12);
  for (int call = 0; call < 2; ++call) {
    fitted.fit(task, {.epochs = 3, .batch_size = 12, .shuffle = false, .optimizer_state = ll::OptimizerState::reset});
    stepped.reset_optimizer();
    for (int k = 0; k < 3; ++k) stepped.step(task.all());
  }
  for (std::size_t i = 0; i < fitted.parameters().size(); ++i)
    REQUIRE(fitted.parameters()[i] == stepped.parameters()[i]);
  CHECK(fitted.state().optimizer_steps == 3);
}

}  // namespace refused_parts_test
