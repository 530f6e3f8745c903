// SPDX-License-Identifier: MIT
// What is refused changes nothing: not the parameters, not the arrays of a policy, not what the model keeps besides its
// parameters. And nothing that is not finite is ever stored.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"

namespace refused_step_test {

namespace ll = lifelong;
using namespace ll::importance;
using ll::optimizer::Adam;
using ll::optimizer::Momentum;
using ll::optimizer::Sgd;
using ll::penalty::Anchor;
using ll::penalty::Quadratic;
using test::message_of;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Parameters and nothing else.
struct Plain {
  using value_type = float;
  std::vector<float> theta = std::vector<float>(5, 1.0F);
  std::span<float> parameters() { return theta; }
};

/// Parameters, everything that the learner remembers, and what the model does, bit by bit.
template <class Learner>
std::vector<unsigned char> everything(Learner learner) {
  std::vector<unsigned char> all;
  const auto add = [&](const void* data, std::size_t bytes) {
    const auto* from = static_cast<const unsigned char*>(data);
    all.insert(all.end(), from, from + bytes);
  };
  const auto theta = learner.parameters();
  add(theta.data(), theta.size_bytes());
  learner.state().visit(
      [&](const std::string&, auto& values) { add(values.data(), values.size() * sizeof(*values.data())); },
      [&](const std::string&, auto& number) { add(&number, sizeof number); });
  if constexpr (requires { learner.model().buffers(); })
    add(learner.model().buffers().data(), learner.model().buffers().size_bytes());
  if constexpr (requires { learner.model().visit_state([](const char*, auto&) {}); })
    learner.model().visit_state([&](const char*, auto& number) { add(&number, sizeof number); });
  return all;
}

/// Calls `call(learner)`, which must throw an `Error`; nothing may change. Returns the message.
template <class Error = ll::NumericError, class Learner, class Call>
std::string refusal(Learner& learner, const Call& call) {
  const auto before = everything(learner);
  const std::string message = message_of<Error>([&] { call(learner); });
  const bool same = everything(learner) == before;
  REQUIRE(same);
  return message;
}

template <class Learner>
std::string refusal_of_gradient(Learner& learner, const std::vector<float>& gradient) {
  return refusal(learner, [&](Learner& at) { at.step(std::span<const float>(gradient)); });
}

/// Images of 4 features in two classes.
struct Points {
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;
  Points() {
    const ll::Random random(3);
    for (std::size_t i = 0; i < 32; ++i) inputs.push_back(static_cast<float>(random.normal(i)));
    for (std::size_t n = 0; n < 8; ++n) labels.push_back(static_cast<std::int32_t>(n % 2));
  }
  [[nodiscard]] ll::Batch<float> batch() const { return {labels.size(), 4, inputs, labels}; }
};

}  // namespace

TEST_CASE("a finite gradient whose square is not leaves Adam as it was, and is named", "[learner][errors]") {
  for (const float large : {1e21F, -3e38F}) {
    ll::Learner learner{Plain{}, SynapticIntelligence{}, Quadratic{}, Adam{}};
    learner.step(std::vector<float>(5, 0.1F));
    CHECK(refusal_of_gradient(learner, {0.1F, large, 0.1F, 0.1F, 0.1F}) ==
          "the step was too large: optimizer.second_moment of parameter 1 is inf in step 2");
    const float before = learner.parameters()[1];
    learner.step(std::vector<float>(5, 0.1F));
    CHECK(learner.parameters()[1] < before);
  }
}

