// SPDX-License-Identifier: MIT
// Models whose parameters lie in several arrays: as views of one vector, or copied from arrays that a model has
// already.
#include <lifelong/adapter/several_arrays.hpp>
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

namespace ll = lifelong;
using Batch = ll::Batch<float>;

/// Logistic regression: p(y = 1 | x) = σ(w · x + b). Writes the gradient of the mean loss, which it returns.
double regress(std::span<const float> w, float b, const Batch& batch, std::span<float> dw, float& db) {
  for (float& g : dw) g = 0;
  db = 0;
  double loss = 0;
  for (std::size_t n = 0; n < batch.size; ++n) {
    const auto x = batch.inputs.subspan(w.size() * n, w.size());
    float z = b;
    for (std::size_t i = 0; i < w.size(); ++i) z += w[i] * x[i];
    const float y = batch.labels[n] == 1 ? 1.0f : 0.0f, p = 1 / (1 + std::exp(-z));
    loss -= std::log(static_cast<double>(y == 1 ? p : 1 - p)) / static_cast<double>(batch.size);
    const float error = (p - y) / static_cast<float>(batch.size);
    for (std::size_t i = 0; i < w.size(); ++i) dw[i] += error * x[i];
    db += error;
  }
  return loss;
}

// [views]
/// Its arrays are parts of one vector.
struct Views {
  using value_type = float;
  ll::adapter::ParameterArrays<float> theta{{"weight", {2}}, {"bias", {1}}};

  std::span<float> parameters() { return theta.all(); }
  const ll::Layout& layout() const { return theta.layout(); }
  double gradient(const Batch& batch, std::span<float> out) {
    return regress(theta[0], theta[1][0], batch, theta.part(0, out), theta.part(1, out)[0]);
  }
};
// [views]

// [copies]
/// It has its arrays already: `adapter::OneVector(Arrays{})` is a model for a learner.
struct Arrays {
  using value_type = float;
  std::vector<float> weight = std::vector<float>(2), bias = std::vector<float>(1);

  std::vector<std::span<float>> arrays() { return {weight, bias}; }
  double gradient(const Batch& batch, const std::vector<std::span<float>>& out) {
    return regress(weight, bias[0], batch, out[0], out[1][0]);
  }
};
// [copies]

template <class Model>
float learn(Model model) {
  const std::vector<float> inputs{1, 0, 0.9f, 0.2f, -1, 0.1f, -0.8f, 0};
  const ll::Dataset<float> data(inputs, std::vector<std::int32_t>{1, 1, 0, 0}, {2});
  ll::Learner learner{std::move(model), ll::importance::Fisher{.labels = ll::importance::Labels::empirical},
                      ll::penalty::Quadratic{}, ll::optimizer::Adam{.learning_rate = 0.1}};
  learner.fit(data, {.epochs = 20, .batch_size = 2});
  learner.consolidate(data);
  return learner.parameters()[0];
}

int main() {
  const float by_view = learn(Views{}), by_copy = learn(ll::adapter::OneVector(Arrays{}));
  std::printf("first weight: %.6f by view, %.6f by copy\n", static_cast<double>(by_view), static_cast<double>(by_copy));
  return by_view == by_copy ? 0 : 1;
}
