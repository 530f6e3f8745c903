// SPDX-License-Identifier: MIT
// The program of the getting-started page: one model, two tasks, four strengths. It needs a compiler and nothing else.
// [program]
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

namespace ll = lifelong;

/// A kind of fruit: a thousand examples of two numbers, colour and softness, and whether each is ripe (1) or not (0).
/// Both numbers are about 0 on average; `colour` and `softness` say by how much ripe fruit is above it and unripe
/// fruit below, `spread` how much softness varies besides.
ll::Dataset<float> fruit(float colour, float softness, float spread, std::uint64_t seed) {
  const ll::Random random(seed);
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < 1000; ++n) {
    const float side = n % 2 == 0 ? 1.0f : -1.0f;
    labels.push_back(n % 2 == 0 ? 1 : 0);
    inputs.push_back(side * colour + 0.5f * static_cast<float>(random.normal(2 * n)));
    inputs.push_back(side * softness + spread * static_cast<float>(random.normal(2 * n + 1)));
  }
  return {std::move(inputs), std::move(labels), {2}};  // moved, the data are the data set's own
}

/// Says "ripe" if θ₀ colour + θ₁ softness > 0, the surer the larger (logistic regression).
struct Model {
  using value_type = float;
  std::vector<float> theta = {0, 0};

  std::span<float> parameters() { return theta; }

  float score(const float* x) const { return theta[0] * x[0] + theta[1] * x[1]; }

  /// Writes the slope of the mean loss along each parameter to `out`, and returns the mean loss.
  double gradient(const ll::Batch<float>& batch, std::span<float> out) const {
    const auto count = static_cast<float>(batch.size);
    double loss = 0;
    out[0] = out[1] = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const float* x = &batch.inputs[2 * n];
      const float p = 1 / (1 + std::exp(-score(x)));  // the probability of "ripe"
      const float right = batch.labels[n] == 1 ? p : 1 - p;
      const float error = p - static_cast<float>(batch.labels[n]);
      out[0] += error * x[0] / count;
      out[1] += error * x[1] / count;
      loss -= static_cast<double>(std::log(right) / count);
    }
    return loss;
  }
};

/// How many of the examples the model gets right, in percent.
double percent_right(const Model& model, const ll::Dataset<float>& examples) {
  ll::BatchBuffer<float> buffer;
  const ll::backend::Serial serial{};
  std::size_t right = 0;
  for (const ll::Batch<float>& batch : ll::BatchLoader(examples, 100, buffer, serial))
    for (std::size_t n = 0; n < batch.size; ++n)
      if ((model.score(&batch.inputs[2 * n]) > 0) == (batch.labels[n] == 1)) ++right;
  return 100.0 * static_cast<double>(right) / static_cast<double>(examples.size());
}

int main() {
  const auto apples = fruit(1, 0, 0.1f, 1);     // ripe when they are red; all of them are hard
  const auto pears = fruit(-0.3f, 1, 0.5f, 2);  // ripe when they are soft, and rather green than red

  std::printf("strength   apples   apples, after pears   pears\n");
  for (const double strength : {0.0, 1.0, 10.0, 1000.0}) {  // λ
    ll::Learner learner{Model{}, ll::importance::Fisher{.labels = ll::importance::Labels::empirical},
                        ll::penalty::Quadratic{.strength = strength}, ll::optimizer::Sgd{.learning_rate = 0.5}};

    learner.fit(apples, {.epochs = 50, .batch_size = 100});
    learner.consolidate(apples);  // apples are learned: find out which parameters matter, and hold them
    const double before = percent_right(learner.model(), apples);

    learner.fit(pears, {.epochs = 50, .batch_size = 100});
    std::printf("%8g   %5.0f%%   %18.0f%%   %4.0f%%\n", strength, before, percent_right(learner.model(), apples),
                percent_right(learner.model(), pears));
  }
}
// [program]
