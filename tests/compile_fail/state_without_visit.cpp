// expect: PolicyState: State<T> needs resize\(count\), bytes\(\) const and visit\(array, number\)
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Penalty {
  template <class T>
  struct State {
    void resize(std::size_t) {}
    std::size_t bytes() const { return 0; }
  };
  void validate() const {}
};

int main() {
  lifelong::Learner learner{parts::Model{}, lifelong::importance::Fisher{}, Penalty{}, lifelong::optimizer::Sgd{}};
}
