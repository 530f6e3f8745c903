// SPDX-License-Identifier: MIT
// Settings that nobody gave have the values that the documentation says.
#include <lifelong/lifelong.hpp>

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace default_settings_test {

namespace ll = lifelong;
using namespace ll::importance;

TEST_CASE("importances by default", "[learner][settings]") {
  CHECK(Fisher{.labels = Labels::sampled}.recipe() ==
        "Fisher(labels sampled, draws 1, seed 0, per sample, mean over samples, merge sum)");
  CHECK(BatchFisher{.labels = Labels::sampled}.recipe() ==
        "BatchFisher(labels sampled, draws 1, seed 0, square of a batch's mean, mean over batches, merge sum)");
  CHECK(LogLikelihood{}.recipe() == "labels exact");
  CHECK(LogLikelihood{.labels = Labels::sampled}.recipe() == "labels sampled, draws 1, seed 0");
  CHECK(GaussianFisher{}.recipe() ==
        "Fisher(Gaussian(variance 1), labels exact, per sample, mean over samples, merge sum)");
  CHECK(Scp{}.recipe() == "Scp(slices 100, seed 0, square of the mean over samples, merge sum)");
  CHECK(Constant{}.recipe() == "Constant(value 1, merge last)");
  CHECK(Normalized<Mas>{}.recipe() ==
        "Normalized(by max, Mas(norm squared, per sample, mean over samples, merge sum))");
  CHECK(WeightedSum<Mas, Constant>{.b = {.merge = Merge::sum()}}.recipe() ==
        "WeightedSum(1 Mas(norm squared, per sample, mean over samples, merge sum) + 1 Constant(value 1, merge sum))");
  CHECK(SynapticIntelligence{}.ceiling == std::numeric_limits<double>::infinity());
  CHECK_FALSE(IntervalRWalk{}.fisher_per_interval);
  const MergeWeights weights{};
  CHECK(weights.keep == 1);
  CHECK(weights.add == 1);
}

TEST_CASE("penalties and optimizers by default", "[learner][settings]") {
  using namespace ll::penalty;
  CHECK(Quadratic{}.recipe() == "Quadratic(strength 1, anchor last)");
  CHECK(ImplicitQuadratic{}.recipe() == "ImplicitQuadratic(strength 1, anchor last)");
  CHECK(Huber{}.recipe() == "Huber(strength 1, threshold 0.01)");
  CHECK(L1{}.recipe() == "L1(strength 1)");
  CHECK(ll::optimizer::Sgd{}.recipe() == "Sgd(learning rate 0.01)");
  CHECK(ll::optimizer::Momentum{}.recipe() == "Momentum(learning rate 0.01, momentum 0.9)");
  CHECK(ll::optimizer::L2<ll::optimizer::Sgd>{}.recipe() == "L2(Sgd(learning rate 0.01), weight decay 0)");
  CHECK(ll::optimizer::Decoupled<ll::optimizer::Sgd>{}.recipe() ==
        "Decoupled(Sgd(learning rate 0.01), weight decay 0)");
  const ll::optimizer::Schedule schedule{};
  CHECK(schedule.decay == ll::optimizer::Decay::none);
  CHECK(schedule.final_share == 0);
  CHECK(schedule.warmup == 0);
  CHECK(schedule.steps == 0);
}

TEST_CASE("a task is trained on for one epoch in an order of its own by default", "[learner][settings]") {
  const auto trained = [](const ll::FitOptions& options) {
    ll::Learner learner{test::TinyModel(), Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{.learning_rate = 0.1}};
    learner.fit(test::TinyTask(1, 150), options);
    return std::vector<double>(learner.parameters().begin(), learner.parameters().end());
  };
  CHECK(trained({}) == trained({.epochs = 1, .batch_size = 128, .shuffle = true, .seed = 1}));
  CHECK(trained({}) != trained({.shuffle = false}));
  CHECK(trained({}) != trained({.seed = 2}));
}

TEST_CASE("importance as it arrives is added to what there is by default", "[learner][settings]") {
  ll::Learner learner{test::TinyModel(), Mas{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  learner.update_importance(test::TinyTask(1));
  const std::vector<double> once(learner.importance().begin(), learner.importance().end());
  learner.update_importance(test::TinyTask(1));
  for (std::size_t i = 0; i < once.size(); ++i) REQUIRE(learner.importance()[i] == 2 * once[i]);
}

}  // namespace default_settings_test
