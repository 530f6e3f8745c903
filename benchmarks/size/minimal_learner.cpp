// SPDX-License-Identifier: MIT
// The smallest program that learns for life: a model of one's own, EWC and SGD. Its size is what the library adds.
#include <lifelong/importance/fisher.hpp>
#include <lifelong/learner.hpp>
#include <lifelong/optimizer/sgd.hpp>
#include <lifelong/penalty/quadratic.hpp>

#include <array>
#include <span>

namespace ll = lifelong;

/// Least squares on two inputs.
struct Line {
  using value_type = float;
  std::array<float, 2> theta{};

  std::span<float> parameters() { return theta; }
  double gradient(const ll::Batch<float>& batch, std::span<float> out) const {
    out[0] = out[1] = 0;
    double loss = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const float* x = batch.inputs.data() + 2 * n;
      const float error = theta[0] * x[0] + theta[1] * x[1] - batch.targets[n];
      out[0] += error * x[0] / static_cast<float>(batch.size);
      out[1] += error * x[1] / static_cast<float>(batch.size);
      loss += 0.5 * static_cast<double>(error * error);
    }
    return loss / static_cast<double>(batch.size);
  }
};

int main() {
  ll::Learner learner{Line{}, ll::importance::Fisher{.labels = ll::importance::Labels::empirical},
                      ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  const std::array<float, 4> inputs{1, 0, 0, 1};
  const std::array<float, 2> targets{1, 2};
  const std::array<ll::Batch<float>, 1> task{
      ll::Batch<float>{.size = 2, .features = 2, .inputs = inputs, .targets = targets}};
  for (int k = 0; k < 100; ++k) learner.step(task[0]);
  learner.consolidate(task);
  learner.step(task[0]);
  return learner.tasks() == 1 ? 0 : 1;
}
