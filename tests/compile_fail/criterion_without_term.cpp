// expect: Criterion: the criterion needs term\(n, outputs, sample, cotangent\) const
// SPDX-License-Identifier: MIT
#include "parts.hpp"

#include <lifelong/rehearsal/criterion_pass.hpp>

struct Shares {
  double share(std::size_t) const { return 1; }
};

int main() {
  parts::Model model;
  lifelong::rehearsal::CriterionPass<parts::Model>{}(model, lifelong::backend::Serial{}, lifelong::Batch<float>{},
                                                     Shares{}, std::span<float>{});
}
