// SPDX-License-Identifier: MIT
// The implicit penalty with Adam and every kind of weight decay, against its formula written out step by step.
#include <lifelong/lifelong.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace implicit_adam_test {

namespace ll = lifelong;
using namespace ll::optimizer;

namespace {

constexpr double rate = 0.05, decay = 0.4, epsilon = 0.01, strength = 7;

/// One parameter under Adam by hand. `coupled`: the decay is part of the gradient; else it is apart from it.
struct ByHand {
  double theta, anchor, omega;
  bool coupled;
  double m = 0, v = 0, t = 0;

  void step(double g, double w) {
    ++t;
    const double d = coupled ? g + w * theta : g;
    m = 0.9 * m + 0.1 * d;
    v = 0.999 * v + 0.001 * d * d;
    const double root = std::sqrt(v / (1 - std::pow(0.999, t)));
    const double stepped =
        theta - rate * (m / (1 - std::pow(0.9, t))) / (root + epsilon) - (coupled ? 0 : rate * w * theta);
    const double c = rate / (root + epsilon) * strength * omega;
    theta = (stepped + c * anchor) / (1 + c);
  }
};

template <class Optimizer>
void check(const Optimizer& optimizer, bool coupled, double w = decay) {
  ll::Learner learner{test::TinyModel(), ll::importance::Constant{},
                      ll::penalty::ImplicitQuadratic{.strength = strength}, optimizer};
  const std::size_t count = learner.parameters().size();
  std::vector<double> omega(count), gradient(count);
  for (std::size_t i = 0; i < count; ++i) omega[i] = 0.3 * static_cast<double>(i % 4);
  learner.set_importance(omega);
  std::vector<ByHand> slow;
  for (std::size_t i = 0; i < count; ++i)
    slow.push_back({learner.parameters()[i], learner.parameters()[i], omega[i], coupled});
  const ll::Random random(3);
  for (std::size_t k = 0; k < 12; ++k) {
    for (std::size_t i = 0; i < count; ++i) {
      gradient[i] = random.normal(k * count + i);
      slow[i].step(gradient[i], w);
    }
    learner.step(std::span<const double>(gradient));
    for (std::size_t i = 0; i < count; ++i)
      REQUIRE_THAT(learner.parameters()[i], test::WithinAbs(slow[i].theta, 1e-12));
  }
}

/// The rate that the kernel tells after each of four steps, against η / (√v̂ + ε) by hand.
template <class Optimizer>
void check_rate(const Optimizer& optimizer, bool coupled) {
  double first = 0, second = 0, theta = 1.5, v = 0;
  for (std::uint64_t t = 1; t <= 4; ++t) {
    const double g = 0.5 - 0.3 * static_cast<double>(t), d = coupled ? g + decay * theta : g;
    v = 0.999 * v + 0.001 * d * d;
    const auto kernel = optimizer.template kernel<double>(std::array<double*, 2>{&first, &second}, t);
    theta = kernel.step(0, theta, g);
    const double root = std::sqrt(v / (1 - std::pow(0.999, static_cast<double>(t))));
    REQUIRE_THAT(kernel.template rate<double>(0), test::WithinRel(rate / (root + epsilon), 1e-12));
  }
}

}  // namespace

TEST_CASE("the implicit step uses the rate of Adam with its decay", "[penalty][optimizer]") {
  check(Adam{.learning_rate = rate, .epsilon = epsilon}, false, 0);
  check(AdamW{.learning_rate = rate, .weight_decay = decay, .epsilon = epsilon}, false);
  check(Decoupled<Adam>{{.learning_rate = rate, .epsilon = epsilon}, decay}, false);
  check(L2<Adam>{{.learning_rate = rate, .epsilon = epsilon}, decay}, true);
}

TEST_CASE("Adam's rate with decay is that of the gradient it takes the square of", "[penalty][optimizer]") {
  check_rate(AdamW{.learning_rate = rate, .weight_decay = decay, .epsilon = epsilon}, false);
  check_rate(Decoupled<Adam>{{.learning_rate = rate, .epsilon = epsilon}, decay}, false);
  check_rate(L2<Adam>{{.learning_rate = rate, .epsilon = epsilon}, decay}, true);
}

}  // namespace implicit_adam_test
