// SPDX-License-Identifier: MIT
// Importances of one parameter alone, of outputs whose squares are no numbers, and of as many samples as are summed
// plainly.
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "catch.hpp"

namespace small_and_long_sums_test {

namespace ll = lifelong;
using namespace ll::importance;

namespace {

/// f_c(x) = θ x_c for two outputs.
struct Scaled {
  using value_type = double;
  std::vector<double> theta = {0.5};
  std::span<double> parameters() { return theta; }
  std::size_t outputs() const { return 2; }
  void predict(const ll::Batch<double>& batch, std::span<double> out) const {
    for (std::size_t k = 0; k < 2 * batch.size; ++k) out[k] = theta[0] * batch.inputs[k];
  }
  void pullback(const ll::Batch<double>& batch, std::span<const double> cotangents, std::span<double> out) const {
    out[0] = 0;
    for (std::size_t k = 0; k < 2 * batch.size; ++k) out[0] += cotangents[k] * batch.inputs[k];
  }
};

template <class Importance>
double of(const Importance& importance, std::vector<double> inputs) {
  Scaled model;
  std::vector<double> out(1);
  const std::vector<ll::Batch<double>> batches{{inputs.size() / 2, 2, inputs}};
  estimate(importance, model, batches, std::span<double>(out));
  return out[0];
}

/// The loss of a batch is θ times the mean of its inputs; it has no outputs.
struct GradientOnly {
  using value_type = float;
  ll::AlignedVector<float> theta = ll::AlignedVector<float>(1, 1.0f);
  std::span<float> parameters() { return theta; }
  double gradient(const ll::Batch<float>& batch, std::span<float> out) const {
    out[0] = 0;
    for (std::size_t n = 0; n < batch.size; ++n) out[0] += batch.inputs[n];
    out[0] /= static_cast<float>(batch.size);
    return 1;
  }
};

}  // namespace

TEST_CASE("an importance of one parameter is normalised as that of many", "[importance]") {
  CHECK_THAT(of(Mas{}, {3, 4, 1, 0}), test::WithinRel((2 * 0.5 * 25 + 2 * 0.5 * 1) / 2, 1e-14));
  CHECK_THAT(of(Normalized<Mas>{}, {3, 4, 1, 0}), test::WithinRel(1, 1e-14));
  CHECK(of(Normalized<Mas>{.by = Normalize::min_max}, {3, 4, 1, 0}) == 0);
  CHECK_THAT(of(Normalized<Mas>{.by = Normalize::none, .ceiling = 7}, {3, 4, 1, 0}), test::WithinRel(7, 1e-14));
}

TEST_CASE("the plain norm of outputs whose squares are 0 or Inf", "[importance]") {
  for (const double size : {1e-200, 1.0, 1e200})  // ‖θ x‖ = θ ‖x‖
    CHECK_THAT(of(Mas{.norm = MasNorm::plain}, {3 * size, -4 * size}), test::WithinRel(5 * size, 1e-12));
  CHECK(of(Mas{.norm = MasNorm::plain}, {0, 0}) == 0);
}

TEST_CASE("up to 1024 samples are summed in the parameters' type, in their order", "[importance]") {
  for (const std::size_t count : {std::size_t{600}, std::size_t{1024}}) {
    std::vector<float> inputs(count);
    std::vector<std::int32_t> labels(count);
    const ll::Random random(3);
    for (std::size_t n = 0; n < count; ++n) inputs[n] = static_cast<float>(random.normal(n));
    float sum = 0;
    for (const float g : inputs) sum += g * g;
    GradientOnly model;
    std::vector<float> out(1);
    const std::vector<ll::Batch<float>> batches{{count, 1, inputs, labels}};
    estimate(Fisher{.labels = Labels::empirical}, model, batches, std::span<float>(out));
    CHECK(out[0] == sum * (1 / static_cast<float>(count)));
  }
}

}  // namespace small_and_long_sums_test
