// SPDX-License-Identifier: MIT
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include <lifelong/core/random.hpp>

#include "catch.hpp"

namespace random_test {

namespace ll = lifelong;
using ll::detail::normal_quantile;
using ll::detail::philox;
using ll::detail::portable_log;

namespace {

void check_words(ll::detail::Words actual, std::vector<std::uint32_t> expected) {
  CHECK(std::vector<std::uint32_t>(actual.w, actual.w + 4) == expected);
}

}  // namespace

TEST_CASE("Philox gives the known answers of Random123") {
  check_words(philox({{0, 0, 0, 0}}, 0, 0), {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  check_words(philox({{ones, ones, ones, ones}}, ones, ones), {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  check_words(philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
              {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the normal quantile agrees with Python's statistics.NormalDist().inv_cdf") {
  const struct {
    double p, quantile;
  } known[] = {{1e-300, -37.0470962993612},   {1e-100, -21.27345356096532},  {1e-20, -9.262340089798405},
               {1e-12, -7.034483825301132},   {1e-05, -4.2648907939228256},  {0.001, -3.090232306167813},
               {0.01, -2.3263478740408408},   {0.05, -1.6448536269514726},   {0.0749, -1.4402382675279632},
               {0.0751, -1.4388253927525398}, {0.1, -1.2815515655446008},    {0.25, -0.6744897501960817},
               {0.4, -0.2533471031357998},    {0.49, -0.025068908258711057}, {0.499999, -2.5066282745665597e-06},
               {0.6, 0.2533471031357998},     {0.8413447460685429, 1.0}};
  for (const auto& [p, quantile] : known) {
    CAPTURE(p);
    CHECK_THAT(normal_quantile(p), test::WithinRel(quantile, 1e-14));
    if (p > 1e-3) CHECK_THAT(normal_quantile(1 - p), test::WithinAbs(-quantile, 1e-13));
  }
  CHECK(normal_quantile(0.5) == 0);
}

TEST_CASE("the logarithm is within 2 ulp of std::log") {
  const ll::Random random{7};
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const double x = std::exp(1400 * random.uniform(i) - 700);
    CAPTURE(x);
    CHECK_THAT(portable_log(x), test::WithinRel(std::log(x), 4.5e-16));
  }
  CHECK(portable_log(1) == 0);
}

TEST_CASE("uniform draws lie below 1 and have the moments of the uniform distribution") {
  const ll::Random random{1};
  double mean = 0, square = 0;
  constexpr int draws = 100000;
  for (int i = 0; i < draws; ++i) {
    const double u = random.uniform(static_cast<std::uint64_t>(i));
    REQUIRE((u >= 0 && u < 1));
    mean += u / draws;
    square += u * u / draws;
  }
  CHECK_THAT(mean, test::WithinAbs(0.5, 0.004));
  CHECK_THAT(square, test::WithinAbs(1.0 / 3, 0.004));
}

TEST_CASE("normal draws have the moments of the normal distribution") {
  const ll::Random random{1};
  double moments[5] = {};
  constexpr int draws = 100000;
  for (int i = 0; i < draws; ++i) {
    double power = 1;
    for (double& moment : moments) {
      moment += power / draws;
      power *= random.normal(static_cast<std::uint64_t>(i));
    }
  }
  CHECK_THAT(moments[1], test::WithinAbs(0, 0.013));
  CHECK_THAT(moments[2], test::WithinAbs(1, 0.018));
  CHECK_THAT(moments[3], test::WithinAbs(0, 0.05));
  CHECK_THAT(moments[4], test::WithinAbs(3, 0.13));
}

TEST_CASE("normal draws have the same bits on every compiler and processor") {
  const ll::Random random{42};
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a, a draw at a time
  for (std::uint64_t i = 0; i < 100000; ++i)
    hash = (hash ^ std::bit_cast<std::uint64_t>(random.normal(i))) * 1099511628211ULL;
  CHECK(hash == 0x6aaef6694999a264ULL);
}

TEST_CASE("below is uniform on its range and reaches both ends") {
  const ll::Random random{3};
  std::vector<int> counts(7);
  constexpr int draws = 70000;
  for (std::uint64_t i = 0; i < draws; ++i) {
    const std::uint32_t x = random.below(i, 7);
    REQUIRE(x < 7);
    ++counts[x];
  }
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  CHECK(chi_square < 22.46);  // 6 degrees of freedom, p = 0.001
  CHECK(random.below(0, 1) == 0);
  CHECK(random.below(5, std::uint64_t{1} << 32) == random.bits(5) >> 32);
}

TEST_CASE("shuffle permutes, and every order of three is equally likely") {
  std::vector<int> values(1000);
  for (int i = 0; i < 1000; ++i) values[static_cast<std::size_t>(i)] = i;
  ll::Random{1}.shuffle(std::span(values));
  std::vector<int> seen(1000);
  int moved = 0;
  for (int i = 0; i < 1000; ++i) {
    ++seen[static_cast<std::size_t>(values[static_cast<std::size_t>(i)])];
    moved += values[static_cast<std::size_t>(i)] != i;
  }
  CHECK(seen == std::vector<int>(1000, 1));
  CHECK(moved > 980);

  std::vector<int> orders(27);
  for (std::uint64_t seed = 0; seed < 12000; ++seed) {
    std::size_t three[] = {0, 1, 2};
    ll::Random{seed}.shuffle(std::span<std::size_t>(three));
    ++orders[9 * three[0] + 3 * three[1] + three[2]];
  }
  double chi_square = 0;
  for (const int count : orders)
    if (count != 0) chi_square += (count - 2000.0) * (count - 2000.0) / 2000.0;
  CHECK(chi_square < 20.5);  // 5 degrees of freedom, p = 0.001
}

TEST_CASE("draws depend on seed, purpose, substream and index alone") {
  const ll::Random random{42, ll::Purpose::shuffle, 3};
  std::vector<std::uint64_t> forward, backward(100);
  for (std::uint64_t i = 0; i < 100; ++i) forward.push_back(random.bits(i));
  for (std::size_t i = 100; i-- > 0;) backward[i] = ll::Random{42, ll::Purpose::shuffle, 3}.bits(i);
  CHECK(forward == backward);
  CHECK(forward[0] != ll::Random{43, ll::Purpose::shuffle, 3}.bits(0));
  CHECK(forward[0] != ll::Random{42, ll::Purpose::labels, 3}.bits(0));
  CHECK(forward[0] != ll::Random{42, ll::Purpose::shuffle, 4}.bits(0));
  CHECK(forward[0] != ll::Random{42 + (std::uint64_t{1} << 32), ll::Purpose::shuffle, 3}.bits(0));
  CHECK(forward[0] != random.bits(std::uint64_t{1} << 32));
  static_assert(ll::Random{0}.bits(0) == ll::Random{0}.bits(0));
}

}  // namespace random_test
