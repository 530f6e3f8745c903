// expect: ImportancePolicy: the importance needs merge
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Importance {
  void validate() const {}
  template <class Model, class Batches>
  void estimate(Model&, Batches&&, std::span<float>) const {}
};

int main() {
  lifelong::Learner learner{parts::Model{}, Importance{}, lifelong::penalty::Quadratic{}, lifelong::optimizer::Sgd{}};
}
