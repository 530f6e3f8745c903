// SPDX-License-Identifier: MIT
// Rehearsal: a few examples of earlier tasks, or the network as it was, take part in every step, beside any importance,
// penalty and optimizer.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/rehearsal.hpp>

#include <cstddef>
#include <cstdio>

#include "synthetic.hpp"

namespace ll = lifelong;

/// Learns classes 0 and 1, then 2 and 3, without being told which task an example is from; returns the average
/// accuracy.
template <class Rehearsal>
double learn(const char* name, const Rehearsal& rehearsal) {
  const auto stream = ll::stream::split(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 2,
                                        {.scenario = ll::Scenario::class_incremental});
  // [learner]
  ll::Learner learner{ll::nn::mlp<float>({64, 64, 4}, {.seed = 1}), ll::importance::Fisher{},
                      ll::penalty::Quadratic{.strength = 10}, ll::optimizer::Adam{.learning_rate = 3e-3}, rehearsal};
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 40, .batch_size = 32});
    learner.consolidate(task.train);
  }
  // [learner]
  double sum = 0;
  for (const auto& task : stream) sum += ll::accuracy(learner.model(), task.test);
  std::printf("EWC with %s: average accuracy %.2f, %zu bytes of memory\n", name, sum / 2,
              learner.state().rehearsal.bytes());
  return sum / 2;
}

int main() {
  const double alone = learn("no rehearsal", ll::rehearsal::None{});
  // [replay]
  const ll::rehearsal::Replay replay{.capacity = 60, .batch_size = 32};
  // [replay]
  // [dark]
  const ll::rehearsal::DerPlusPlus dark{.capacity = 60, .batch_size = 32, .alpha = 0.1, .beta = 0.5};
  // [dark]
  // [distillation]
  const ll::rehearsal::Distillation teacher{.temperature = 2, .strength = 1};
  // [distillation]
  const double with_labels = learn("a replay", replay), with_outputs = learn("DER++", dark);
  learn("a teacher", teacher);
  return alone < 0.7 && with_labels > 0.9 && with_outputs > 0.9 ? 0 : 1;
}
