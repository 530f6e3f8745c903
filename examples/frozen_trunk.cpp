// SPDX-License-Identifier: MIT
// A network that was trained elsewhere is the trunk of a learner: its layers are frozen, and only what lies above
// learns.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdio>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

int main() {
  const std::vector<ll::Dataset<float>> tasks{patterns(400, 1), patterns(400, 2)};
  // [freeze]
  auto network = ll::nn::mlp<float>({64, 32, 16, 4}, {.seed = 1});
  network.freeze({"0", "2.weight"});  // all of layer 0, and the weights of layer 2
  ll::Learner learner{network, ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = 100},
                      ll::optimizer::AdamW{.learning_rate = 1e-3}};
  // [freeze]
  for (const auto& task : tasks) {
    learner.fit(task, {.epochs = 5});
    learner.consolidate(task);
  }
  std::size_t moved = 0;
  for (std::size_t i = 0; i < network.parameters().size(); ++i)
    moved += std::size_t{learner.parameters()[i] != network.parameters()[i]};
  std::size_t learning = 0;
  for (const ll::ParameterRange range : network.learning()) learning += range.end - range.first;
  std::printf("%zu of %zu parameters learn, and %zu have moved\n", learning, network.parameters().size(), moved);
  return moved > learning ? 1 : 0;
}
