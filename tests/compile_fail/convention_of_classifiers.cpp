// expect: the likelihood of this importance is not that of the model's loss: take Fisher
// SPDX-License-Identifier: MIT
#include <lifelong/conventions.hpp>
#include <lifelong/nn/loss.hpp>

#include "parts.hpp"

struct Regression : parts::Model {
  std::size_t outputs() const { return 2; }
  void predict(const lifelong::Batch<float>&, std::span<float>) {}
  void pullback(const lifelong::Batch<float>&, std::span<const float>, std::span<float>) {}
  lifelong::nn::MeanSquaredError loss_function() const { return {}; }
};

int main() { parts::learner(Regression{}, lifelong::convention::gmvdv::ewc(1).importance); }
