// SPDX-License-Identifier: MIT
// Optimizers against their formulas, written out for one parameter in double.
#include <lifelong/lifelong.hpp>

#include <array>
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace optimizer_test {

namespace ll = lifelong;

namespace {

const std::vector<double> gradients{0.3, -1.2, 0.05, 2.0, -0.7};

/// Parameter 0 after each of the gradients above.
template <class Optimizer>
std::vector<double> path_of(const Optimizer& optimizer) {
  ll::Learner learner{test::TinyModel(), ll::importance::Constant{}, ll::penalty::None{}, optimizer};
  std::vector<double> path{learner.parameters()[0]};
  for (const double g : gradients) {
    const std::vector<double> all(learner.parameters().size(), g);
    learner.step(std::span<const double>(all));
    path.push_back(learner.parameters()[0]);
  }
  return path;
}

void check(const std::vector<double>& path, const std::vector<double>& expected) {
  REQUIRE(path.size() == expected.size());
  for (std::size_t k = 0; k < path.size(); ++k) REQUIRE_THAT(path[k], test::WithinRel(expected[k], 1e-13));
}

template <class Step>
std::vector<double> expected_path(Step step) {
  std::vector<double> path{test::TinyModel().theta[0]};
  for (const double g : gradients) path.push_back(step(path.back(), g));
  return path;
}

std::vector<double> expected_adam(double rate, double decay) {
  double m = 0, v = 0;
  int t = 0;
  return expected_path([&](double theta, double g) {
    ++t;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const double mean = m / (1 - std::pow(0.9, t)), square = v / (1 - std::pow(0.999, t));
    return theta - rate * decay * theta - rate * mean / (std::sqrt(square) + 1e-8);
  });
}

}  // namespace

TEST_CASE("SGD, momentum, Adam and AdamW follow their formulas", "[optimizer]") {
  check(path_of(ll::optimizer::Sgd{.learning_rate = 0.1}),
        expected_path([](double theta, double g) { return theta - 0.1 * g; }));
  double v = 0;
  check(path_of(ll::optimizer::Momentum{.learning_rate = 0.1, .momentum = 0.8}),
        expected_path([&v](double theta, double g) { return theta - 0.1 * (v = 0.8 * v + g); }));
  check(path_of(ll::optimizer::Adam{.learning_rate = 0.01}), expected_adam(0.01, 0));
  check(path_of(ll::optimizer::AdamW{.learning_rate = 0.01, .weight_decay = 0.3}), expected_adam(0.01, 0.3));
}

TEST_CASE("a reset optimizer starts as a new one", "[optimizer]") {
  const std::vector<double> g(test::TinyModel().theta.size(), 0.5);
  ll::Learner used{test::TinyModel(), ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Adam{}};
  ll::Learner fresh = used;
  used.step(std::span<const double>(g));
  used.reset_optimizer();
  std::copy(fresh.parameters().begin(), fresh.parameters().end(), used.parameters().begin());
  used.step(std::span<const double>(g));
  fresh.step(std::span<const double>(g));
  for (std::size_t i = 0; i < g.size(); ++i) REQUIRE(used.parameters()[i] == fresh.parameters()[i]);
}

TEST_CASE("settings outside their domain are refused by name and value", "[optimizer][errors]") {
  const auto message = [](const auto& policy) -> std::string {
    try {
      policy.validate();
    } catch (const ll::InvalidArgument& error) {
      return error.what();
    }
    return "";
  };
  const double nan = std::nan("");
  REQUIRE(message(ll::optimizer::Sgd{.learning_rate = -1}) ==
          "Sgd.learning_rate must be a finite number of at least 0, but is -1");
  REQUIRE(message(ll::optimizer::Momentum{.momentum = 1}) == "Momentum.momentum must be in [0, 1), but is 1");
  REQUIRE(message(ll::optimizer::Adam{.beta1 = nan}) == "Adam.beta1 must be in [0, 1), but is nan");
  REQUIRE(message(ll::optimizer::AdamW{.weight_decay = -0.5}) ==
          "AdamW.weight_decay must be a finite number of at least 0, but is -0.5");
  REQUIRE(message(ll::penalty::Quadratic{.strength = nan}) ==
          "Quadratic.strength must be a finite number of at least 0, but is nan");
  REQUIRE(message(ll::importance::SynapticIntelligence{.xi = 0}) ==
          "SynapticIntelligence.xi must be a finite number above 0, but is 0");
  REQUIRE(message(ll::importance::Constant{.value = -2}) ==
          "Constant.value must be a finite number of at least 0, but is -2");
  REQUIRE(message(ll::importance::Fisher{.merge = ll::importance::Merge::average(1.5)}) ==
          "Merge::average(alpha) must be in [0, 1], but is 1.5");
  REQUIRE(message(ll::importance::Fisher{.merge = ll::importance::Merge::decay(1.5)}) != "");
  REQUIRE(message(ll::importance::Fisher{.merge = ll::importance::Merge::decay(0)}) == "");
}

TEST_CASE("weight decay is part of the gradient or apart from it", "[optimizer]") {
  using namespace ll::optimizer;
  double v = 0;
  check(path_of(L2<Momentum>{{.learning_rate = 0.1, .momentum = 0.8}, 0.3}),
        expected_path([&v](double theta, double g) { return theta - 0.1 * (v = 0.8 * v + g + 0.3 * theta); }));
  double u = 0;
  check(path_of(Decoupled<Momentum>{{.learning_rate = 0.1, .momentum = 0.8}, 0.3}),
        expected_path([&u](double theta, double g) { return theta - 0.1 * (u = 0.8 * u + g) - 0.1 * 0.3 * theta; }));
  check(path_of(Decoupled<Adam>{{.learning_rate = 0.01}, 0.3}), expected_adam(0.01, 0.3));
  check(path_of(L2<Sgd>{{.learning_rate = 0.1}, 0}), path_of(Sgd{.learning_rate = 0.1}));
}

TEST_CASE("weight decay keeps what its optimizer can and says what it is", "[optimizer]") {
  using namespace ll::optimizer;
  CHECK(L2<Sgd>{{.learning_rate = 0.1}, 5e-4}.recipe() == "L2(Sgd(learning rate 0.1), weight decay 0.0005)");
  CHECK(Decoupled<Sgd>{{.learning_rate = 0.1}, 5e-4}.recipe() ==
        "Decoupled(Sgd(learning rate 0.1), weight decay 0.0005)");
  CHECK(test::message_of<ll::InvalidArgument>([] {
          L2<Sgd>{{}, -1}.validate();
        }) == "L2.weight_decay must be a finite number of at least 0, but is -1");
  CHECK(test::message_of<ll::InvalidArgument>([] {
          Decoupled<Adam>{{.beta1 = 1}, 0}.validate();
        }) == "Adam.beta1 must be in [0, 1), but is 1");
  CHECK(L2<Adam>{{.learning_rate = 0.2}, 1}.kernel<float>(std::array<float*, 2>{}, 1).weight_decay == 1);
  ll::Learner learner{test::TinyModel(), ll::importance::Constant{}, ll::penalty::ImplicitQuadratic{},
                      L2<Momentum>{{}, 1e-3}};
  learner.fit(test::TinyTask(1), {.schedule = {.decay = ll::optimizer::Decay::linear, .final_share = 0.5}});
  CHECK(learner.optimizer_policy().learning_rate == Momentum{}.learning_rate);
}

TEST_CASE("a schedule warms up and decays", "[optimizer]") {
  using ll::optimizer::Decay, ll::optimizer::Schedule;
  const Schedule linear{.decay = Decay::linear, .final_share = 0.1, .warmup = 4, .steps = 14};
  CHECK(linear(0) == 0.2);
  CHECK(linear(3) == 0.8);
  CHECK(linear(4) == 1);
  CHECK_THAT(linear(9), test::WithinRel(0.55, 1e-14));
  CHECK_THAT(linear(14), test::WithinRel(0.1, 1e-14));
  CHECK(linear(1000) == linear(14));
  const Schedule cosine{.decay = Decay::cosine, .steps = 6};
  CHECK(cosine(0) == 1);
  CHECK_THAT(cosine(2), test::WithinRel(0.75, 1e-14));
  CHECK_THAT(cosine(3), test::WithinRel(0.5, 1e-14));
  CHECK_THAT(cosine(6), test::WithinAbs(0, 1e-16));
  CHECK(Schedule{}(77) == 1);
  CHECK_FALSE(Schedule{}.changes());
  CHECK(test::message_of<ll::InvalidArgument>([] {
          Schedule{.decay = Decay::linear, .warmup = 3, .steps = 3}.validate();
        }) == "Schedule.steps must be more than Schedule.warmup, but they are 3 and 3");
  CHECK(test::message_of<ll::InvalidArgument>([] {
          Schedule{.decay = Decay::linear, .final_share = 1.5, .steps = 3}.validate();
        }) == "Schedule.final_share must be in [0, 1], but is 1.5");
}

}  // namespace optimizer_test
