// SPDX-License-Identifier: MIT
// What loops do to a gradient before the step.
#include <lifelong/learner.hpp>
#include <lifelong/optimizer/gradient.hpp>

#include <lifelong/lifelong.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace gradient_test {

namespace ll = lifelong;

TEST_CASE("the norm of a gradient is the root of its sum of squares", "[gradient]") {
  std::vector<float> g(1001);
  double sum = 0;
  for (std::size_t i = 0; i < g.size(); ++i) {
    g[i] = static_cast<float>(std::sin(static_cast<double>(i)));
    sum += static_cast<double>(g[i]) * static_cast<double>(g[i]);
  }
  CHECK_THAT(ll::norm(std::span<const float>(g)), test::WithinRel(std::sqrt(sum), 1e-13));
  CHECK(ll::norm(std::span<const float>()) == 0);
}

TEST_CASE("clipping by norm keeps the direction of a gradient", "[gradient]") {
  std::vector<double> g{3, 0, -4};
  CHECK(ll::clip_norm(std::span(g), 10) == 5);
  CHECK(g == std::vector<double>{3, 0, -4});
  CHECK(ll::clip_norm(std::span(g), 1) == 5);
  CHECK_THAT(g[0], test::WithinRel(0.6, 1e-15));
  CHECK_THAT(g[2], test::WithinRel(-0.8, 1e-15));
  CHECK(test::message_of<ll::InvalidArgument>([&] { ll::clip_norm(std::span(g), 0); }) ==
        "the norm to clip to must be a finite number above 0, but is 0");
}

TEST_CASE("a gradient that is not finite is left to the step, which names the parameter", "[gradient]") {
  ll::Learner learner{test::TinyModel(), ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{}};
  std::vector<double> g(learner.parameters().size(), 1.0);
  g[5] = std::numeric_limits<double>::infinity();
  CHECK(std::isinf(ll::clip_norm(std::span(g), 1)));
  CHECK(g[0] == 1);
  CHECK(test::message_of<ll::NumericError>([&] { learner.step(std::span<const double>(g)); }) ==
        "the gradient of parameter 5 is inf in step 1");
}

TEST_CASE("clipping by value bounds every element", "[gradient]") {
  std::vector<float> g{3, 0.5f, -4, std::numeric_limits<float>::quiet_NaN()};
  ll::clip_values(std::span(g), 2);
  CHECK(g[0] == 2);
  CHECK(g[1] == 0.5f);
  CHECK(g[2] == -2);
  CHECK(std::isnan(g[3]));
}

TEST_CASE("shares of gradients add up to that of all samples", "[gradient]") {
  test::TinyModel model;
  const test::TinyTask task(3);
  const ll::Batch<double> all = task.all();
  const std::size_t count = model.parameters().size();
  std::vector<double> expected(count), part(count), sum(count);
  model.gradient(all, expected);
  for (const auto& [first, size] : {std::pair<std::size_t, std::size_t>{0, 10}, {10, 10}, {20, 3}}) {
    model.gradient({size, 4, all.inputs.subspan(first * 4, size * 4), all.labels.subspan(first, size)}, part);
    ll::add_share(std::span(sum), std::span<const double>(part), static_cast<double>(size) / 23);
  }
  for (std::size_t i = 0; i < count; ++i)
    CHECK_THAT(sum[i], test::WithinRel(expected[i], 1e-12) || test::WithinAbs(expected[i], 1e-15));
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          ll::add_share(std::span(sum), std::span<const double>(part).first(2), 1);
        }) == "the gradient to be added has 2 elements where 27 are needed");
}

}  // namespace gradient_test
