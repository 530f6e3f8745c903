// expect: an implicit penalty needs the optimizer's step size
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Optimizer {
  struct Kernel {
    template <class V>
    V step(std::size_t, V theta, V gradient) const {
      return theta - gradient;
    }
  };
  void validate() const {}
  template <class T>
  Kernel kernel(std::array<T*, 0>, std::uint64_t) const {
    return {};
  }
};

int main() {
  auto learner = parts::learner(parts::Model{}, lifelong::importance::Constant{},
                                lifelong::penalty::ImplicitQuadratic{}, Optimizer{});
  learner.step(lifelong::Batch<float>{});
}
