// expect: ElementwisePenalty: the penalty's kernel needs absorb\(i, theta, contribution, absorption\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Penalty {
  struct Kernel {
    template <class V>
    lifelong::penalty::Term<V> term(std::size_t, V theta) const {
      return {theta, theta};
    }
  };
  void validate() const {}
  template <class T>
  Kernel kernel(std::array<T*, 0>) const {
    return {};
  }
};

int main() {
  lifelong::Learner learner{parts::Model{}, lifelong::importance::Fisher{}, Penalty{}, lifelong::optimizer::Sgd{}};
}