TEST_CASE("nothing that overflows is stored, in whatever array of a policy it would be", "[learner][errors]") {
  const std::vector<float> large{0.1F, 0.1F, 2e38F, 0.1F, 0.1F};
  SECTION("parameters") {
    ll::Learner learner{Plain{}, Constant{}, Quadratic{}, Sgd{.learning_rate = 10}};
    CHECK(refusal_of_gradient(learner, large) == "the step was too large: parameter 2 is -inf in step 1");
  }
  SECTION("parameters, by a learning rate on an ordinary gradient") {
    ll::Learner learner{Plain{}, Constant{}, Quadratic{}, Sgd{.learning_rate = 3e38}};
    CHECK(refusal_of_gradient(learner, {0, 0, 0, -20, 0}) == "the step was too large: parameter 3 is inf in step 1");
  }
  SECTION("a velocity") {
    ll::Learner learner{Plain{}, Constant{}, Quadratic{}, Momentum{.learning_rate = 1e-30}};
    learner.step(std::span<const float>(large));
    CHECK(refusal_of_gradient(learner, large) == "the step was too large: parameter 2 is -inf in step 2");
  }
  SECTION("a path") {
    ll::Learner learner{Plain{}, SynapticIntelligence{}, Quadratic{}, Sgd{.learning_rate = 1e-2}};
    CHECK(refusal_of_gradient(learner, large) ==
          "the step was too large: importance.path of parameter 2 is inf in step 1");
  }
  SECTION("a running Fisher information") {
    ll::Learner learner{Plain{}, RWalk{}, Quadratic{}, Sgd{.learning_rate = 1e-30}};
    CHECK_THAT(refusal_of_gradient(learner, large), test::ContainsSubstring("of parameter 2 is inf in step 1"));
  }
  SECTION("the penalty's gradient, from parameters that were moved by hand") {
    ll::Learner learner{Plain{}, Constant{.value = 1e10}, Quadratic{.strength = 1e10}, Sgd{.learning_rate = 1e-3}};
    learner.consolidate();
    learner.parameters()[4] = 1e30F;
    CHECK(refusal_of_gradient(learner, std::vector<float>(5, 0.0F)) ==
          "the step was too large: parameter 4 is -inf in step 1");
  }
  SECTION("an implicit penalty of parameters that were moved by hand") {
    ll::Learner learner{Plain{}, Constant{}, ll::penalty::ImplicitQuadratic{}, Sgd{.learning_rate = 0.1}};
    learner.set_importance(std::vector<float>(5, 1e38F));
    learner.step(std::vector<float>(5, 0.1F));
    learner.parameters()[3] += 1e3F;
    CHECK(refusal_of_gradient(learner, std::vector<float>(5, 0.1F)) == "the penalty is inf in step 2");
  }
  SECTION("the penalty's value alone") {
    ll::Learner learner{Plain{}, Constant{}, Quadratic{}, Sgd{.learning_rate = 0}};
    learner.consolidate();
    learner.parameters()[4] = 1e20F;
    CHECK(refusal_of_gradient(learner, std::vector<float>(5, 0.0F)) == "the penalty is inf in step 1");
  }
  SECTION("a penalty that grows by itself until it overflows") {
    ll::Learner learner{Plain{}, Constant{}, Quadratic{.strength = 1e4}, Sgd{.learning_rate = 1}};
    learner.consolidate();
    std::vector<float> gradient(5, 0.1F);
    learner.step(std::span<const float>(gradient));
    gradient.assign(5, 0.0F);
    std::string message;
    for (int step = 0; step < 40 && message.empty(); ++step) {
      const auto before = everything(learner);
      try {
        learner.step(std::span<const float>(gradient));
      } catch (const ll::NumericError& error) {
        message = error.what();
        const bool same = everything(learner) == before;
        CHECK(same);
      }
      for (const float value : learner.parameters()) REQUIRE(std::isfinite(value));
    }
    CHECK_THAT(message, test::ContainsSubstring("in step"));
  }
}

TEST_CASE("a step with a way back is the same step, bit for bit", "[learner]") {
  // A pull of 1e9 makes every step careful, and none of them is when the same product has another factor.
  const auto trained = [](double strength, double value) {
    ll::Learner learner{Plain{}, Constant{.value = value}, Quadratic{.strength = strength}, Adam{}};
    learner.consolidate();
    for (int step = 0; step < 5; ++step) learner.step(std::vector<float>{1, -2, 3, 0.5F, 0});
    return std::vector<float>(learner.parameters().begin(), learner.parameters().end());
  };
  CHECK(trained(1, 1) != trained(1, 1e9));
  ll::Learner careful{Plain{}, Constant{}, ll::penalty::None{}, Sgd{.learning_rate = 0.25}};
  ll::Learner fast = careful;
  careful.step(std::vector<float>(5, 1e8F));  // beyond what is ordinary
  for (float& value : fast.parameters()) value -= 0.25F * 1e8F;
  CHECK(std::vector<float>(careful.parameters().begin(), careful.parameters().end()) ==
        std::vector<float>(fast.parameters().begin(), fast.parameters().end()));
}

