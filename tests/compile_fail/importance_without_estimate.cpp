// expect: ImportancePolicy: the importance needs estimate\(model, batch, estimation\) const, or kernel<T>
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Importance {
  lifelong::importance::Merge merge = lifelong::importance::Merge::sum();
  void validate() const {}
};

int main() {
  lifelong::Learner learner{parts::Model{}, Importance{}, lifelong::penalty::Quadratic{}, lifelong::optimizer::Sgd{}};
}
