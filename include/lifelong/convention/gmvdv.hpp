// SPDX-License-Identifier: MIT
// GMvandeVen/continual-learning, commit e6d795a (2025-11).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstdint>

#include <lifelong/convention/convention.hpp>
#include <lifelong/convention/miscounted.hpp>
#include <lifelong/importance/batch_fisher.hpp>
#include <lifelong/importance/fisher.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>

namespace lifelong::convention::gmvdv {

/// The convention of `ewc` and `ewc_online`.
inline constexpr Convention ewc_convention{"gmvdv ewc",
                                           "models/cl/continual_learner.py, e6d795a",
                                           Statistic::square,
                                           Group::per_sample,
                                           Total::mean,
                                           0.5,
                                           "all, weighted by p; or sampled, predicted, true",
                                           "log p, evaluation",
                                           "an anchor per task, or gamma * old + new and gamma times all of it",
                                           "divided by N - 1"};

/// The convention of `ewc_batched`.
inline constexpr Convention ewc_batched_convention{"gmvdv ewc, fisher_batch > 1",
                                                   "models/cl/continual_learner.py, e6d795a",
                                                   Statistic::square,
                                                   Group::batch_mean,
                                                   Total::mean,
                                                   0.5,
                                                   "true or predicted",
                                                   "log p, evaluation",
                                                   "gamma * old + new and gamma times all of it",
                                                   "squares of batch means, divided by their number less one"};

/// `--ewc` (offline: an anchor per task) with `reg_strength`. Where the whole data set is used (`fisher_n` none), it is
/// inexact only in the divisor, which is the last index N - 1 in place of N. Its sampled labels come from another
/// generator.
inline Recipe<Miscounted<importance::CategoricalFisher>> ewc(double strength,
                                                             importance::Labels labels = importance::Labels::exact) {
  return {ewc_convention,
          {{.labels = labels}, Divisor::samples_less_one},
          penalty_of(ewc_convention, strength, penalty::Anchor::per_task)};
}

/// `--ewc --online` with `reg_strength` and `gamma`. γ is in the stored Ω ← γ Ω + F, and once more before all of Ω in
/// the penalty, as in Schwarz 2018 eq. 8-9, which is exactly a strength of γ λ. The divisor is that of `ewc`.
inline Recipe<Miscounted<importance::CategoricalFisher>> ewc_online(
    double strength, double gamma, importance::Labels labels = importance::Labels::exact) {
  return {ewc_convention,
          {{.labels = labels, .merge = importance::Merge::decay(gamma)}, Divisor::samples_less_one},
          penalty_of(ewc_convention, gamma * strength)};
}

/// `--ewc --online --fisher-batch B`, B > 1, with true or predicted labels. Consolidate with batches of B. It is
/// inexact: it squares batch means, and the divisor is their number less one, which makes a difference of 1 % at B =
/// 128 on MNIST and is 0 for one batch.
inline Recipe<Miscounted<importance::CategoricalBatchFisher>> ewc_batched(
    double strength, double gamma, importance::Labels labels = importance::Labels::empirical) {
  return {ewc_batched_convention,
          {{.labels = labels, .merge = importance::Merge::decay(gamma)}, Divisor::batches_less_one},
          penalty_of(ewc_batched_convention, gamma * strength)};
}

/// The convention of `si`.
inline constexpr Convention si_convention{"gmvdv si",
                                          "models/cl/continual_learner.py, e6d795a",
                                          Statistic::path,
                                          Group::batch_mean,
                                          Total::sum,
                                          1,
                                          "true",
                                          "loss and penalty",
                                          "sum, negative values kept",
                                          "the penalty's own pull counts as importance; negative Ω"};

/// `--si` with `reg_strength` and `epsilon`. It is inexact: it follows the gradient of loss and penalty and keeps
/// negative Ω.
inline Recipe<importance::SynapticIntelligence> si(double strength, double epsilon = 0.1) {
  return {si_convention,
          {.xi = epsilon, .clamp = importance::Clamp::none, .gradient = importance::PathGradient::total},
          penalty_of(si_convention, strength)};
}

}  // namespace lifelong::convention::gmvdv

#include <lifelong/config/pop_macros.hpp>
