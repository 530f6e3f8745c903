// SPDX-License-Identifier: MIT
// What matters is learned where the network is used, from inputs without labels as they come: online Memory Aware
// Synapses (Aljundi 2018). Then a new task arrives.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdio>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

/// Accuracy on the first task after the second, for importances from unlabelled inputs alone.
double learn(double strength) {
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 2, {.seed = 3});
  ll::Learner learner{ll::nn::mlp<float>({64, 64, 4}, {.seed = 1}), ll::importance::Mas{},
                      ll::penalty::Quadratic{.strength = strength}, ll::optimizer::Adam{.learning_rate = 3e-3}};
  learner.fit(stream[0].train, {.epochs = 4, .batch_size = 32});
  learner.set_importance(std::vector<float>(learner.parameters().size()));  // the anchor is here; nothing is priced yet

  // [online]
  ll::BatchBuffer<float> arriving;
  const auto& world = stream[0].test;
  for (std::size_t i = 0; i + 8 <= world.size(); i += 8) {
    arriving.resize(8, 64, 0);
    for (std::size_t n = 0; n < 8; ++n) {
      ll::ExampleRow<float> row = arriving.row(n, i + n);
      world.read(i + n, row);
      row.label = -1;  // not known here
    }
    learner.update_importance(std::vector{arriving.batch()}, {.keep = 0.95, .add = 0.05});  // a running mean
  }
  // [online]

  learner.fit(stream[1].train, {.epochs = 4, .batch_size = 32});
  return ll::accuracy(learner.model(), stream[0].test);
}

int main() {
  const double forgotten = learn(0), kept = learn(1);
  std::printf("accuracy on the first task after the second: %.3f without, %.3f with online memory aware synapses\n",
              forgotten, kept);
  return kept > forgotten ? 0 : 1;
}
