// SPDX-License-Identifier: MIT
// Estimates over batches of a model's own type, of models that evaluate otherwise than they train, of single outputs.
#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <span>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace estimates_of_parts_test {

namespace ll = lifelong;
using namespace ll::importance;

namespace {

/// A batch of a type of its own: so many samples with this mean gradient.
struct OwnBatch {
  std::size_t size = 0;
  double slope = 0;
};

/// The gradient in training is not that in evaluation.
struct OwnModel {
  using value_type = double;
  std::vector<double> theta = {1, 1};
  std::span<double> parameters() { return theta; }
  double gradient(const OwnBatch&, std::span<double> out) const {
    out[0] = out[1] = 1e6;
    return 1;
  }
  double evaluation_gradient(const OwnBatch& batch, std::span<double> out) const {
    out[0] = batch.slope;
    out[1] = 2 * batch.slope;
    return 1;
  }
};

}  // namespace

TEST_CASE("batches of a model's own type are estimated with the gradient of evaluation", "[importance]") {
  OwnModel model;
  const std::vector<OwnBatch> batches{{3, 0.5}, {0, 7}, {1, 4}};
  std::vector<double> out(2);
  estimate(BatchFisher{}, model, batches, std::span<double>(out));
  CHECK_THAT(out[0], test::WithinRel((0.25 + 16) / 2, 1e-15));
  CHECK_THAT(out[1], test::WithinRel(4 * (0.25 + 16) / 2, 1e-15));
  estimate(BatchFisher{.scale = BatchScale::samples}, model, batches, std::span<double>(out));
  CHECK_THAT(out[0], test::WithinRel((3 * 0.25 + 16) / 4, 1e-15));
  estimate(BatchFisher{.scale = BatchScale::enlarged}, model, batches, std::span<double>(out));
  CHECK_THAT(out[0], test::WithinRel((3 * 0.25 + 16) / 2, 1e-15));
}

TEST_CASE("unweighted labels have as many directions as there are outputs", "[importance]") {
  CHECK(Categorical{}.outcomes(3) == 3);
  CHECK(Categorical{}.factors(3) == 3);
  CHECK(Gaussian{}.factors(3) == 3);
  CHECK(Bernoulli{}.factors(3) == 3);
  CHECK(LogLikelihood{.labels = Labels::unweighted}.cotangents(3) == 3);
  CHECK(LogLikelihood{.labels = Labels::exact}.cotangents(3) == 3);
  CHECK(LogLikelihood{.labels = Labels::empirical}.cotangents(3) == 1);
  CHECK(LogLikelihood{.labels = Labels::sampled, .draws = 5}.cotangents(3) == 5);
}

TEST_CASE("a slice is the direction over the active outputs and 0 elsewhere", "[importance]") {
  const std::vector<double> direction{0.5, -2, 3, 4}, row(4);
  std::vector<double> delta(4, 9);
  const ll::SampleContext<double> sample{.active = {1, 2}};
  Slice{direction}.cotangent(0, std::span<const double>(row), sample, std::span<double>(delta));
  CHECK(delta == std::vector<double>{0, -2, 3, 0});
  CHECK(Slice{direction}.cotangents(4) == 1);
}

TEST_CASE("the limit of slices for one active output is the square of its mean gradient", "[importance]") {
  test::TinyModel model;
  const test::TinyTask task(2, 6);
  const std::vector<ll::OutputRange> active(6, ll::OutputRange{1, 1});
  ll::Batch<double> batch = task.all();
  batch.labels = {};
  batch.active = active;
  std::vector<double> out(model.theta.size()), mean(out.size()), gradient(out.size());
  estimate(ScpLimit{}, model, std::vector<ll::Batch<double>>{batch}, std::span<double>(out));
  for (std::size_t n = 0; n < 6; ++n) {
    model.pullback(task.all().sample(n), std::vector<double>{0, 1, 0}, gradient);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += gradient[i] / 6;
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    CHECK_THAT(out[i], test::WithinRel(mean[i] * mean[i], 1e-12) || test::WithinAbs(mean[i] * mean[i], 1e-18));
}

}  // namespace estimates_of_parts_test
