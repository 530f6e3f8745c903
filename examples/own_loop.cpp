// SPDX-License-Identifier: MIT
// A training loop of one's own around a learner: accumulated gradients, clipping, a schedule and weight decay.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

/// Average accuracy on three tasks after the last.
double learn(double strength) {
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 3, {.seed = 5});

  // [loop]
  using ll::optimizer::Decoupled, ll::optimizer::Momentum;
  ll::Learner learner{ll::nn::mlp<float>({64, 64, 4}, {.seed = 1}), ll::importance::Fisher{},
                      ll::penalty::Quadratic{.strength = strength},
                      Decoupled<Momentum>{{.learning_rate = 0.05}, 1e-4}};  // or L2<Momentum>, AdamW, ...
  std::vector<float> sum(learner.parameters().size()), part(sum.size());
  ll::BatchBuffer<float> buffer;
  for (const auto& task : stream) {
    const ll::BatchLoader batches(task.train, 16, buffer, ll::backend::Serial{});
    const ll::optimizer::Schedule schedule{
        .decay = ll::optimizer::Decay::cosine, .warmup = 3, .steps = batches.size() / 4};
    std::size_t seen = 0;
    for (const ll::Batch<float>& batch : batches) {
      learner.model().gradient(batch, part);  // any gradient will do: yours, autograd's, one that came by wire
      ll::add_share(std::span(sum), std::span<const float>(part), 0.25);
      if (++seen % 4 != 0) continue;  // one step for every four batches

      ll::clip_norm(std::span(sum), 5);
      learner.optimizer_policy().learning_rate = 0.05 * schedule(seen / 4 - 1);
      learner.step(std::span<const float>(sum));
      sum.assign(sum.size(), 0);
    }
    learner.consolidate(task.train);
  }
  // [loop]

  double average = 0;
  for (const double accuracy : ll::evaluate(learner, stream)) average += accuracy / static_cast<double>(stream.size());
  return average;
}

int main() {
  const double plain = learn(0), kept = learn(30);
  std::printf("average accuracy on three tasks: %.3f without, %.3f with elastic weight consolidation\n", plain, kept);
  return kept > plain ? 0 : 1;
}
