// expect: .*FeatureModel: the model needs inputs\(\) and features\(\), the numbers of its inputs and features
// SPDX-License-Identifier: MIT
#include "parts.hpp"

#include <lifelong/rehearsal/icarl.hpp>

struct Predictive : parts::Model {
  std::size_t outputs() const { return 1; }
  void predict(const lifelong::Batch<float>&, std::span<float>) {}
  void pullback(const lifelong::Batch<float>&, std::span<const float>, std::span<float>) {}
};

int main() {
  lifelong::Learner learner{Predictive{}, lifelong::importance::Constant{}, lifelong::penalty::Quadratic{},
                            lifelong::optimizer::Sgd{}, lifelong::rehearsal::ICarl{}};
  learner.step(lifelong::Batch<float>{});
}