TEST_CASE("importances that add up to infinity are refused before they are merged", "[learner][errors]") {
  ll::Learner learner{Plain{}, Constant{.value = 3e38, .merge = Merge::sum()}, Quadratic{}, Sgd{}};
  learner.consolidate();
  CHECK(refusal(learner, [](auto& at) { at.consolidate(); }) ==
        "consolidate: the importance of parameter 0, or its penalty, would be more than the largest number, together "
        "with "
        "the tasks before");
  ll::Learner compact{Plain{}, Constant{}, ll::compact(Quadratic{}), Sgd{}};
  CHECK_THAT(refusal(compact,
                     [](auto& at) {
                       at.set_importance(std::vector<float>{1, 1, std::numeric_limits<float>::max(), 1, 1});
                     }),
             test::ContainsSubstring("the importance of parameter 2 is 3.4"));
  compact.set_importance(std::vector<float>(5, 3.3e38F));
  CHECK(std::isfinite(static_cast<float>(compact.importance()[0])));
  ll::Learner anchors{Plain{}, Constant{.value = 1e10, .merge = Merge::sum()}, Quadratic{.anchor = Anchor::per_task},
                      Sgd{}};
  anchors.consolidate();
  anchors.parameters()[0] = 1e25F;
  CHECK_THAT(refusal(anchors, [](auto& at) { at.consolidate(); }),
             test::ContainsSubstring("the importance of parameter 0, or its penalty"));
  learner.parameters()[3] = not_a_number;
  CHECK(refusal(learner, [](auto& at) { at.consolidate(); }) == "parameter 3 is nan in step 1");
}

TEST_CASE("an importance that is 0 everywhere is an error, unless it is wanted", "[learner][errors]") {
  ll::Learner learner{Plain{}, SynapticIntelligence{}, Quadratic{}, Sgd{}};
  CHECK(refusal(learner, [](auto& at) { at.consolidate(); }) ==
        "consolidate: the importance of all 5 parameters is 0, so nothing of this task would be protected. It is "
        "gathered "
        "while the learner takes steps: have they moved anything in this task?");
  learner.step(std::vector<float>(5, 1.0F));
  learner.consolidate();
  CHECK_NOTHROW(ll::Learner(Plain{}, Constant{.value = 0}, Quadratic{}, Sgd{}).consolidate());
  CHECK_NOTHROW(ll::Learner(Plain{}, SynapticIntelligence{}, ll::penalty::None{}, Sgd{}).consolidate());
  // One sample whose class is certain has no Fisher information.
  auto certain = ll::nn::mlp<float>({4, 2}, {.seed = 1});
  for (float& value : certain.parameters()) value = 0;
  certain.parameters()[8] = 200;
  ll::Learner sure{certain, Fisher{}, Quadratic{}, Sgd{}};
  CHECK_THAT(refusal(sure, [](auto& at) { at.consolidate(std::vector{Points().batch()}); }),
             test::ContainsSubstring("all 10 parameters is 0"));
  CHECK_THAT(refusal(sure, [](auto& at) { at.update_importance(std::vector{Points().batch()}); }),
             test::ContainsSubstring("update_importance: the importance of all 10"));
}

TEST_CASE("a refused step gives back dropout's counter and running statistics", "[learner][errors][nn]") {
  using namespace ll::nn;
  const auto make = [] {
    return ll::Learner{sequential<float>(std::tuple{Linear{4, 6}, BatchNorm{6}, ReLU{}, Dropout{0.5}, Linear{6, 2}}, 1),
                       Fisher{}, Quadratic{}, Sgd{.learning_rate = 0.1}};
  };
  auto learner = make(), untouched = make();
  const Points points;
  learner.step(points.batch());
  untouched.step(points.batch());
  Points bad = points;
  SECTION("an input that is not finite, named by sample and feature") {
    bad.inputs[4 * 5 + 3] = not_a_number;
    CHECK(refusal(learner, [&](auto& at) { at.step(bad.batch()); }) == "sample 5, feature 3 of the batch is nan");
  }
  SECTION("an input that makes the running variance infinite") {
    bad.inputs[2] = 1e25F;
    CHECK_THAT(refusal(learner, [&](auto& at) { at.step(bad.batch()); }), test::ContainsSubstring("running_var"));
  }
  SECTION("a finite loss whose gradient is not") {
    auto broken = sequential<float>(std::tuple{BatchNorm{4}, Linear{4, 1}}, 1, {}, MeanSquaredError{});
    ll::Learner regression{broken, GaussianFisher{}, Quadratic{}, Sgd{}};
    const std::vector<float> targets(8, 3e38F);
    CHECK_THAT(refusal(regression,
                       [&](auto& at) {
                         at.step(ll::Batch<float>{8, 4, points.inputs, {}, targets});
                       }),
               test::ContainsSubstring("the gradient of 0.weight[0] is"));
  }
  SECTION("a step that would overflow") {
    auto network = sequential<float>(std::tuple{BatchNorm{4}, Dropout{0.5}, Linear{4, 1}}, 1, {}, MeanSquaredError{});
    ll::Learner regression{network, GaussianFisher{}, Quadratic{}, Adam{}};
    const std::vector<float> targets(8, 1e22F);
    CHECK_THAT(refusal(regression,
                       [&](auto& at) {
                         at.step(ll::Batch<float>{8, 4, points.inputs, {}, targets});
                       }),
               test::ContainsSubstring("optimizer.second_moment of "));
  }
  for (int k = 0; k < 3; ++k) {
    learner.step(points.batch());
    untouched.step(points.batch());
  }
  const bool same = everything(learner) == everything(untouched);
  CHECK(same);
}

