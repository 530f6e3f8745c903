// SPDX-License-Identifier: MIT
// A multilayer perceptron written out by hand, one sample at a time in double: the slow, obvious version of `nn::mlp`
// and `cuda::mlp` for programs without Eigen. It models PullbackModel and has no moments.
#pragma once

#include <lifelong/core/batch.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/mlp_options.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace test {

template <class Loss = lifelong::nn::SoftmaxCrossEntropy>
struct SlowMlp {
  using value_type = double;
  std::vector<std::size_t> widths;
  lifelong::nn::Activation activation;
  std::vector<double> theta;

  std::span<double> parameters() { return theta; }
  std::size_t outputs() const { return widths.back(); }

  double curve(double z) const {
    using lifelong::nn::Activation;
    if (activation == Activation::relu) return z > 0 ? z : 0;
    if (activation == Activation::tanh) return std::tanh(z);
    if (activation == Activation::sigmoid) return 1 / (1 + std::exp(-z));
    return z * std::erfc(-z / std::sqrt(2.0)) / 2;
  }
  double slope(double z) const {
    using lifelong::nn::Activation;
    if (activation == Activation::relu) return z > 0 ? 1 : 0;
    if (activation == Activation::tanh) return 1 - std::tanh(z) * std::tanh(z);
    if (activation == Activation::sigmoid) return curve(z) * (1 - curve(z));
    return std::erfc(-z / std::sqrt(2.0)) / 2 + z * std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0));
  }

  /// Σ_j of a layer before its activation, for all layers.
  std::vector<std::vector<double>> sums(const double* x) const {
    std::vector<std::vector<double>> z;
    std::vector<double> y(x, x + widths[0]);
    const double* weight = theta.data();
    for (std::size_t l = 1; l < widths.size(); ++l) {
      const double* bias = weight + widths[l] * widths[l - 1];
      z.emplace_back(bias, bias + widths[l]);
      for (std::size_t j = 0; j < widths[l]; ++j)
        for (std::size_t i = 0; i < y.size(); ++i) z.back()[j] += weight[j * y.size() + i] * y[i];
      y = activated(z.back());
      weight = bias + widths[l];
    }
    return z;
  }
  std::vector<double> activated(std::vector<double> z) const {
    for (double& value : z) value = curve(value);
    return z;
  }

  void predict(const lifelong::Batch<double>& batch, std::span<double> result) const {
    for (std::size_t n = 0; n < batch.size; ++n) {
      const auto f = sums(&batch.inputs[n * widths[0]]).back();
      for (std::size_t c = 0; c < f.size(); ++c) result[n * f.size() + c] = f[c];
    }
  }

  /// result += Jᵀ delta.
  void add_pulled(const double* x, std::vector<double> delta, std::span<double> result) const {
    const auto z = sums(x);
    std::size_t end = theta.size();
    for (std::size_t l = widths.size() - 1; l > 0; --l) {
      const std::size_t in = widths[l - 1], out = widths[l], first = end - out * (in + 1);
      const std::vector<double> y = l == 1 ? std::vector<double>(x, x + in) : activated(z[l - 2]);
      std::vector<double> below(in);
      for (std::size_t j = 0; j < out; ++j) {
        for (std::size_t i = 0; i < in; ++i) {
          result[first + j * in + i] += delta[j] * y[i];
          below[i] += delta[j] * theta[first + j * in + i];
        }
        result[end - out + j] += delta[j];
      }
      for (std::size_t i = 0; l > 1 && i < in; ++i) below[i] *= slope(z[l - 2][i]);
      delta = std::move(below);
      end = first;
    }
  }

  void pullback(const lifelong::Batch<double>& batch, std::span<const double> cotangents,
                std::span<double> result) const {
    for (double& value : result) value = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const auto delta = cotangents.subspan(n * outputs(), outputs());
      add_pulled(&batch.inputs[n * widths[0]], {delta.begin(), delta.end()}, result);
    }
  }

  double gradient(const lifelong::Batch<double>& batch, std::span<double> result) const {
    for (double& value : result) value = 0;
    double total = 0, weight = 0;
    for (std::size_t n = 0; n < batch.size; ++n) weight += batch.context(n, outputs()).weight;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const auto sample = batch.context(n, outputs());
      auto delta = sums(&batch.inputs[n * widths[0]]).back();
      total += sample.weight * Loss{}.differentiate(std::span<double>(delta), sample);
      for (double& value : delta) value *= sample.weight / weight;
      add_pulled(&batch.inputs[n * widths[0]], delta, result);
    }
    return total / weight;
  }
};

}  // namespace test
