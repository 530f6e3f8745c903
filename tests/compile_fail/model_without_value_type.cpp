// expect: ParameterModel: the model needs value_type
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Model {
  std::span<float> parameters() { return {}; }
};

int main() {
  lifelong::Learner learner{Model{}, lifelong::importance::Fisher{}, lifelong::penalty::Quadratic{},
                            lifelong::optimizer::Sgd{}};
}
