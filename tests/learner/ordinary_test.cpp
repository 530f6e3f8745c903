// SPDX-License-Identifier: MIT
// The sizes up to which a step needs no way back are the powers of two that docs/design.md names.
#include <lifelong/learner/ordinary.hpp>
#include <lifelong/optimizer/sgd.hpp>
#include <lifelong/optimizer/weight_decay.hpp>

#include <limits>

#include "catch.hpp"

namespace ordinary_test {

namespace ll = lifelong;
using ll::detail::Ordinary;

TEST_CASE("ordinary numbers of float", "[learner]") {
  CHECK(Ordinary<float>::gradient == 0x1p24f);
  CHECK(Ordinary<float>::parameter == 0x1p32f);
  CHECK(Ordinary<float>::pull == 0x1p26f);
  CHECK(Ordinary<float>::penalty == 0x1p20);
  CHECK(Ordinary<float>::rate == 2);
}

TEST_CASE("ordinary numbers of double have eight times the exponents", "[learner]") {
  CHECK(Ordinary<double>::gradient == 0x1p192);
  CHECK(Ordinary<double>::parameter == 0x1p256);
  CHECK(Ordinary<double>::pull == 0x1p208);
  CHECK(Ordinary<double>::penalty == 0x1p160);
  CHECK(Ordinary<double>::rate == 2);
}

TEST_CASE("a rate is ordinary up to its bound", "[learner]") {
  using ll::optimizer::Sgd, ll::optimizer::L2;
  CHECK(ll::detail::has_ordinary_rates<float>(Sgd{.learning_rate = 2}));
  CHECK_FALSE(ll::detail::has_ordinary_rates<float>(Sgd{.learning_rate = 2.001}));
  CHECK_FALSE(ll::detail::has_ordinary_rates<float>(Sgd{.learning_rate = -3}));
  CHECK_FALSE(ll::detail::has_ordinary_rates<float>(Sgd{.learning_rate = std::numeric_limits<double>::quiet_NaN()}));
  CHECK(ll::detail::has_ordinary_rates<float>(L2<Sgd>{{.learning_rate = 2}, 2}));
  CHECK_FALSE(ll::detail::has_ordinary_rates<float>(L2<Sgd>{{.learning_rate = 2}, 2.001}));
  CHECK_FALSE(ll::detail::has_ordinary_rates<float>(L2<Sgd>{{.learning_rate = 3}, 1}));
}

}  // namespace ordinary_test
