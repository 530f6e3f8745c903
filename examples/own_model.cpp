// SPDX-License-Identifier: MIT
// Any type with parameters() and gradient() learns: here logistic regression, with a training loop of its own.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstdio>
#include <span>
#include <vector>

namespace ll = lifelong;

// [model]
/// p(y = 1 | x) = σ(θ · x), two inputs and a constant.
struct LogisticRegression {
  using value_type = float;
  std::vector<float> theta = std::vector<float>(3);

  std::span<float> parameters() { return theta; }

  /// Writes the gradient of the mean loss to `out` and returns the loss.
  double gradient(const ll::Batch<float>& batch, std::span<float> out) const {
    for (float& g : out) g = 0;
    double loss = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const auto x = batch.inputs.subspan(2 * n, 2);
      const float y = batch.labels[n] == 1 ? 1.0f : 0.0f;
      const float p = 1 / (1 + std::exp(-(theta[0] * x[0] + theta[1] * x[1] + theta[2])));
      loss -= std::log(static_cast<double>(y == 1 ? p : 1 - p));
      const float error = (p - y) / static_cast<float>(batch.size);
      out[0] += error * x[0];
      out[1] += error * x[1];
      out[2] += error;
    }
    return loss / static_cast<double>(batch.size);
  }
};
// [model]

/// Points around `centre` and `-centre`, labelled 1 and 0.
struct Points {
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;

  Points(float x, float y, std::uint64_t seed) {
    const ll::Random random(seed);
    for (std::size_t n = 0; n < 200; ++n) {
      const float side = n % 2 == 0 ? 1.0f : -1.0f;
      labels.push_back(n % 2 == 0 ? 1 : 0);
      inputs.push_back(side * x + 0.5f * static_cast<float>(random.normal(2 * n)));
      inputs.push_back(side * y + 0.5f * static_cast<float>(random.normal(2 * n + 1)));
    }
  }
  ll::Batch<float> batch() const { return {labels.size(), 2, inputs, labels}; }
};

/// Loss on task A after learning A and then B.
template <class Penalty>
double loss_on_first_task(Penalty penalty) {
  const Points a(1, 0, 1), b(0, 1, 2);  // A is decided by the first input, B by the second
  ll::Learner learner{LogisticRegression{}, ll::importance::Fisher{.labels = ll::importance::Labels::empirical},
                      penalty, ll::optimizer::Sgd{.learning_rate = 0.5}};
  // [loop]
  std::vector<float> gradient(learner.parameters().size());
  for (const Points* task : {&a, &b}) {
    for (int step = 0; step < 500; ++step) {
      learner.model().gradient(task->batch(), gradient);  // yours
      learner.step(std::span<const float>(gradient));     // ours
    }
    learner.consolidate(std::vector<ll::Batch<float>>{task->batch()});  // at a task's end
  }
  // [loop]
  return learner.model().gradient(a.batch(), gradient);
}

int main() {
  const double forgotten = loss_on_first_task(ll::penalty::None{});
  const double kept = loss_on_first_task(ll::penalty::Quadratic{.strength = 20});
  std::printf("loss on task A after task B: %.3f without, %.3f with elastic weight consolidation\n", forgotten, kept);
  return kept < forgotten ? 0 : 1;
}
