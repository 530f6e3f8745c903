// expect: Learner: a part behind the optimizer must be an ExecutionBackend
// SPDX-License-Identifier: MIT
#include "parts.hpp"

int main() {
  lifelong::Learner learner{parts::Model{}, lifelong::importance::Constant{}, lifelong::penalty::Quadratic{},
                            lifelong::optimizer::Sgd{}, 3.0};
}
