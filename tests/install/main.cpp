// SPDX-License-Identifier: MIT
// The program that every way into a project builds: it learns three tasks and prints how well each is still known.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ll = lifelong;

/// p(y = 1 | x) = σ(θ · x).
struct LogisticRegression {
  using value_type = float;
  std::vector<float> theta;

  std::span<float> parameters() { return theta; }
  std::size_t outputs() const { return 2; }

  /// Writes f(x) = (0, θ · x) for every x of the batch.
  void predict(const ll::Batch<float>& batch, std::span<float> out) const {
    for (std::size_t n = 0; n < batch.size; ++n) {
      out[2 * n] = 0;
      out[2 * n + 1] = logit(batch, n);
    }
  }

  /// Writes the gradient of the mean loss to `out` and returns the loss.
  double gradient(const ll::Batch<float>& batch, std::span<float> out) const {
    for (float& g : out) g = 0;
    double loss = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const bool one = batch.labels[n] == 1;
      const float p = 1 / (1 + std::exp(-logit(batch, n)));
      loss -= std::log(static_cast<double>(one ? p : 1 - p));
      const float error = (p - (one ? 1.0f : 0.0f)) / static_cast<float>(batch.size);
      for (std::size_t i = 0; i < theta.size(); ++i) out[i] += error * batch.inputs[n * theta.size() + i];
    }
    return loss / static_cast<double>(batch.size);
  }

 private:
  float logit(const ll::Batch<float>& batch, std::size_t n) const {
    float sum = 0;
    for (std::size_t i = 0; i < theta.size(); ++i) sum += theta[i] * batch.inputs[n * theta.size() + i];
    return sum;
  }
};

/// Three features; the label is the sign of feature `task`, which is strong there and noise in the other tasks.
ll::Dataset<float> points(std::size_t count, std::size_t task, std::uint64_t seed) {
  const ll::Random noise(seed);
  std::vector<float> inputs(3 * count);
  std::vector<std::int32_t> labels(count);
  for (std::size_t n = 0; n < count; ++n) {
    labels[n] = n % 2 == 0 ? 1 : 0;
    for (std::size_t i = 0; i < 3; ++i) inputs[3 * n + i] = static_cast<float>(noise.normal(3 * n + i));
    inputs[3 * n + task] += n % 2 == 0 ? 2.0f : -2.0f;
  }
  return {std::move(inputs), std::move(labels), {3}};
}

int main() {
  std::vector<ll::Task<float>> tasks;
  for (std::size_t t = 0; t < 3; ++t)
    tasks.push_back({"feature " + std::to_string(t), points(400, t, 2 * t), points(200, t, 2 * t + 1)});
  const ll::Stream<float> stream(std::move(tasks), 2);

  ll::Learner learner{LogisticRegression{std::vector<float>(3)},
                      ll::importance::Fisher{.labels = ll::importance::Labels::empirical},
                      ll::penalty::Quadratic{.strength = 3}, ll::optimizer::Sgd{.learning_rate = 0.5}};
  ll::AccuracyMatrix accuracy(stream.size());
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 20, .batch_size = 50});
    learner.consolidate(task.train);
    accuracy.add_row(ll::evaluate(learner, stream));
  }
  std::printf("lifelong %s\n%s", LIFELONG_VERSION_STRING, accuracy.to_string().c_str());
}
