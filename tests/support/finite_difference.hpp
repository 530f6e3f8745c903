// Gradients against central differences of the loss.
#pragma once

#include <lifelong/core/batch.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "catch.hpp"

namespace test {

/// Compares the gradient of a network, as it is used, with (L(θ + ε) - L(θ - ε)) / 2ε for every parameter: ε = 1e-6,
/// tolerance 1e-5 + 1e-3 |expected|.
template <class N>
void check_gradient(N network, const lifelong::Batch<double>& batch) {
  std::vector<double> gradient(network.parameters().size(), 99.0);
  const double value = network.evaluation_gradient(batch, gradient);
  CHECK(value == network.loss(batch));
  const auto theta = network.parameters();
  const double epsilon = 1e-6;
  double worst = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const double before = theta[i];
    theta[i] = before + epsilon;
    const double above = network.loss(batch);
    theta[i] = before - epsilon;
    const double below = network.loss(batch);
    theta[i] = before;
    const double expected = (above - below) / (2 * epsilon);
    const double error = std::abs(gradient[i] - expected) / (1e-5 + 1e-3 * std::abs(expected));
    worst = error <= worst ? worst : error;  // a NaN stays
  }
  CHECK(worst < 1);
}

}  // namespace test
