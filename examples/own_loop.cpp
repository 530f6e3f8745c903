// SPDX-License-Identifier: MIT
// A training loop of one's own around a learner: accumulated gradients, clipping, a schedule and weight decay.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

struct Learned {
  double accuracy;                ///< average on three tasks after the last
  std::vector<float> parameters;  ///< after the last
};

/// Makes each step with the mean gradient of `batches_per_step` batches.
Learned learn(double strength, std::size_t batch_size, std::size_t batches_per_step) {
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 3, {.seed = 5});

  // [loop]
  using ll::optimizer::Decoupled, ll::optimizer::Momentum;
  ll::Learner learner{ll::nn::mlp<float>({64, 64, 4}, {.seed = 1}), ll::importance::Fisher{},
                      ll::penalty::Quadratic{.strength = strength},
                      Decoupled<Momentum>{{.learning_rate = 0.05}, 1e-4}};  // or L2<Momentum>, AdamW, ...
  std::vector<float> sum(learner.parameters().size()), part(sum.size());
  ll::BatchBuffer<float> buffer;
  for (const auto& task : stream) {
    const ll::BatchLoader batches(task.train, batch_size, buffer, learner.backend());
    const std::size_t steps = (batches.size() + batches_per_step - 1) / batches_per_step;  // the rest is a step, too
    const ll::optimizer::Schedule schedule{.decay = ll::optimizer::Decay::cosine, .warmup = 3, .steps = steps};
    std::size_t seen = 0, samples = 0, step = 0;
    for (const ll::Batch<float>& batch : batches) {
      learner.model().gradient(batch, part);  // any gradient will do: yours, autograd's, one that came by wire
      ll::add_share(std::span(sum), std::span<const float>(part), static_cast<double>(batch.size));
      samples += batch.size;
      if (++seen % batches_per_step != 0 && seen != batches.size()) continue;

      for (float& value : sum) value /= static_cast<float>(samples);  // the mean over what was added up
      ll::clip_norm(std::span(sum), 5);
      learner.optimizer_policy().learning_rate = 0.05 * schedule(step++);
      learner.step(std::span<const float>(sum));
      sum.assign(sum.size(), 0);
      samples = 0;
    }
    learner.consolidate(task.train);
  }
  // [loop]

  double average = 0;
  for (const double accuracy : ll::evaluate(learner, stream)) average += accuracy / static_cast<double>(stream.size());
  return {average, {learner.parameters().begin(), learner.parameters().end()}};
}

/// Largest difference of parameters.
double difference(const Learned& a, const Learned& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.parameters.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(a.parameters[i]) - static_cast<double>(b.parameters[i])));
  return most;
}

int main() {
  const Learned plain = learn(0, 16, 4), kept = learn(30, 16, 4);
  std::printf("average accuracy on three tasks: %.3f without, %.3f with elastic weight consolidation\n", plain.accuracy,
              kept.accuracy);
  // 75 batches of a task are 18 steps of four batches and one of three: as many samples as in batches of 64.
  const double apart = difference(kept, learn(30, 64, 1));
  std::printf("largest difference to the parameters that batches of 64 give: %.1e\n", apart);
  return kept.accuracy > plain.accuracy && apart < 1e-4 ? 0 : 1;
}
