// expect: Learner: there are two backends
// SPDX-License-Identifier: MIT
#include "parts.hpp"

int main() {
  lifelong::Learner learner{parts::Model{},
                            lifelong::importance::Constant{},
                            lifelong::penalty::Quadratic{},
                            lifelong::optimizer::Sgd{},
                            lifelong::backend::Serial{},
                            lifelong::backend::Serial{}};
}
