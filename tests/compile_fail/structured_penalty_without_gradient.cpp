// expect: StructuredPenalty: a penalty with State<T> needs gradient\(state, backend, theta, out\) const
#include "parts.hpp"

struct Penalty {
  template <class T>
  struct State {
    std::size_t bytes() const { return 0; }
  };
  void validate() const {}
};

int main() {
  lifelong::Learner learner{parts::Model{}, lifelong::importance::Fisher{}, Penalty{}, lifelong::optimizer::Sgd{}};
}
