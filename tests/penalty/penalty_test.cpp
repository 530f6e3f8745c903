// SPDX-License-Identifier: MIT
// Penalties: zero at the anchor, positive off it, gradients the derivatives of values, separate quadratic ones per task
// collapsed into two arrays without changing anything, and implicit steps that no strength upsets.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace penalty_test {

namespace ll = lifelong;
using ll::importance::Fisher;
using ll::importance::Merge;
using ll::importance::SynapticIntelligence;
using ll::optimizer::Adam;
using ll::optimizer::AdamW;
using ll::optimizer::Momentum;
using ll::optimizer::Sgd;
using ll::penalty::Anchor;
using ll::penalty::Huber;
using ll::penalty::ImplicitQuadratic;
using ll::penalty::L1;
using ll::penalty::Quadratic;

namespace {

template <class Penalty = Quadratic>
auto make(Fisher fisher, Penalty penalty) {
  return ll::Learner{test::TinyModel(), fisher, penalty, Sgd{.learning_rate = 1}};
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

/// Value and gradient of a penalty on one parameter with importance `omega`, `move` away from its anchor.
template <class Penalty>
ll::penalty::Term<double> term_of(const Penalty& penalty, double omega, double move) {
  double importance = omega, anchor = 0.25;
  return penalty.template kernel<double>({&importance, &anchor}).term(0, anchor + move);
}

/// ½ Σ_i h_i (θ_i - b_i)² with h_i = 1, 2, 3, ... and its minimum away from the first parameters, which are 0.
template <class T>
struct Bowl {
  using value_type = T;
  ll::AlignedVector<T> theta;
  T curvature(std::size_t i) const { return static_cast<T>(1 + i % 7); }
  T bottom(std::size_t i) const { return static_cast<T>(1) + static_cast<T>(i % 3); }

  explicit Bowl(std::size_t count = 9) : theta(count) {}
  std::span<T> parameters() { return theta; }
  double gradient(const ll::Batch<T>&, std::span<T> out) const {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = curvature(i) * (theta[i] - bottom(i));
    return 1;
  }
};

/// Importances 1, 1/2, 1/3, ... with the anchor at 0.
template <class Penalty, class Optimizer, class T = double, class Backend = ll::backend::Serial>
auto bowl_learner(Penalty penalty, Optimizer optimizer, std::size_t count = 9, Backend backend = {}) {
  ll::Learner learner{Bowl<T>(count), ll::importance::Constant{}, penalty, optimizer, backend};
  std::vector<T> importance(count);
  for (std::size_t i = 0; i < count; ++i) importance[i] = T(1) / static_cast<T>(1 + i % 11);
  learner.set_importance(importance);
  return learner;
}

template <class Learner>
void steps(Learner& learner, int count) {
  for (int k = 0; k < count; ++k) learner.step(ll::Batch<typename Learner::value_type>{});
}

/// The parameters' largest distance from the minimum of the penalised bowl.
template <class Learner>
double distance_from_minimum(Learner& learner, double strength) {
  double most = 0;
  for (std::size_t i = 0; i < learner.parameters().size(); ++i) {
    const double h = learner.model().curvature(i), pull = strength * learner.importance()[i];
    most = std::max(most, std::abs(learner.parameters()[i] - h * learner.model().bottom(i) / (h + pull)));
  }
  return most;
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

TEST_CASE("Huber is the quadratic near the anchor and linear beyond, and L1 is linear everywhere", "[penalty]") {
  const double lambda = 2.5, delta = 0.3, omega = 1.7;
  for (double move = -1; move <= 1; move += 0.0625) {
    const double size = std::abs(move), sign = move > 0 ? 1 : move < 0 ? -1 : 0;
    const bool near = size <= delta;
    const auto huber = term_of(Huber{.strength = lambda, .threshold = delta}, omega, move);
    REQUIRE_THAT(huber.value,
                 test::WithinRel(lambda * omega * (near ? 0.5 * move * move : delta * (size - 0.5 * delta)), 1e-12));
    REQUIRE_THAT(huber.gradient, test::WithinRel(lambda * omega * (near ? move : sign * delta), 1e-12));
    const auto l1 = term_of(L1{.strength = lambda}, omega, move);
    REQUIRE_THAT(l1.value, test::WithinRel(lambda * omega * size, 1e-12));
    REQUIRE_THAT(l1.gradient, test::WithinRel(lambda * omega * sign, 1e-12));
    const auto quadratic = term_of(Quadratic{.strength = lambda}, omega, move);
    const auto wide = term_of(Huber{.strength = lambda, .threshold = 10}, omega, move);
    REQUIRE_THAT(wide.value, test::WithinRel(quadratic.value, 1e-12));
    REQUIRE_THAT(wide.gradient, test::WithinRel(quadratic.gradient, 1e-12));
  }
}

TEST_CASE("gradients of Huber and L1 are the derivatives of their values, away from the kinks", "[penalty]") {
  const auto check = [](auto penalty) {
    auto learner = make({}, penalty);
    for (std::uint64_t task = 1; task <= 3; ++task) {
      learner.consolidate(test::TinyTask(task));
      for (std::size_t i = 0; i < learner.parameters().size(); ++i)
        REQUIRE(learner.anchor()[i] == learner.parameters()[i]);
      REQUIRE(learner.penalty_value() == 0);
      move(learner, task);
    }
    REQUIRE(learner.penalty_value() > 1e-4);
    const auto gradient = penalty_gradient(learner);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double eps = 1e-6, theta = learner.parameters()[i];
      REQUIRE(std::abs(theta - learner.anchor()[i]) > 2 * eps);
      learner.parameters()[i] = theta + eps;
      const double up = learner.penalty_value();
      learner.parameters()[i] = theta - eps;
      const double down = learner.penalty_value();
      learner.parameters()[i] = theta;
      REQUIRE_THAT(gradient[i], test::WithinAbs((up - down) / (2 * eps), 1e-5 + 1e-3 * std::abs(gradient[i])));
    }
  };
  check(Huber{.strength = 2.5, .threshold = 0.05});
  check(L1{.strength = 2.5});
}

TEST_CASE("penalties compute the same in packets as in scalars", "[penalty]") {
  const auto check = [](const auto& penalty, auto number) {
    using T = decltype(number);
    constexpr std::size_t size = ll::lane_count<ll::Packet<T>>;
    const ll::Random random(9);
    std::vector<T> importance(size), anchor(size), theta(size);
    for (std::size_t i = 0; i < size; ++i) {
      importance[i] = static_cast<T>(random.uniform(3 * i));
      anchor[i] = static_cast<T>(random.normal(3 * i + 1));
      theta[i] = i % 3 == 0 ? anchor[i] : static_cast<T>(random.normal(3 * i + 2));
    }
    const auto kernel = penalty.template kernel<T>({importance.data(), anchor.data()});
    const auto near = [](T a, T b) {
      const double x = static_cast<double>(a), y = static_cast<double>(b);
      return std::abs(x - y) <= 8 * static_cast<double>(std::numeric_limits<T>::epsilon()) * (1 + std::abs(y));
    };
    const auto packet = ll::load<ll::Packet<T>>(theta.data(), 0);
    const auto term = kernel.term(0, packet);
    std::vector<T> values(size), gradients(size), settled(size);
    ll::store(values.data(), 0, term.value);
    ll::store(gradients.data(), 0, term.gradient);
    if constexpr (requires { kernel.proximal(std::size_t{}, packet, packet, packet); })
      ll::store(settled.data(), 0, kernel.proximal(0, packet, packet, ll::Packet<T>(T(0.3))));
    for (std::size_t i = 0; i < size; ++i) {
      REQUIRE(near(values[i], kernel.term(i, theta[i]).value));
      REQUIRE(near(gradients[i], kernel.term(i, theta[i]).gradient));
      if constexpr (requires { kernel.proximal(std::size_t{}, theta[i], theta[i], theta[i]); })
        REQUIRE(near(settled[i], kernel.proximal(i, theta[i], theta[i], T(0.3))));
    }
  };
  const auto both = [&](const auto& penalty) {
    check(penalty, 1.0f);
    check(penalty, 1.0);
  };
  both(Quadratic{.strength = 3});
  both(ImplicitQuadratic{.strength = 3});
  both(Huber{.strength = 3, .threshold = 0.4});
  both(L1{.strength = 3});
}

TEST_CASE("the proximal step is its formula for any c, and the anchor where c overflows", "[penalty]") {
  for (const double omega : {0.0, 1e-12, 0.3, 1.0, 40.0, 1e9})
    for (const double rate : {0.0, 1e-3, 1.0, 1e5}) {
      double importance = omega, anchor = 0.25;
      const auto kernel = ImplicitQuadratic{.strength = 2}.kernel<double>({&importance, &anchor});
      const double c = rate * 2 * omega;
      REQUIRE_THAT(kernel.proximal(0, 1.0, 1.5, rate), test::WithinRel((1.5 + c * 0.25) / (1 + c), 1e-12));
      if (c == 0) REQUIRE(kernel.proximal(0, 1.0, 1.5, rate) == 1.5);
    }
  float importance = 1e30f, anchor = 0.25f;
  REQUIRE(ImplicitQuadratic{.strength = 1e5}.kernel<float>({&importance, &anchor}).proximal(0, 1.0f, 1.5f, 1e9f) ==
          0.25f);
  importance = -3;
  REQUIRE(ImplicitQuadratic{.strength = 1e5}.kernel<float>({&importance, &anchor}).proximal(0, 1.0f, 1.5f, 1.0f) ==
          1.5f);
}

TEST_CASE("optimizers tell the rate of the step they took", "[penalty][optimizer]") {
  double velocity = 0, first = 0, second = 0;
  REQUIRE(Sgd{.learning_rate = 0.3}.kernel<double>({}, 1).rate<double>(0) == 0.3);
  const auto momentum = Momentum{.learning_rate = 0.3, .momentum = 0.75}.kernel<double>({&velocity}, 1);
  REQUIRE_THAT(momentum.rate<double>(0), test::WithinRel(0.3 / 0.25, 1e-14));
  double theta = 0;
  for (int k = 0; k < 400; ++k) theta = momentum.step(0, 0.0, 2.0);
  REQUIRE_THAT(theta, test::WithinRel(-2.0 * momentum.rate<double>(0), 1e-12));  // of a steady gradient
  const Adam adam{.learning_rate = 0.3, .epsilon = 0.01};
  for (std::uint64_t t = 1; t <= 5; ++t) {
    const auto kernel = adam.kernel<double>({&first, &second}, t);
    theta = kernel.step(0, 0.0, 2.0);
    REQUIRE_THAT(kernel.rate<double>(0), test::WithinRel(0.3 / (2 + 0.01), 1e-12));
    REQUIRE_THAT(theta, test::WithinRel(-2.0 * kernel.rate<double>(0), 1e-12));
  }
  REQUIRE_THAT((AdamW{.learning_rate = 0.3, .weight_decay = 0.5, .epsilon = 0.01}
                    .kernel<double>({&first, &second}, 5)
                    .rate<double>(0)),
               test::WithinRel(0.3 / (2 + 0.01), 1e-12));
}

TEST_CASE("the implicit step is the explicit one to first order in its rate", "[penalty]") {
  const auto after_one_step = [](auto penalty, double rate) {
    auto learner = make({}, penalty);
    learner.consolidate(test::TinyTask(1));
    move(learner, 1);
    learner.optimizer_policy().learning_rate = rate;
    learner.step(test::TinyTask(2).all());
    return std::vector<double>(learner.parameters().begin(), learner.parameters().end());
  };
  const auto distance = [&](double rate) {
    const auto a = after_one_step(Quadratic{.strength = 20}, rate);
    const auto b = after_one_step(ImplicitQuadratic{.strength = 20}, rate);
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
    return most;
  };
  REQUIRE(distance(1e-3) > 1e-9);
  for (const double rate : {1e-3, 1e-4, 1e-5})  // the difference is of second order
    REQUIRE_THAT(distance(rate) / distance(rate / 2), test::WithinAbs(4, 0.05));
}

TEST_CASE("steady states of the implicit step are minima of the penalised loss", "[penalty]") {
  const auto check = [](auto optimizer, double tolerance) {
    for (const double strength : {0.1, 3.0, 100.0}) {
      auto learner = bowl_learner(ImplicitQuadratic{.strength = strength}, optimizer);
      steps(learner, 5000);
      REQUIRE(distance_from_minimum(learner, strength) <= tolerance);
    }
  };
  check(Sgd{.learning_rate = 0.05}, 1e-12);
  check(Momentum{.learning_rate = 0.05, .momentum = 0.9}, 1e-12);
  // and they stay where they are
  auto learner = bowl_learner(ImplicitQuadratic{.strength = 3}, Sgd{.learning_rate = 0.05});
  for (std::size_t i = 0; i < learner.parameters().size(); ++i) {
    const double h = learner.model().curvature(i);
    learner.parameters()[i] = h * learner.model().bottom(i) / (h + 3 * learner.importance()[i]);
  }
  steps(learner, 1);
  REQUIRE(distance_from_minimum(learner, 3) <= 1e-15);
}

TEST_CASE("no strength upsets the implicit step where it blows up the explicit one", "[penalty]") {
  const double rate = 0.05;
  const auto ends = [](auto penalty, auto optimizer) {
    auto learner = bowl_learner(penalty, optimizer);
    steps(learner, 3000);
    return distance_from_minimum(learner, penalty.strength);
  };
  for (const double product : {1e1, 1e2, 1e4, 1e6}) {  // λ · rate · largest Ω
    const double strength = product / rate;
    INFO("product " << product);
    REQUIRE(ends(ImplicitQuadratic{.strength = strength}, Sgd{rate}) <= 1e-12);
    REQUIRE(ends(ImplicitQuadratic{.strength = strength}, Momentum{rate, 0.9}) <= 1e-12);
    REQUIRE(ends(ImplicitQuadratic{.strength = strength}, Adam{rate}) <= 1e-6);
    REQUIRE_THROWS_AS(ends(Quadratic{.strength = strength}, Sgd{rate}), ll::NumericError);
    REQUIRE_THROWS_AS(ends(Quadratic{.strength = strength}, Momentum{rate, 0.9}), ll::NumericError);
  }
}

TEST_CASE("Adam's explicit step keeps jumping about the anchor, the implicit one goes there", "[penalty]") {
  // Noise in the task's gradient, as batches make it: the quadratic's gradient turns it into steps of size η.
  const auto wandering = [](auto penalty) {
    auto learner = bowl_learner(penalty, Adam{.learning_rate = 0.05});
    std::vector<double> gradient(learner.parameters().size());
    double most = 0;
    for (std::uint64_t k = 0; k < 4000; ++k) {
      learner.model().gradient({}, gradient);
      for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += ll::Random(5).normal(k * gradient.size() + i);
      learner.step(std::span<const double>(gradient));
      if (k >= 3000) most = std::max(most, distance_from_minimum(learner, penalty.strength));
    }
    return most;
  };
  for (const double product : {1e4, 1e6}) {  // λ · η · largest Ω
    REQUIRE(wandering(Quadratic{.strength = product / 0.05}) > 2e-3);
    REQUIRE(wandering(ImplicitQuadratic{.strength = product / 0.05}) < 0.5 / product);
  }
}

TEST_CASE("the implicit step is bitwise equal for any number of threads, and for strength 0 no step at all",
          "[penalty][threads]") {
  const auto run = [](auto penalty, auto backend) {
    auto learner = bowl_learner<decltype(penalty), Adam, float>(penalty, Adam{}, 12 * ll::chunk_size + 5, backend);
    std::vector<double> values;
    for (int k = 0; k < 4; ++k) values.push_back(learner.step(ll::Batch<float>{}).penalty);
    return std::pair(values, std::vector<float>(learner.parameters().begin(), learner.parameters().end()));
  };
  const auto check = [&](auto penalty) {
    const auto serial = run(penalty, ll::backend::Serial{});
    REQUIRE(serial.first.back() > 0);
    for (const int threads : {1, 2, 3}) REQUIRE(run(penalty, ll::backend::OpenMP{threads}) == serial);
  };
  check(ImplicitQuadratic{.strength = 0.5});
  check(Huber{.strength = 0.5, .threshold = 1e-3});
  check(L1{.strength = 0.5});
  REQUIRE(run(ImplicitQuadratic{.strength = 0}, ll::backend::Serial{}).second ==
          run(Quadratic{.strength = 0}, ll::backend::Serial{}).second);
}

TEST_CASE("the implicit penalty's value and anchors are those of the explicit one", "[penalty]") {
  for (const Anchor anchor : {Anchor::last, Anchor::per_task}) {
    auto implicit = make({}, ImplicitQuadratic{.strength = 2, .anchor = anchor});
    auto explicit_ = make({}, Quadratic{.strength = 2, .anchor = anchor});
    for (std::uint64_t task = 1; task <= 3; ++task) {
      implicit.consolidate(test::TinyTask(task));
      explicit_.consolidate(test::TinyTask(task));
      move(implicit, task);
      move(explicit_, task);
    }
    REQUIRE(implicit.penalty_value() == explicit_.penalty_value());
    REQUIRE(std::ranges::equal(implicit.importance(), explicit_.importance()));
    REQUIRE(std::ranges::equal(implicit.anchor(), explicit_.anchor()));
    const double value = implicit.penalty_value();
    REQUIRE(implicit.step(test::TinyTask(4).all()).penalty == value);  // that before the step
  }
}

TEST_CASE("a path importance sees where the implicit step ends, and the penalty's gradient there", "[penalty]") {
  const bool total = GENERATE(false, true);
  using ll::importance::PathGradient;
  ll::Learner learner{test::TinyModel(),
                      SynapticIntelligence{.xi = 0.1,
                                           .clamp = ll::importance::Clamp::none,
                                           .gradient = total ? PathGradient::total : PathGradient::task},
                      ImplicitQuadratic{.strength = 5}, Sgd{.learning_rate = 0.2}};
  learner.set_importance(std::vector<double>(learner.parameters().size(), 1.0));
  const std::vector<double> start(learner.parameters().begin(), learner.parameters().end());
  std::vector<double> path(start.size()), gradient(start.size());
  for (int k = 0; k < 5; ++k) {
    const std::vector<double> before(learner.parameters().begin(), learner.parameters().end());
    learner.model().gradient(test::TinyTask(1).all(), gradient);
    learner.step(std::span<const double>(gradient));
    for (std::size_t i = 0; i < path.size(); ++i) {
      const double after = learner.parameters()[i], pull = 5 * (after - start[i]);
      path[i] -= (gradient[i] + (total ? pull : 0)) * (after - before[i]);
    }
  }
  learner.consolidate();
  for (std::size_t i = 0; i < path.size(); ++i) {
    const double move = learner.parameters()[i] - start[i];
    REQUIRE_THAT(learner.importance()[i], test::WithinRel(1 + path[i] / (move * move + 0.1), 1e-12));
  }
}

TEST_CASE("every penalty takes steps and tasks with every optimizer and every importance", "[penalty]") {
  const auto compose = [](auto importance, auto penalty, auto optimizer) {
    ll::Learner learner{test::TinyModel(), importance, penalty, optimizer};
    std::vector<std::vector<double>> seen;
    for (std::uint64_t task = 1; task <= 2; ++task) {
      learner.fit(test::TinyTask(task), {.epochs = 2, .batch_size = 8});
      if constexpr (requires { learner.consolidate(); })
        learner.consolidate();
      else
        learner.consolidate(test::TinyTask(task));
      seen.emplace_back(learner.parameters().begin(), learner.parameters().end());
      for (const double value : seen.back()) REQUIRE(std::isfinite(value));
    }
    REQUIRE(seen[0] != seen[1]);
    REQUIRE(learner.tasks() == 2);
    REQUIRE(std::isfinite(learner.penalty_value()));
    if constexpr (requires { learner.importance(); })
      REQUIRE(std::ranges::any_of(learner.importance(), [](double value) { return value > 0; }));
  };
  // Every pair of two parts: all 140 triples would be four times as many learners.
  const auto with_penalties = [&](auto importance, auto a, auto b, auto c, auto d) {
    compose(importance, ll::penalty::None{}, a);
    compose(importance, Quadratic{}, b);
    compose(importance, Quadratic{.anchor = Anchor::per_task}, b);
    compose(importance, ImplicitQuadratic{}, c);
    compose(importance, ImplicitQuadratic{.anchor = Anchor::per_task}, c);
    compose(importance, Huber{}, d);
    compose(importance, L1{}, a);
  };
  with_penalties(Fisher{}, Sgd{}, Momentum{}, Adam{}, AdamW{});
  with_penalties(ll::importance::BatchFisher{}, Momentum{}, Adam{}, AdamW{}, Sgd{});
  with_penalties(ll::importance::Mas{}, Adam{}, AdamW{}, Sgd{}, Momentum{});
  with_penalties(SynapticIntelligence{}, AdamW{}, Sgd{}, Momentum{}, Adam{});
  with_penalties(ll::importance::Constant{}, Sgd{}, Momentum{}, Adam{}, AdamW{});
  with_penalties(ll::importance::RWalk{}, Momentum{}, Adam{}, AdamW{}, Sgd{});
  with_penalties(ll::importance::IntervalRWalk{}, Adam{}, AdamW{}, Sgd{}, Momentum{});
}

TEST_CASE("settings of penalties outside their domain are refused by name and value", "[penalty][errors]") {
  const auto message = [](const auto& policy) {
    return test::message_of<ll::InvalidArgument>([&] { policy.validate(); });
  };
  REQUIRE(message(ImplicitQuadratic{.strength = -1}) ==
          "ImplicitQuadratic.strength must be a finite number of at least 0, but is -1");
  REQUIRE(message(L1{.strength = std::nan("")}) == "L1.strength must be a finite number of at least 0, but is nan");
  REQUIRE(message(Huber{.strength = -2}) == "Huber.strength must be a finite number of at least 0, but is -2");
  REQUIRE(message(Huber{.threshold = 0}) == "Huber.threshold must be a finite number above 0, but is 0");
}

}  // namespace penalty_test
