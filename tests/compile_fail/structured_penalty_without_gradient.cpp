// expect: StructuredPenalty: a penalty with State<T> needs gradient\(state, backend, theta, out\) const
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Penalty {
  template <class T>
  struct State {
    void resize(std::size_t) {}
    std::size_t bytes() const { return 0; }
    template <class Array, class Number>
    void visit(const Array&, const Number&) {}
  };
  void validate() const {}
};

int main() {
  lifelong::Learner learner{parts::Model{}, lifelong::importance::Fisher{}, Penalty{}, lifelong::optimizer::Sgd{}};
}
