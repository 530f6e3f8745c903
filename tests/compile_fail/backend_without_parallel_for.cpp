// expect: ExecutionBackend: the backend needs parallel_for\(size, task\) const
#include "parts.hpp"

struct Backend {
  std::size_t threads() const { return 1; }
};

int main() {
  lifelong::Learner learner{parts::Model{}, lifelong::importance::Fisher{}, lifelong::penalty::Quadratic{},
                            lifelong::optimizer::Sgd{}, Backend{}};
}
