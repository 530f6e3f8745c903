// expect: DifferentiableModel: the model needs gradient\(batch, out\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Model {
  using value_type = float;
  std::span<float> parameters() { return {}; }
};

int main() { parts::learner(Model{}).fit(parts::Examples{}); }
