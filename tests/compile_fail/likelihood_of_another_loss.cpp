// expect: the likelihood of this importance is not that of the model's loss: take Fisher
// SPDX-License-Identifier: MIT
#include <lifelong/nn/loss.hpp>

#include "parts.hpp"

struct Classifier : parts::Model {
  std::size_t outputs() const { return 2; }
  void predict(const lifelong::Batch<float>&, std::span<float>) {}
  void pullback(const lifelong::Batch<float>&, std::span<const float>, std::span<float>) {}
  lifelong::nn::SoftmaxCrossEntropy loss_function() const { return {}; }
};

int main() { parts::learner(Classifier{}, lifelong::importance::GaussianFisher{}); }
