// SPDX-License-Identifier: MIT
// A network learns two tasks: with the module or with the headers.
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#if defined(IMPORTED)
import lifelong.nn;
#else
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#endif

namespace ll = lifelong;

/// Points in four corners; the label is the corner's side, of which the second task has the other kind.
ll::Dataset<float> corners(std::uint64_t task) {
  const ll::Random random(7 + task);
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;
  for (std::uint64_t n = 0; n < 200; ++n) {
    const bool right = (n & 1) != 0, top = (n & 2) != 0;
    inputs.push_back((right ? 1.0f : -1.0f) + 0.3f * static_cast<float>(random.normal(2 * n)));
    inputs.push_back((top ? 1.0f : -1.0f) + 0.3f * static_cast<float>(random.normal(2 * n + 1)));
    labels.push_back((task == 0 ? right : top) ? 1 : 0);
  }
  return {std::move(inputs), std::move(labels), {2}};
}

int main() {
  ll::Learner learner{ll::nn::mlp<float>({2, 16, 2}, {.seed = 1}), ll::importance::Fisher{},
                      ll::penalty::Quadratic{.strength = 20}, ll::optimizer::Adam{.learning_rate = 1e-2}};
  for (std::uint64_t task = 0; task < 2; ++task) {
    const ll::Dataset<float> data = corners(task);
    learner.fit(data, {.epochs = 5, .batch_size = 20});
    learner.consolidate(data);
    std::printf("%.9g\n", ll::accuracy(learner.model(), data));
  }
  for (const float value : learner.parameters()) std::printf("%.9g\n", static_cast<double>(value));
}
