// SPDX-License-Identifier: MIT
// A network written out by hand, one hidden tanh layer and a softmax, one sample at a time in double: the slow, obvious
// version that the library's fast paths are compared with. It models PullbackModel and has no moments.
#pragma once

#include <lifelong/core/batch.hpp>
#include <lifelong/core/random.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace test {

struct TinyModel {
  using value_type = double;
  std::size_t in = 4, hidden = 3, out = 3;
  std::vector<double> theta;

  explicit TinyModel(std::uint64_t seed = 1) : theta(hidden * in + hidden + out * hidden + out) {
    const lifelong::Random random(seed, lifelong::Purpose::initialization);
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] = random.normal(i) * 0.7;
  }

  std::span<double> parameters() { return theta; }
  std::size_t outputs() const { return out; }

  const double* w1() const { return theta.data(); }
  const double* b1() const { return w1() + hidden * in; }
  const double* w2() const { return b1() + hidden; }
  const double* b2() const { return w2() + out * hidden; }

  std::vector<double> hidden_of(const double* x) const {
    std::vector<double> h(hidden);
    for (std::size_t j = 0; j < hidden; ++j) {
      double z = b1()[j];
      for (std::size_t i = 0; i < in; ++i) z += w1()[j * in + i] * x[i];
      h[j] = std::tanh(z);
    }
    return h;
  }

  void predict(const lifelong::Batch<double>& batch, std::span<double> result) const {
    for (std::size_t n = 0; n < batch.size; ++n) {
      const auto h = hidden_of(&batch.inputs[n * in]);
      for (std::size_t c = 0; c < out; ++c) {
        double z = b2()[c];
        for (std::size_t j = 0; j < hidden; ++j) z += w2()[c * hidden + j] * h[j];
        result[n * out + c] = z;
      }
    }
  }

  void pullback(const lifelong::Batch<double>& batch, std::span<const double> cotangents,
                std::span<double> result) const {
    for (double& value : result) value = 0;
    double* g = result.data();
    for (std::size_t n = 0; n < batch.size; ++n) {
      const double* x = &batch.inputs[n * in];
      const auto h = hidden_of(x);
      for (std::size_t j = 0; j < hidden; ++j) {
        double back = 0;
        for (std::size_t c = 0; c < out; ++c) {
          const double d = cotangents[n * out + c];
          g[hidden * in + hidden + c * hidden + j] += d * h[j];
          back += d * w2()[c * hidden + j];
        }
        back *= 1 - h[j] * h[j];
        for (std::size_t i = 0; i < in; ++i) g[j * in + i] += back * x[i];
        g[hidden * in + j] += back;
      }
      for (std::size_t c = 0; c < out; ++c) g[hidden * in + hidden + out * hidden + c] += cotangents[n * out + c];
    }
  }

  std::vector<double> probabilities(const lifelong::Batch<double>& one) const {
    std::vector<double> p(out);
    predict(one, p);
    double total = 0;
    for (double& z : p) total += z = std::exp(z);
    for (double& z : p) z /= total;
    return p;
  }

  double gradient(const lifelong::Batch<double>& batch, std::span<double> result) const {
    std::vector<double> cotangents;
    double loss = 0;
    const auto count = static_cast<double>(batch.size);
    for (std::size_t n = 0; n < batch.size; ++n) {
      const auto p = probabilities(batch.sample(n));
      const auto y = static_cast<std::size_t>(batch.labels[n]);
      loss -= std::log(p[y]) / count;
      for (std::size_t c = 0; c < out; ++c) cotangents.push_back((p[c] - (c == y ? 1 : 0)) / count);
    }
    pullback(batch, cotangents, result);
    return loss;
  }
};

/// Random samples for a `TinyModel`, as an example source and as batches.
struct TinyTask {
  std::vector<double> inputs;
  std::vector<std::int32_t> labels;
  static constexpr std::size_t width = 4;

  explicit TinyTask(std::uint64_t seed, std::size_t count = 23, std::int32_t classes = 3) {
    const lifelong::Random random(seed);
    for (std::size_t i = 0; i < count * width; ++i) inputs.push_back(random.normal(i));
    for (std::size_t n = 0; n < count; ++n)
      labels.push_back(static_cast<std::int32_t>(random.below(1000 + n, static_cast<std::uint64_t>(classes))));
  }

  std::size_t size() const { return labels.size(); }
  std::size_t features() const { return width; }
  std::size_t targets() const { return 0; }
  template <class T>
  void read(std::size_t i, lifelong::ExampleRow<T> row) const {
    for (std::size_t k = 0; k < width; ++k) row.inputs[k] = static_cast<T>(inputs[i * width + k]);
    row.label = labels[i];
  }

  lifelong::Batch<double> all() const { return {size(), width, inputs, labels}; }
};

}  // namespace test
