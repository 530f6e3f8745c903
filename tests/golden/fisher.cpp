// SPDX-License-Identifier: MIT
// The Fisher information, exact and of batches, with every penalty; and every optimizer.
#include "golden.hpp"

namespace golden {

namespace {

using imp::Labels;
using imp::Merge;

void add_optimizers(Report& report) {
  with_quadratic([&](const char* cost, const auto& penalty) {
    const auto add = [&](const char* step, const auto& optimizer) {
      add_small(report, std::string("optimizer/fisher/") + cost + "/" + step, imp::Fisher{}, penalty, optimizer);
    };
    add("sgd", opt::Sgd{.learning_rate = 0.1});
    add("adamw", opt::AdamW{.learning_rate = 0.01, .weight_decay = 0.1});
    add("compact_adam", ll::compact(adam));
    add("compact_momentum", ll::compact(momentum));
    add("l2_momentum", opt::L2<opt::Momentum>{momentum, 0.05});
    add("decoupled_adam", opt::Decoupled<opt::Adam>{adam, 0.05});
  });
}

}  // namespace

void add_fisher(Report& report) {
  add_product<imp::Fisher>(report, {{"fisher/exact", {}},
                                    {"fisher/sampled", {.labels = Labels::sampled, .seed = 9, .draws = 2}},
                                    {"fisher/predicted", {.labels = Labels::predicted}},
                                    {"fisher/empirical", {.labels = Labels::empirical}},
                                    {"fisher/weighted", {.labels = Labels::weighted}},
                                    {"fisher/unweighted", {.labels = Labels::unweighted}},
                                    {"fisher/merge_decay", {.merge = Merge::decay(0.7)}},
                                    {"fisher/merge_mean", {.merge = Merge::mean()}},
                                    {"fisher/merge_average", {.merge = Merge::average(0.3)}},
                                    {"fisher/merge_from_first", {.merge = Merge::average_from_first(0.3)}},
                                    {"fisher/merge_last", {.merge = Merge::last()}}});
  add_product<imp::BatchFisher>(report, {{"batch_fisher/batches", {}},
                                         {"batch_fisher/samples", {.scale = imp::BatchScale::samples}},
                                         {"batch_fisher/enlarged", {.scale = imp::BatchScale::enlarged}},
                                         {"batch_fisher/predicted", {.labels = Labels::predicted}},
                                         {"batch_fisher/sampled", {.labels = Labels::sampled, .seed = 9}}});
  add_optimizers(report);
}

}  // namespace golden
