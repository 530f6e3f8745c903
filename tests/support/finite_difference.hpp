// SPDX-License-Identifier: MIT
// Gradients against central differences of the loss.
#pragma once

#include <lifelong/core/batch.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "catch.hpp"

namespace test {

/// Compares `gradient` with (L(θ + ε) - L(θ - ε)) / 2ε for every parameter, ε = 1e-6, tolerance 1e-5 + 1e-3 |expected|;
/// `loss()` is called while one of them is changed.
template <class Loss>
void check_differences(std::span<double> theta, std::span<const double> gradient, const Loss& loss) {
  const double epsilon = 1e-6;
  double worst = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const double before = theta[i];
    theta[i] = before + epsilon;
    const double above = loss();
    theta[i] = before - epsilon;
    const double below = loss();
    theta[i] = before;
    const double expected = (above - below) / (2 * epsilon);
    const double error = std::abs(gradient[i] - expected) / (1e-5 + 1e-3 * std::abs(expected));
    worst = error <= worst ? worst : error;  // a NaN stays
  }
  CHECK(worst < 1);
}

/// The gradient of a network as it is used.
template <class N>
void check_gradient(N network, const lifelong::Batch<double>& batch) {
  std::vector<double> gradient(network.parameters().size(), 99.0);
  const double value = network.evaluation_gradient(batch, gradient);
  CHECK(value == network.loss(batch));
  check_differences(network.parameters(), gradient, [&] { return network.loss(batch); });
}

/// The gradient of a network in training: with dropout, of statistics of the batch. Copies draw the same numbers.
template <class N>
void check_training_gradient(N network, const lifelong::Batch<double>& batch) {
  std::vector<double> gradient(network.parameters().size(), 99.0), ignored(gradient.size());
  N(network).gradient(batch, gradient);
  check_differences(network.parameters(), gradient, [&] { return N(network).gradient(batch, ignored); });
}

}  // namespace test
