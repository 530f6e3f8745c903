// SPDX-License-Identifier: MIT
// Packets compute lane by lane what scalars do, and block sums do not depend on who computes them.
#include <lifelong/backend/elementwise.hpp>
#include <lifelong/backend/openmp.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "catch.hpp"

namespace packet_test {

namespace ll = lifelong;

namespace {

/// Writes several functions of two streams; sums up the first.
template <class T>
struct Everything {
  const T* a;
  const T* b;
  T* out;
  std::size_t n;

  template <class V>
  V operator()(std::size_t i) const {
    const V x = ll::load<V>(a, i), y = ll::load<V>(b, i);
    ll::store(out, i, (x + y) * x - y / (x * x + V(T(1))));
    ll::store(out + n, i, ll::max(x, y));
    ll::store(out + 2 * n, i, ll::abs(x));
    ll::store(out + 3 * n, i, ll::sqrt(ll::abs(x)));
    ll::store(out + 4 * n, i, ll::where_positive(x, y, -y));
    ll::store(out + 5 * n, i, ll::multiply_add(x, y, y));
    return x;
  }
};

template <class T>
std::vector<T> normals(std::size_t n, std::uint64_t seed) {
  std::vector<T> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<T>(ll::Random(seed).normal(i));
  return values;
}

template <class T>
void check_against_scalars(std::size_t n) {
  const auto a = normals<T>(n, 1), b = normals<T>(n, 2);
  std::vector<T> packets(6 * n), scalars(6 * n);
  std::vector<double> partials(ll::chunk_count(n));
  ll::elementwise<T>(ll::backend::Serial{}, n, Everything<T>{a.data(), b.data(), packets.data(), n},
                     std::span<double>(partials));
  const Everything<T> scalar{a.data(), b.data(), scalars.data(), n};
  for (std::size_t i = 0; i < n; ++i) scalar.template operator()<T>(i);
  for (std::size_t i = 0; i < 6 * n; ++i) {
    INFO("function " << i / n << " element " << i % n);
    // The compiler may contract a * b + c in one of the two forms only: one rounding of difference.
    REQUIRE_THAT(
        static_cast<double>(packets[i]),
        test::WithinAbs(static_cast<double>(scalars[i]), 4 * static_cast<double>(std::numeric_limits<T>::epsilon())));
  }
}

}  // namespace

TEST_CASE("packets equal scalars, whole and with a rest", "[packet]") {
  for (const std::size_t n : {1u, 7u, 16u, 37u, 1000u}) {
    check_against_scalars<float>(n);
    check_against_scalars<double>(n);
  }
}

TEST_CASE("max keeps a NaN of its first argument", "[packet]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(std::isnan(ll::max(nan, 0.0)));
  const ll::Packet<double> both = ll::max(ll::Packet<double>(nan), ll::Packet<double>(0.0));
  REQUIRE(std::isnan(ll::sum(both)));
}

TEMPLATE_TEST_CASE("values beyond a bound, NaN and Inf are found lane by lane and one by one", "[packet]", float,
                   double) {
  using T = TestType;
  using V = ll::Packet<T>;
  using Limits = std::numeric_limits<T>;
  const T next = 1 + T(1) / (1 << 20);  // the first number above 1 whose upper 32 bits say so, in double
  const T bounds[] = {0, Limits::min(), T(0.5), 1, 1024, Limits::max()};
  const T values[] = {0,
                      Limits::denorm_min() * (1LL << 20) * (1LL << 20),
                      Limits::min(),
                      T(0.5),
                      T(0.75),
                      1,
                      next,
                      1024,
                      1025,
                      Limits::max() / 2,
                      Limits::max(),
                      Limits::infinity(),
                      Limits::quiet_NaN()};
  for (const T bound : bounds)
    for (const T magnitude : values)
      for (const T value : {magnitude, -magnitude}) {
        INFO("value " << value << " bound " << bound);
        const T expected = std::abs(value) <= bound ? T(0) : T(1);
        CHECK(ll::exceeds(value, bound) == expected);
        T lanes[ll::lane_count<V>] = {}, found[ll::lane_count<V>];
        for (std::size_t k = 0; k < ll::lane_count<V>; ++k) {
          lanes[k] = value;
          ll::store<V>(found, 0, ll::exceeds(ll::load<V>(lanes, 0), bound));
          for (std::size_t j = 0; j < ll::lane_count<V>; ++j) CHECK(found[j] == (j == k ? expected : T(0)));
          lanes[k] = 0;
        }
      }
}

TEST_CASE("block sums are bitwise equal for any number of threads", "[packet][threads]") {
  const std::size_t n = 20 * ll::chunk_size + 77;
  const auto a = normals<float>(n, 3), b = normals<float>(n, 4);
  std::vector<float> out(6 * n);
  std::vector<double> partials(ll::chunk_count(n));
  const Everything<float> kernel{a.data(), b.data(), out.data(), n};
  const double serial = ll::elementwise<float>(ll::backend::Serial{}, n, kernel, std::span<double>(partials));
  double reference = 0;
  for (const float x : a) reference += static_cast<double>(x);
  REQUIRE_THAT(serial, test::WithinAbs(reference, 1e-2));
  for (const int threads : {1, 2, 3, 4, 8})
    REQUIRE(serial == ll::elementwise<float>(ll::backend::OpenMP{threads}, n, kernel, std::span<double>(partials)));
}

TEST_CASE("an exception in a parallel loop reaches the caller", "[threads]") {
  const ll::backend::OpenMP backend{3};
  const auto task = [](std::size_t i) {
    if (i == 5) throw std::runtime_error("five");
  };
  REQUIRE_THROWS_AS(backend.parallel_for(100, task), std::runtime_error);
}

#if defined(LIFELONG_HAS_PACKETS)
TEMPLATE_TEST_CASE("transposing packets turns rows into columns", "[packet]", float, double) {
  using V = lifelong::Packet<TestType>;
  V rows[V::size];
  for (std::size_t i = 0; i < V::size; ++i)
    for (std::size_t j = 0; j < V::size; ++j) rows[i].lanes[j] = static_cast<TestType>(100 * i + j);
  transpose(rows);
  for (std::size_t i = 0; i < V::size; ++i)
    for (std::size_t j = 0; j < V::size; ++j) CHECK(rows[i].lanes[j] == static_cast<TestType>(100 * j + i));
}
#endif

}  // namespace packet_test
