// SPDX-License-Identifier: MIT
// What a learner has come to, copied to the host, and how far two such results are apart.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "catch.hpp"

namespace test {

template <class Learner>
auto parameters_of(Learner& learner) {
  std::vector<typename Learner::value_type> values(learner.parameters().size());
  learner.copy_parameters(0, values);
  return values;
}
template <class Learner>
auto importance_of(Learner& learner) {
  std::vector<typename Learner::value_type> values(learner.parameters().size());
  learner.copy_importance(values);
  return values;
}

/// Largest |a - b| / (|b| + mean |b|); 0 for the same numbers, NaN where one has a NaN.
template <class T>
double difference(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double mean = 0, worst = 0;
  for (const T value : b) mean += std::abs(static_cast<double>(value)) / static_cast<double>(b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double one = static_cast<double>(a[i]), other = static_cast<double>(b[i]);
    const double error = one == other ? 0 : std::abs(one - other) / (std::abs(other) + mean);
    worst = error <= worst ? worst : error;
  }
  return worst;
}

}  // namespace test
