// SPDX-License-Identifier: MIT
// A small residual network for images learns four textures, then four others, with online elastic weight consolidation.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <tuple>
#include <utility>
#include <vector>

namespace ll = lifelong;

constexpr std::size_t side = 12, textures = 8;

/// Waves of eight directions and lengths at random places, in noise; the number of the texture is the label.
ll::Dataset<float> images(std::size_t count, std::uint64_t seed) {
  const ll::Random random(seed);
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;
  std::uint64_t draw = 0;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t label = n % textures;
    const double angle = 0.785 * static_cast<double>(label % 4), length = label < 4 ? 3 : 5;
    const double start = 6.283 * random.uniform(draw++);
    for (std::size_t y = 0; y < side; ++y)
      for (std::size_t x = 0; x < side; ++x) {
        const double along = std::cos(angle) * static_cast<double>(x) + std::sin(angle) * static_cast<double>(y);
        inputs.push_back(static_cast<float>(std::sin(6.283 * along / length + start) + random.normal(draw++)));
      }
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return {std::move(inputs), std::move(labels), {1, side, side}};
}

// [network]
auto network() {
  using namespace ll::nn;
  const auto conv3x3 = [](std::size_t in, std::size_t out, std::size_t stride = 1) {
    return Conv2d{in, out, 3, stride, 1};
  };
  const auto same = residual(conv3x3(8, 8), BatchNorm{8}, ReLU{}, conv3x3(8, 8), BatchNorm{8});
  const auto half = residual(std::tuple{conv3x3(8, 16, 2), BatchNorm{16}, ReLU{}, conv3x3(16, 16), BatchNorm{16}},
                             std::tuple{Conv2d{8, 16, 1, 2, 0}, BatchNorm{16}});
  return sequential<float>(Shape{1, side, side}, conv3x3(1, 8), BatchNorm{8}, ReLU{}, same, ReLU{}, half, ReLU{},
                           GlobalAvgPool{}, Linear{16, textures});
}
// [network]

/// Learns two tasks of four textures each; returns the average accuracy at the end.
double learn(double strength) {
  const auto stream = ll::stream::split(ll::SplitData<float>{images(800, 1), images(400, 2)}, 2);
  ll::Learner learner{network(), ll::importance::Fisher{.merge = ll::importance::Merge::decay(0.9)},
                      ll::penalty::Quadratic{.strength = strength}, ll::optimizer::Adam{.learning_rate = 3e-3}};
  ll::AccuracyMatrix accuracy(stream.size());
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 4, .batch_size = 32});
    learner.consolidate(task.train);
    accuracy.add_row(ll::evaluate(learner, stream));
  }
  std::cout << "strength " << strength << '\n' << accuracy;
  return accuracy.average_accuracy();
}

int main() {
  const double forgotten = learn(0);
  const double kept = learn(50);
  return kept > forgotten ? 0 : 1;
}
