// SPDX-License-Identifier: MIT
// Learners whose numbers are the same on every compiler and processor, to rounding. They were computed with g++ 12 on
// x86-64; scripts/portability.sh compares other compilers and AArch64 with them.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace every_platform_test {

namespace {

namespace ll = lifelong;
using namespace ll::nn;

/// Waves of three lengths in noise, as images of 6 x 6.
ll::Dataset<double> waves(std::size_t count, std::uint64_t seed) {
  const ll::Random random(seed);
  std::vector<double> inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t label = n % 3;
    for (std::size_t y = 0; y < 6; ++y)
      for (std::size_t x = 0; x < 6; ++x)
        inputs.push_back(std::cos(0.7 * static_cast<double>((label + 1) * (x + 2 * y))) +
                         0.4 * random.normal(inputs.size()));
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return {std::move(inputs), std::move(labels), {1, 6, 6}};
}

/// Σ|θ| and ΣΩ after two tasks, and the loss of the last step.
struct Numbers {
  double parameters, importance, loss;
};

template <class Learner>
Numbers numbers_of(Learner learner) {
  const auto stream = ll::stream::permuted(ll::SplitData<double>{waves(90, 1), waves(30, 2)}, 2, {.seed = 4});
  Numbers numbers{};
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 2, .batch_size = 15},
                [&](const ll::FitProgress& at) { numbers.loss = at.loss; });
    learner.consolidate(task.train);
  }
  for (const double value : learner.parameters()) numbers.parameters += std::abs(value);
  for (const double value : learner.importance()) numbers.importance += value;
  return numbers;
}

void check(const Numbers& found, const Numbers& expected) {
  constexpr double tolerance = 1e-5;
  CHECK_THAT(found.parameters, test::WithinRel(expected.parameters, tolerance));
  CHECK_THAT(found.importance, test::WithinRel(expected.importance, tolerance));
  CHECK_THAT(found.loss, test::WithinRel(expected.loss, tolerance));
}

}  // namespace

TEST_CASE("learners give the same numbers on every platform") {
  using namespace ll::importance;
  using namespace ll::penalty;
  using namespace ll::optimizer;
  check(numbers_of(ll::Learner{mlp<double>({36, 16, 3}, {.seed = 7}), Fisher{}, Quadratic{.strength = 5},
                               Adam{.learning_rate = 1e-2}}),
        {87.6126887, 10.1865141, 0.313454912});
  check(numbers_of(ll::Learner{sequential<double>(Shape{1, 6, 6}, Conv2d{1, 3, 3, 1, 1}, BatchNorm{3}, ReLU{},
                                                  MaxPool2d{2}, Flatten{}, Linear{27, 3}),
                               Mas{}, ImplicitQuadratic{.strength = 2}, Momentum{.learning_rate = 0.05}}),
        {25.5497292, 656.820589, 1.36153563});
  check(numbers_of(ll::Learner{mlp<double>({36, 12, 3}, {.seed = 7, .activation = Activation::tanh}),
                               SynapticIntelligence{}, Huber{.strength = 1}, Sgd{.learning_rate = 0.1}}),
        {49.1681747, 23.0723497, 0.224625378});
}

}  // namespace every_platform_test