TEST_CASE("a call of fit that fails before its first step keeps the optimizer's arrays", "[learner][errors]") {
  struct Broken : Points {
    [[nodiscard]] std::size_t size() const { return labels.size(); }
    [[nodiscard]] std::size_t features() const { return 4; }
    [[nodiscard]] std::size_t targets() const { return 0; }
    void read(std::size_t, ll::ExampleRow<float>) const { throw ll::FileError("the disk is gone"); }
  };
  ll::Learner learner{ll::nn::mlp<float>({4, 3, 2}, {.seed = 1}), Fisher{}, Quadratic{}, Adam{}};
  learner.step(Points().batch());
  refusal<ll::FileError>(learner, [](auto& at) { at.fit(Broken{}, {.optimizer_state = ll::OptimizerState::reset}); });
  const auto other = learner;
  learner.step(Points().batch());
  auto fresh = other;
  fresh.step(Points().batch());
  const bool same = everything(learner) == everything(fresh);
  CHECK(same);
}

TEST_CASE("a model that was resized behind the learner is refused by every call", "[learner][errors]") {
  ll::Learner learner{Plain{}, SynapticIntelligence{}, Quadratic{}, Adam{}};
  learner.model().theta.resize(4000, 1.0F);
  const std::string expected =
      "the model has 4000 parameters where the learner has arrays for 5: let learner.grow(outputs) grow it, or make a "
      "new "
      "learner";
  std::vector<float> values(4000, 0.1F);
  CHECK(message_of<ll::ShapeMismatch>([&] { learner.step(std::span<const float>(values)); }) == expected);
  CHECK(message_of<ll::ShapeMismatch>([&] { learner.consolidate(); }) == expected);
  CHECK(message_of<ll::ShapeMismatch>([&] { learner.set_importance(values); }) == expected);
  CHECK(message_of<ll::ShapeMismatch>([&] { learner.copy_importance(values); }) == expected);
  CHECK(message_of<ll::ShapeMismatch>([&] { learner.copy_parameters(0, values); }) == expected);
  CHECK(message_of<ll::ShapeMismatch>([&] { (void)learner.penalty_value(); }) == expected);
  CHECK(message_of<ll::ShapeMismatch>([&] { (void)learner.state(); }) == expected);

  ll::Learner growing{ll::nn::sequential<float>(ll::nn::Linear{4, 6}, ll::nn::Heads{6, {2}}), Fisher{}, Quadratic{},
                      Adam{}};
  growing.model().grow(50);
  CHECK_THROWS_AS(growing.step(Points().batch()), ll::ShapeMismatch);
  CHECK_THROWS_AS(growing.consolidate(std::vector{Points().batch()}), ll::ShapeMismatch);
}

