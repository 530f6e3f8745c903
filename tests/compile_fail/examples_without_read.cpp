// expect: ExampleSource: the examples need read\(i, row\) const
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Examples {
  std::size_t size() const { return 1; }
  std::size_t features() const { return 1; }
  std::size_t targets() const { return 0; }
};

int main() { parts::learner().fit(Examples{}); }
