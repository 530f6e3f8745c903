// SPDX-License-Identifier: MIT
// Learners with each importance, penalty and optimizer of the core have the same bits on every backend.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/lifelong.hpp>

#include <vector>

#include "catch.hpp"
#include "conformance.hpp"

namespace parts_test {

namespace {

using namespace lifelong;
using namespace lifelong::importance;
using optimizer::Adam, optimizer::AdamW, optimizer::Decoupled, optimizer::L2, optimizer::Momentum, optimizer::Sgd;
using penalty::Anchor, penalty::Huber, penalty::ImplicitQuadratic, penalty::L1, penalty::None, penalty::Quadratic;
using test::require_same_training;

constexpr auto all_normalizations = {Normalize::none, Normalize::max, Normalize::min_max};

}  // namespace

TEST_CASE("Fisher, Quadratic and Sgd are the same on every backend") {
  for (const Labels labels : {Labels::exact, Labels::sampled, Labels::empirical})
    require_same_training(
        Fisher{.labels = labels, .merge = Merge::decay(0.9), .draws = 2},
        Quadratic{.strength = 3, .anchor = labels == Labels::sampled ? Anchor::per_task : Anchor::last},
        Sgd{.learning_rate = 0.1});
}

TEST_CASE("BatchFisher, ImplicitQuadratic and Momentum are the same on every backend") {
  for (const BatchScale scale : {BatchScale::batches, BatchScale::samples})
    require_same_training(BatchFisher{.scale = scale, .merge = Merge::mean()},
                          ImplicitQuadratic{.strength = 30, .anchor = Anchor::per_task}, Momentum{});
}

TEST_CASE("Mas, Huber and Adam are the same on every backend") {
  require_same_training(Mas{}, Huber{.strength = 3}, Adam{});
}

TEST_CASE("BatchMas, L1 and AdamW are the same on every backend") {
  require_same_training(BatchMas{.norm = MasNorm::plain, .merge = Merge::average(0.5)}, L1{.strength = 0.1}, AdamW{});
}

TEST_CASE("Scp, compact Quadratic and compact Adam are the same on every backend") {
  require_same_training(Scp{.slices = 5}, compact(Quadratic{.strength = 3, .anchor = Anchor::per_task}),
                        compact(Adam{}));
  const std::vector<double> given{1, 0, 0, 0.5, -0.5, 0};
  require_same_training(Scp{.directions = given}, compact(Quadratic{.strength = 3}), compact(Adam{}));
}

TEST_CASE("ScpLimit, no penalty and Momentum with L2 are the same on every backend") {
  require_same_training(ScpLimit{}, None{}, L2<Momentum>{{.learning_rate = 0.1}, 0.01});
}

TEST_CASE("ReversedFisher, Quadratic and Momentum with decoupled decay are the same on every backend") {
  require_same_training(ReversedFisher{}, Quadratic{.strength = 3}, Decoupled<Momentum>{{.learning_rate = 0.1}, 0.01});
}

TEST_CASE("SynapticIntelligence, Quadratic and Adam are the same on every backend") {
  for (const PathGradient gradient : {PathGradient::task, PathGradient::total})
    require_same_training(SynapticIntelligence{.gradient = gradient, .ceiling = 0.01}, Quadratic{.strength = 3},
                          Adam{.learning_rate = 0.01});
}

TEST_CASE("RWalk, compact Quadratic and compact Momentum are the same on every backend") {
  for (const Normalize normalize : all_normalizations)
    require_same_training(RWalk{.clamp = Clamp::cumulative, .normalize = normalize},
                          compact(Quadratic{.strength = 0.01}), compact(Momentum{.learning_rate = 0.05}));
}

TEST_CASE("IntervalRWalk, ImplicitQuadratic and Adam are the same on every backend") {
  for (const bool per_interval : {false, true})
    require_same_training(
        IntervalRWalk{.rwalk = {.normalize = Normalize::min_max}, .interval = 2, .fisher_per_interval = per_interval},
        ImplicitQuadratic{.strength = 3}, Adam{});
}

TEST_CASE("Constant, compact L1 and Sgd with L2 are the same on every backend") {
  require_same_training(Constant{.value = 0.5}, compact(L1{.strength = 0.01}), L2<Sgd>{{.learning_rate = 0.1}, 0.01});
}

TEST_CASE("Normalized importances are the same on every backend") {
  for (const Normalize by : all_normalizations)
    require_same_training(Normalized<Fisher>{.by = by, .ceiling = 0.2}, compact(Huber{.strength = 3}),
                          Decoupled<Adam>{{}, 0.01});
}

TEST_CASE("sums of estimated importances are the same on every backend") {
  require_same_training(WeightedSum<Fisher, Normalized<Mas>>{.weight_a = 3, .weight_b = 0.1}, Quadratic{.strength = 3},
                        Momentum{});
}

TEST_CASE("sums of estimated and gathered importances are the same on every backend") {
  require_same_training(WeightedSum<Mas, SynapticIntelligence>{.weight_b = 0.5}, Quadratic{.strength = 3}, Momentum{});
  WeightedSum<RWalk, WeightedSum<SynapticIntelligence, Scp>> nested{.merge = Merge::last()};
  nested.b.merge = nested.b.a.merge = nested.b.b.merge = Merge::last();
  require_same_training(nested, Quadratic{.strength = 3}, Momentum{});
}

TEST_CASE("sums of gathered importances are the same on every backend") {
  require_same_training(WeightedSum<RWalk, Constant>{.weight_b = 0.1, .merge = Merge::last()},
                        Quadratic{.strength = 3, .anchor = Anchor::per_task}, Adam{});
}

}  // namespace parts_test
