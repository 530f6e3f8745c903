// SPDX-License-Identifier: MIT
// A program whose two parts are compiled for different processors: both compute the same, and one trains a learner of
// the other.
#define PART here
#include "part.hpp"

#include <cmath>
#include <cstdio>

namespace other {
Learner make();
void train(Learner& learner);
std::vector<float> differentiate();
}  // namespace other

namespace {

double sum(std::span<const float> values) {
  double total = 0;
  for (const float value : values) total += static_cast<double>(value);
  return total;
}

/// Whether all values agree to a few roundings.
bool alike(std::span<const float> a, std::span<const float> b) {
  bool all = a.size() == b.size();
  for (std::size_t i = 0; all && i < a.size(); ++i) all = std::abs(a[i] - b[i]) <= 1e-4f * (1 + std::abs(a[i]));
  return all;
}

/// Trains a task here, and the next one there.
bool shares_a_learner() {
  Learner learner = other::make();
  here::train(learner);
  learner.consolidate();
  other::train(learner);
  const double theta = sum(learner.parameters()), importance = sum(learner.importance());
  std::printf("sum of theta %.4f, of importance %.4f\n", theta, importance);
  return std::abs(theta - 996.982) < 0.01 && std::abs(importance - 15.043) < 0.01;
}

bool computes_the_same() {
  const std::vector<float> a = here::differentiate(), b = other::differentiate();
  std::printf("sums of gradients and moments %.4f and %.4f\n", sum(a), sum(b));
  return alike(a, b) && std::abs(sum(a)) > 1;
}

}  // namespace

int main() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2")) {
    std::puts("skipped: the processor has no AVX2");
    return 0;
  }
#endif
  const bool shared = shares_a_learner(), same = computes_the_same();
  return shared && same ? 0 : 1;
}
