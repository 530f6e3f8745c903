// SPDX-License-Identifier: MIT
// Norms and clipping of gradients that are longer than a chunk, and of lengths around the lanes of the sum.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/optimizer/gradient.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "catch.hpp"

namespace norm_of_chunks_test {

namespace ll = lifelong;

namespace {

template <class T>
std::vector<T> values(std::size_t count) {
  std::vector<T> g(count);
  for (std::size_t i = 0; i < count; ++i) g[i] = static_cast<T>(std::sin(static_cast<double>(i) + 0.5));
  return g;
}

template <class T>
double slow_norm(const std::vector<T>& g) {
  double sum = 0;
  for (const T value : g) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

}  // namespace

TEMPLATE_TEST_CASE("the norm counts every element once, for any length and number of threads", "[gradient]", float,
                   double) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{9}, std::size_t{17},
                                  ll::chunk_size - 1, ll::chunk_size, ll::chunk_size + 1, 3 * ll::chunk_size + 5}) {
    const auto g = values<TestType>(count);
    const std::span<const TestType> all(g);
    CHECK_THAT(ll::norm(all), test::WithinRel(slow_norm(g), 1e-12));
    for (const int threads : {1, 2, 3}) CHECK(ll::norm(all, ll::backend::OpenMP{threads}) == ll::norm(all));
  }
}

TEST_CASE("clipping reaches the last element of the last chunk", "[gradient]") {
  auto g = values<double>(2 * ll::chunk_size + 3);
  const auto before = g;
  const double length = slow_norm(g);
  CHECK_THAT(ll::clip_norm(std::span(g), length / 2), test::WithinRel(length, 1e-12));
  for (std::size_t i = 0; i < g.size(); ++i) REQUIRE_THAT(g[i], test::WithinRel(before[i] / 2, 1e-12));
  ll::clip_norm(std::span(g), length);
  for (std::size_t i = 0; i < g.size(); ++i) REQUIRE_THAT(g[i], test::WithinRel(before[i] / 2, 1e-12));
}

}  // namespace norm_of_chunks_test
