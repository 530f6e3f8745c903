// SPDX-License-Identifier: MIT
// A stream without task boundaries: the data drift, and a trigger decides from the loss when the learner has learned
// something worth keeping.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "synthetic.hpp"

namespace ll = lifelong;

/// Three worlds, the same patterns with their pixels permuted, each fading into the next.
struct DriftingStream {
  static constexpr std::size_t worlds = 3, steps_per_world = 300, fading_steps = 60, samples_per_step = 16;
  static constexpr std::size_t steps = worlds * steps_per_world;

  ll::Stream<float> world =
      ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, worlds, {.seed = 5});
  ll::Random random{3};
  ll::BatchBuffer<float> buffer = {};

  /// The batch of a step; valid until the next call.
  ll::Batch<float> batch(std::size_t step) {
    const std::size_t now = step / steps_per_world, since = step % steps_per_world;
    buffer.resize(samples_per_step, world.features(), 0);
    for (std::size_t n = 0; n < samples_per_step; ++n) {
      const std::uint64_t draw = 2 * (step * samples_per_step + n);
      const bool as_before = now > 0 && random.uniform(draw) * fading_steps > static_cast<double>(since);
      const std::uint64_t i = random.below(draw + 1, world[now].train.size());
      world[as_before ? now - 1 : now].train.read(static_cast<std::size_t>(i), buffer.row(n, i));
    }
    return buffer.batch();
  }
};

/// Learns the stream once, batch by batch; returns the average accuracy in all worlds.
double learn(double strength) {
  DriftingStream stream;
  ll::Learner learner{ll::nn::mlp<float>({64, 64, 4}, {.seed = 1}), ll::importance::Mas{},
                      ll::penalty::ImplicitQuadratic{.strength = strength}, ll::optimizer::Adam{.learning_rate = 3e-3}};
  // [loop]
  ll::trigger::LossPlateau learned({.window = 20, .mean_threshold = 0.2, .variance_threshold = 0.01});
  ll::RecentExamples<float> recent(300);
  for (std::size_t step = 0; step < stream.steps; ++step) {
    const ll::Batch<float> batch = stream.batch(step);
    recent.push(batch);
    if (learned(learner.step(batch).loss)) learner.consolidate(recent);  // the trigger fired
  }
  // [loop]
  double sum = 0;
  std::printf("strength %4g: %zu consolidations; accuracy in each world, first to last:", strength, learner.tasks());
  for (const double accuracy : ll::evaluate(learner, stream.world)) {
    std::printf(" %.3f", accuracy);
    sum += accuracy / static_cast<double>(stream.worlds);
  }
  std::printf(", average %.3f\n", sum);
  return sum;
}

int main() {
  const double plain = learn(0);
  const double kept = learn(0.1);
  return kept > plain ? 0 : 1;
}
