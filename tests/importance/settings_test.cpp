// SPDX-License-Identifier: MIT
// Settings that are numbers in double but not in the parameters' type, and values that would vanish on the way.
#include <lifelong/conventions.hpp>
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "catch.hpp"

namespace settings_test {

namespace ll = lifelong;
using namespace lifelong::importance;
namespace cv = lifelong::convention;

namespace {

/// f_c = θ_c x_c.
template <class T>
struct Scales {
  using value_type = T;
  std::vector<T> theta = {1, 1};

  std::span<T> parameters() { return theta; }
  std::size_t outputs() const { return 2; }
  double gradient(const ll::Batch<T>&, std::span<T> out) {
    out[0] = out[1] = 0;
    return 0;
  }
  void predict(const ll::Batch<T>& batch, std::span<T> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = theta[i % 2] * batch.inputs[i];
  }
  void pullback(const ll::Batch<T>& batch, std::span<const T> cotangents, std::span<T> out) {
    out[0] = out[1] = 0;
    for (std::size_t i = 0; i < cotangents.size(); ++i) out[i % 2] += cotangents[i] * batch.inputs[i];
  }
};

template <class T, class Importance>
void make(const Importance& importance) {
  ll::Learner learner{Scales<T>{}, importance, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
}

/// Refused by name in float, taken in double.
template <class Importance>
void check_refused_in_float(const Importance& importance, const std::string& name) {
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { make<float>(importance); }),
             test::ContainsSubstring(name + " must be a number that fits the parameters' type, float"));
  CHECK_NOTHROW(make<double>(importance));
}

template <class T, class Importance>
std::vector<T> estimate_at(const Importance& importance, std::vector<T> inputs) {
  Scales<T> model;
  const std::vector<ll::Batch<T>> batches{{.size = inputs.size() / 2, .features = 2, .inputs = inputs}};
  std::vector<T> out(2);
  estimate(importance, model, batches, out);
  return out;
}

}  // namespace

TEST_CASE("a setting that is no number in the parameters' type is refused by name", "[importance][settings]") {
  for (const double value : {1e-60, 1e60}) {
    check_refused_in_float(GaussianFisher{.likelihood = {.variance = value}}, "Gaussian.variance");
    check_refused_in_float(GaussianBatchFisher{.likelihood = {.variance = value}}, "Gaussian.variance");
    check_refused_in_float(WeightedSum<Mas, Mas>{.weight_a = value}, "WeightedSum.weight_a");
    check_refused_in_float(WeightedSum<Mas, Mas>{.weight_b = value}, "WeightedSum.weight_b");
    check_refused_in_float(WeightedSum<Mas, GaussianFisher>{.b = {.likelihood = {.variance = value}}},
                           "Gaussian.variance");
    check_refused_in_float(Normalized<Mas>{.ceiling = value}, "Normalized.ceiling");
    check_refused_in_float(Normalized<GaussianFisher>{.importance = {.likelihood = {.variance = value}}},
                           "Gaussian.variance");
    check_refused_in_float(SynapticIntelligence{.xi = value}, "SynapticIntelligence.xi");
    check_refused_in_float(SynapticIntelligence{.ceiling = value}, "SynapticIntelligence.ceiling");
    check_refused_in_float(RWalk{.epsilon = value}, "RWalk.epsilon");
    check_refused_in_float(RWalk{.score_new = value}, "RWalk.score_new");
    check_refused_in_float(IntervalRWalk{.rwalk = {.epsilon = value}}, "RWalk.epsilon");
    check_refused_in_float(Scp{.directions = {1, value}}, "Scp.directions");
    check_refused_in_float(cv::TaskWalk{.epsilon = value}, "TaskWalk.epsilon");
    check_refused_in_float(cv::agem::WindowWalk{.epsilon = value}, "WindowWalk.epsilon");
    check_refused_in_float(cv::avalanche::si(1, value).importance, "SynapticIntelligence.xi");
    check_refused_in_float(cv::hw14::si(1, value).importance, "SynapticIntelligence.xi");
  }
  check_refused_in_float(RWalk{.alpha = 1e-60}, "RWalk.alpha");
  check_refused_in_float(cv::agem::WindowFisher{.alpha = 1e-60}, "WindowFisher.alpha");
  CHECK_NOTHROW(make<float>(SynapticIntelligence{}));  // its ceiling is infinite
  CHECK_NOTHROW(make<float>(Normalized<Mas>{}));
  CHECK_NOTHROW(make<float>(WeightedSum<Mas, Mas>{.weight_b = 0}));
}

TEST_CASE("a setting that is no number at all is refused by name", "[importance][settings]") {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity(), 0.0}) {
    CHECK_THROWS_AS(make<double>(SynapticIntelligence{.ceiling = bad}), ll::InvalidArgument);
    CHECK_THROWS_AS(make<double>(Normalized<Mas>{.ceiling = bad}), ll::InvalidArgument);
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] {
               make<double>(Scp{.directions = {1, nan}});
             }),
             test::ContainsSubstring("Scp.directions[1]"));
  CHECK_THROWS_AS(make<double>(RWalk{.score_old = nan}), ll::InvalidArgument);
  CHECK_THROWS_AS(make<double>(RWalk{.score_first = -1}), ll::InvalidArgument);
}

TEST_CASE("a ceiling does not hide what is not finite", "[importance][settings]") {
  CHECK(test::message_of<ll::NumericError>([] {
          estimate_at<float>(Normalized<Mas>{.ceiling = 1}, {1e30f, 1});
        }) == "Normalized: 1 importances are nan or inf, which no ceiling makes right");
  CHECK(estimate_at<float>(Normalized<Mas>{.by = Normalize::none, .ceiling = 1}, {8, 0.5f}) ==
        std::vector<float>{1, 0.5f});
}

TEMPLATE_TEST_CASE("the plain norm of outputs whose squares over- or underflow", "[importance][settings]", float,
                   double) {
  // ∂‖f‖/∂θ_c = f_c x_c / ‖f‖ with f = x at θ = 1.
  const Mas plain{.norm = MasNorm::plain};
  for (const int exponent : {0, 60, -60, -66, 70, -70, 90, -90, -120}) {
    TestType unit = 1;
    for (int k = 0; k < (exponent < 0 ? -exponent : exponent); ++k)
      for (int again = 0; again < (sizeof(TestType) == 4 ? 1 : 8); ++again) unit *= exponent < 0 ? TestType(0.5) : 2;
    const TestType a = TestType(3.3), b = TestType(4.7);
    const double x = static_cast<double>(a), y = static_cast<double>(b), norm = std::sqrt(x * x + y * y);
    const auto omega = estimate_at<TestType>(plain, {a * unit, -b * unit});
    CHECK_THAT(static_cast<double>(omega[0] / unit), test::WithinRel(x * x / norm, 1e-6));
    CHECK_THAT(static_cast<double>(omega[1] / unit), test::WithinRel(y * y / norm, 1e-6));
  }
  CHECK(estimate_at<TestType>(plain, {0, 0}) == std::vector<TestType>{0, 0});
}

TEST_CASE("more slices than there is memory for", "[importance][settings]") {
  const auto message = [](std::size_t slices) {
    return test::message_of<ll::OutOfMemory>([&] { estimate_at<double>(Scp{.slices = slices}, {1, 1}); });
  };
  CHECK(message(std::size_t{1} << 63) == "Scp: 9223372036854775808 slices of 2 outputs do not fit into memory");
  CHECK(message(std::size_t{1} << 60) == "Scp: 1152921504606846976 slices of 2 outputs do not fit into memory");
}

}  // namespace settings_test
