// SPDX-License-Identifier: MIT
// One network learns the curves of two machines, one after the other, and still knows the first at the end.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <tuple>
#include <utility>
#include <vector>

namespace ll = lifelong;

/// A machine's curve y = sin(2x + phase) with noise, x uniform in [-1, 1); the inputs are x and which machine it is.
ll::Dataset<float> samples(std::size_t machine, std::size_t count, double noise, std::uint64_t seed) {
  const ll::Random random(seed);
  std::vector<float> inputs, targets;
  for (std::size_t n = 0; n < count; ++n) {
    const double x = 2 * random.uniform(2 * n) - 1;
    for (const double value : {x, machine == 0 ? 1.0 : 0.0, machine == 1 ? 1.0 : 0.0})
      inputs.push_back(static_cast<float>(value));
    targets.push_back(
        static_cast<float>(std::sin(2 * x + (machine == 0 ? 0 : 1.5)) + noise * random.normal(2 * n + 1)));
  }
  return {std::move(inputs), std::move(targets), 1, {3}};
}

/// Error on the first machine after learning the second.
double learn(double strength) {
  constexpr double noise = 0.1;
  const auto first = samples(0, 600, noise, 1), second = samples(1, 600, noise, 2);

  // [regression]
  auto network = ll::nn::sequential<float>(ll::nn::Shape{3},
                                           std::tuple{ll::nn::Linear{3, 128}, ll::nn::ReLU{}, ll::nn::Linear{128, 1}},
                                           1, ll::backend::Serial{}, ll::nn::MeanSquaredError{});
  ll::Learner learner{network,
                      ll::importance::GaussianFisher{.likelihood = {.variance = noise * noise}},  // of y given x
                      ll::penalty::Quadratic{.strength = strength}, ll::optimizer::Adam{.learning_rate = 3e-3}};
  for (const auto* task : {&first, &second}) {
    learner.fit(*task, {.epochs = 60, .batch_size = 32});
    learner.consolidate(*task);
  }
  // [regression]
  const auto test = samples(0, 200, 0, 3);
  // [r_squared]
  const double explained = ll::evaluate(learner.model(), test, ll::metric::RSquared{});
  const double error = std::sqrt(ll::evaluate(learner.model(), test, ll::metric::MeanSquaredError{}));
  // [r_squared]
  std::printf("strength %2.0f: R squared %.3f, error %.3f\n", strength, explained, error);
  return error;
}

int main() {
  const double forgotten = learn(0), kept = learn(10);
  std::printf(
      "error on the first machine after learning the second: %.3f without, %.3f with elastic weight consolidation\n",
      forgotten, kept);
  return kept < forgotten / 2 ? 0 : 1;
}
