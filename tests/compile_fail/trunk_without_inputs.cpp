// expect: analytic::Trunk: the trunk needs inputs\(\), the number of its inputs
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <span>

#include <lifelong/analytic/ridge.hpp>

struct Trunk {
  using value_type = float;
  std::size_t outputs() { return 1; }
  void predict(const lifelong::Batch<float>&, std::span<float>) {}
};

int main() { lifelong::analytic::Ridge ridge{Trunk{}, 10}; }
