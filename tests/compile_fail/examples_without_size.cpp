// expect: ExampleSource: the examples need size\(\) const
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Examples {
  std::size_t features() const { return 1; }
};

int main() { parts::learner(parts::Model{}, lifelong::importance::Fisher{}).consolidate(Examples{}); }
