// SPDX-License-Identifier: MIT
// Parameter isolation: every task owns a part of one network, and what it computes never changes again.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdio>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

int main() {
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(800, 1), patterns(400, 2)}, 3, {.seed = 5});
  // [packnet]
  ll::Learner learner{ll::nn::mlp<float>({64, 64, 4}, {.seed = 1}), ll::importance::Constant{},
                      ll::penalty::PackNet{.pruned = 0.6}, ll::optimizer::AdamW{.learning_rate = 3e-3}};
  for (std::size_t t = 0; t < stream.size(); ++t) {
    learner.fit(stream[t].train, {.epochs = 8});
    ll::penalty::prune(learner);  // 60 % of the task's weights are given back
    learner.fit(stream[t].train, {.epochs = 4, .optimizer_state = ll::OptimizerState::reset});
    learner.consolidate();  // the others are its own
    std::printf("task %zu: %.0f %% of the weights are left\n", t, 100 * ll::penalty::free_share(learner));
  }
  // [packnet]

  // [inference]
  auto network = learner.model();
  for (std::size_t t = 0; t < stream.size(); ++t) {
    learner.copy_parameters(t, network.parameters());
    std::printf("task %zu: accuracy %.2f\n", t, ll::accuracy(network, stream[t].test));
  }
  // [inference]
}
