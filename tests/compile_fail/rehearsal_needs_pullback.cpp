// expect: .*this rehearsal adds a term of the outputs to the loss: the model needs gradient\(batch, criterion, out\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

#include <lifelong/rehearsal/dark_experience.hpp>

struct Predictive : parts::Model {
  std::size_t outputs() const { return 1; }
  void predict(const lifelong::Batch<float>&, std::span<float>) {}
};

int main() {
  lifelong::Learner learner{Predictive{}, lifelong::importance::Constant{}, lifelong::penalty::Quadratic{},
                            lifelong::optimizer::Sgd{}, lifelong::rehearsal::Der{}};
  learner.step(lifelong::Batch<float>{});
}
