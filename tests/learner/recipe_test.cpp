// SPDX-License-Identifier: MIT
// The line in which each policy names its settings.
#include <lifelong/lifelong.hpp>

#include "catch.hpp"

namespace recipe_test {

using namespace lifelong;
using namespace lifelong::importance;

TEST_CASE("every importance names its settings in a line", "[recipe]") {
  CHECK(Fisher{}.recipe() == "Fisher(labels exact, per sample, mean over samples, merge sum)");
  CHECK(GaussianFisher{.labels = Labels::sampled, .seed = 3, .draws = 4, .likelihood = {.variance = 0.5}}.recipe() ==
        "Fisher(Gaussian(variance 0.5), labels sampled, draws 4, seed 3, per sample, mean over samples, "
        "merge sum)");
  CHECK(BatchFisher{.labels = Labels::predicted, .scale = BatchScale::samples}.recipe() ==
        "BatchFisher(labels predicted, square of a batch's mean, mean over samples, merge "
        "sum)");
  CHECK(ReversedFisher{}.recipe() == "ReversedFisher(labels empirical, per sample, mean over samples, merge sum)");
  CHECK(Mas{.norm = MasNorm::plain, .merge = Merge::decay(0.9)}.recipe() ==
        "Mas(norm plain, per sample, mean over samples, merge decay 0.9)");
  CHECK(BatchMas{.merge = Merge::average(0.5)}.recipe() ==
        "BatchMas(norm squared, absolute value of a batch's mean, mean over batches, merge average 0.5)");
  CHECK(LocalMas{}.recipe() == "LocalMas(norm squared, per sample, mean over samples, merge sum)");
  CHECK(Scp{.slices = 10, .seed = 2}.recipe() == "Scp(slices 10, seed 2, square of the mean over samples, merge sum)");
  CHECK(Scp{.directions = {1, 0}}.recipe() ==
        "Scp(directions given with hash 3391875629931365560, square of the mean over samples, merge sum)");
  CHECK(RWalk{}.recipe() ==
        "RWalk(alpha 0.01, epsilon 0.001, half distance, batch squares, clamp increment, normalised by max, old score "
        "0.5, new score 0.5, first score 1, merge last)");
  CHECK(IntervalRWalk{}.recipe() == "IntervalRWalk(" + RWalk{}.recipe() + ", interval 10, merge last)");
  CHECK(ScpLimit{}.recipe() == "ScpLimit(square of the mean over samples, merge sum)");
  CHECK(GaussNewton{}.recipe() == "GaussNewton(per sample, mean over samples, merge sum)");
  CHECK(Normalized<Mas>{.by = Normalize::none, .ceiling = 1e-4}.recipe() ==
        "Normalized(by nothing, ceiling 0.0001, Mas(norm squared, per sample, mean over samples, merge sum))");
  CHECK(SynapticIntelligence{}.recipe() ==
        "SynapticIntelligence(xi 0.1, clamp cumulative, gradient of the task, merge sum)");
  CHECK(SynapticIntelligence{.clamp = Clamp::none, .gradient = PathGradient::total, .ceiling = 0.001}.recipe() ==
        "SynapticIntelligence(xi 0.1, clamp none, gradient of the total loss, ceiling 0.001, merge sum)");
  CHECK(Constant{.value = 2}.recipe() == "Constant(value 2, merge last)");
}

TEST_CASE("every merge rule names itself", "[recipe]") {
  CHECK(Merge::sum().text() == "sum");
  CHECK(Merge::decay(0.9).text() == "decay 0.9");
  CHECK(Merge::mean().text() == "mean");
  CHECK(Merge::average(0.5).text() == "average 0.5");
  CHECK(Merge::average_from_first(0.5).text() == "average 0.5 from the first");
  CHECK(Merge::last().text() == "last");
}

TEST_CASE("every penalty and optimizer names its settings in a line", "[recipe]") {
  CHECK(penalty::Quadratic{.strength = 3, .anchor = penalty::Anchor::per_task}.recipe() ==
        "Quadratic(strength 3, anchor per task)");
  CHECK(penalty::ImplicitQuadratic{.strength = 3}.recipe() == "ImplicitQuadratic(strength 3, anchor last)");
  CHECK(penalty::Huber{.strength = 3, .threshold = 0.5}.recipe() == "Huber(strength 3, threshold 0.5)");
  CHECK(penalty::L1{.strength = 3}.recipe() == "L1(strength 3)");
  CHECK(penalty::None{}.recipe() == "None()");
  CHECK(optimizer::Sgd{.learning_rate = 0.1}.recipe() == "Sgd(learning rate 0.1)");
  CHECK(optimizer::Momentum{.learning_rate = 0.1}.recipe() == "Momentum(learning rate 0.1, momentum 0.9)");
  CHECK(optimizer::Adam{}.recipe() == "Adam(learning rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-08)");
  CHECK(optimizer::AdamW{}.recipe() ==
        "AdamW(learning rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-08, weight decay 0.01)");
}

}  // namespace recipe_test
