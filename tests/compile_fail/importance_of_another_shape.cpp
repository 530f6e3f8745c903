// expect: StructuredPenalty: this importance estimates more than one value per parameter
// SPDX-License-Identifier: MIT
#include <lifelong/nn.hpp>

#include "parts.hpp"

int main() {
  lifelong::Learner learner{lifelong::nn::mlp<float>({2, 2}), lifelong::nn::KroneckerFisher{},
                            lifelong::penalty::Quadratic{}, lifelong::optimizer::Sgd{}};
}
