// expect: Likelihood: the likelihood needs draw\(row, sample, random, delta\) const
// SPDX-License-Identifier: MIT
#include "parts.hpp"

struct Certain {
  template <class T>
  void prepare(std::span<T>, const lifelong::SampleContext<T>&) const {}
  std::size_t factors(std::size_t outputs) const { return outputs; }
  template <class T>
  void factor(std::size_t, std::span<const T>, const lifelong::SampleContext<T>&, std::span<T>) const {}
  template <class T>
  void score(std::span<const T>, const lifelong::SampleContext<T>&, std::span<T>) const {}
};

int main() { lifelong::importance::FisherInformation<Certain>{}.validate(); }
