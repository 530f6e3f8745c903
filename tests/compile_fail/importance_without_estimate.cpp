// expect: ImportancePolicy: the importance needs estimate\(model, batches, out\) const, or view<T>\(arrays\) const
#include "parts.hpp"

struct Importance {
  lifelong::importance::Merge merge = lifelong::importance::Merge::sum();
  void validate() const {}
};

int main() {
  lifelong::Learner learner{parts::Model{}, Importance{}, lifelong::penalty::Quadratic{}, lifelong::optimizer::Sgd{}};
}