TEST_CASE("settings that are no numbers in the parameters' type are refused when the learner is made",
          "[learner][errors]") {
  const auto with = [](auto importance, auto penalty, auto optimizer) {
    return message_of<ll::InvalidArgument>([&] { ll::Learner(Plain{}, importance, penalty, optimizer); });
  };
  CHECK(with(Constant{}, Quadratic{.strength = 1e39}, Sgd{}) ==
        "Quadratic.strength must be a number that fits the parameters' type, float, but is 1e+39");
  CHECK_THAT(with(Constant{}, Quadratic{.strength = 1e-60}, Sgd{}), test::ContainsSubstring("Quadratic.strength"));
  CHECK_THAT(with(Constant{}, ll::penalty::ImplicitQuadratic{.strength = 1e40}, Sgd{}),
             test::ContainsSubstring("ImplicitQuadratic.strength"));
  CHECK_THAT(with(Constant{}, ll::penalty::L1{.strength = 1e40}, Sgd{}), test::ContainsSubstring("L1.strength"));
  CHECK_THAT(with(Constant{}, ll::penalty::Huber{.threshold = 1e-50}, Sgd{}),
             test::ContainsSubstring("Huber.threshold"));
  CHECK_THAT(with(Constant{}, ll::compact(Quadratic{.strength = 1e39}), Sgd{}), test::ContainsSubstring("strength"));
  CHECK_THAT(with(Constant{.value = 1e39}, Quadratic{}, Sgd{}), test::ContainsSubstring("Constant.value"));
  CHECK_THAT(with(Constant{}, Quadratic{}, Sgd{.learning_rate = 1e39}), test::ContainsSubstring("Sgd.learning_rate"));
  CHECK_THAT(with(Constant{}, Quadratic{}, Momentum{.learning_rate = 1e39}),
             test::ContainsSubstring("Momentum.learning"));
  CHECK_THAT(with(Constant{}, Quadratic{}, Momentum{.momentum = 1 - 1e-12}),
             test::ContainsSubstring("Momentum.momentum"));
  CHECK_THAT(with(Constant{}, Quadratic{}, Adam{.epsilon = 1e-60}), test::ContainsSubstring("Adam.epsilon"));
  CHECK_THAT(with(Constant{}, Quadratic{}, Adam{.beta2 = 1 - 1e-12}), test::ContainsSubstring("Adam.beta"));
  CHECK_THAT(with(Constant{}, Quadratic{}, ll::optimizer::AdamW{.weight_decay = 1e39}),
             test::ContainsSubstring("AdamW.weight_decay"));
  CHECK_THAT(with(Constant{}, Quadratic{}, ll::optimizer::L2<Adam>{{.epsilon = 1e-60}, 0.1}),
             test::ContainsSubstring("Adam.epsilon"));
  CHECK_THAT(with(Constant{}, Quadratic{}, ll::optimizer::L2<Sgd>{{}, 1e-60}),
             test::ContainsSubstring("L2.weight_decay"));
  CHECK_THAT(with(Constant{}, Quadratic{}, ll::optimizer::Decoupled<Sgd>{{}, 1e39}),
             test::ContainsSubstring("Decoupled.weight_decay"));
  CHECK_NOTHROW(ll::Learner(Plain{}, Constant{}, Quadratic{.strength = 1e38}, Sgd{.learning_rate = 0}));
  CHECK(ll::detail::setting<float>("s", std::numeric_limits<double>::infinity()) == infinity);
}

TEST_CASE("first moments that have decayed to almost nothing become 0", "[learner][denormals]") {
  const auto least = std::numeric_limits<float>::min();
  ll::Learner learner{Plain{}, RWalk{}, Quadratic{}, Adam{}};
  learner.step(std::vector<float>(5, 0.1F));
  const std::vector<float> nothing(5, 0.0F);
  for (int step = 0; step < 1500; ++step) learner.step(std::span<const float>(nothing));
#if defined(__SSE2__) || defined(__aarch64__)
  learner.state().visit(
      [&](const std::string&, auto& values) {
        for (const auto value : values) REQUIRE((value == 0 || std::abs(static_cast<float>(value)) >= least));
      },
      [](const std::string&, auto&) {});
#endif
  volatile float tiny = least;
  CHECK(tiny / 4 > 0);  // the caller's arithmetic is what it was
}

TEST_CASE("Kronecker factors that are 0 or overflow are refused, and the old ones stay", "[learner][errors][nn]") {
  using namespace ll::nn;
  const Points points;
  const std::vector batches{points.batch()};
  auto certain = mlp<float>({4, 2}, {.seed = 1});
  for (float& value : certain.parameters()) value = 0;
  certain.parameters()[8] = 200;
  ll::Learner sure{certain, KroneckerFisher{}, KroneckerPenalty{}, Sgd{}};
  CHECK_THAT(refusal(sure, [&](auto& at) { at.consolidate(batches); }),
             test::ContainsSubstring("the importance of every layer is 0"));
  ll::Learner learner{mlp<float>({4, 2}, {.seed = 1}), KroneckerFisher{}, KroneckerPenalty{}, Sgd{}};
  learner.consolidate(batches);
  Points large = points;
  for (float& value : large.inputs) value *= 1e20F;
  for (float& value : learner.parameters()) value = 0;  // so that the classes are not certain
  CHECK_THAT(refusal(learner, [&](auto& at) { at.consolidate(std::vector{large.batch()}); }),
             test::ContainsSubstring("0: its factor A holds inf"));
  learner.parameters()[2] = infinity;
  CHECK_THAT(refusal(learner, [&](auto& at) { at.consolidate(batches); }),
             test::ContainsSubstring("0.weight[2] is inf"));
}

}  // namespace refused_step_test
