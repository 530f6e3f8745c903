// expect: ExecutionBackend: the backend needs parallel_for\(count, body\) const
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Backend {
  std::size_t threads() const { return 1; }
};

int main() {
  lifelong::Learner learner{parts::Model{}, lifelong::importance::Fisher{}, lifelong::penalty::Quadratic{},
                            lifelong::optimizer::Sgd{}, Backend{}};
}
