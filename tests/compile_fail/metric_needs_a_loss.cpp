// expect: metric::Loss asks the model for its loss: the model needs loss_function\(\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Predictor : parts::Model {
  std::size_t outputs() const { return 2; }
  void predict(const lifelong::Batch<float>&, std::span<float>) {}
};

int main() {
  Predictor model;
  lifelong::evaluate(model, parts::Examples{}, lifelong::metric::Loss{});
}
