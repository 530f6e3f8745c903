// expect: ParameterModel: the model needs parameters\(\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Model {
  using value_type = float;
  double gradient(const lifelong::Batch<float>&, std::span<float>) { return 0; }
};

int main() {
  lifelong::Learner learner{Model{}, lifelong::importance::Fisher{}, lifelong::penalty::Quadratic{},
                            lifelong::optimizer::Sgd{}};
}
