// expect: OptimizerPolicy: the optimizer needs kernel<T>\(arrays, step\) const .*with step\(i, theta, gradient\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Optimizer {
  struct Kernel {};
  void validate() const {}
  template <class T>
  Kernel kernel(std::array<T*, 0>, std::uint64_t) const {
    return {};
  }
};

int main() {
  lifelong::Learner learner{parts::Model{}, lifelong::importance::Fisher{}, lifelong::penalty::Quadratic{},
                            Optimizer{}};
}
