// expect: PredictiveModel: the model needs outputs\(\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

int main() {
  parts::Model model;
  return lifelong::accuracy(model, parts::Examples{}) > 0 ? 0 : 1;
}
