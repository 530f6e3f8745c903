// SPDX-License-Identifier: MIT
// mmasana/FACIL, commit e09d2c8 (2023-05).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <lifelong/convention/convention.hpp>
#include <lifelong/convention/task_walk.hpp>
#include <lifelong/importance/batch_fisher.hpp>
#include <lifelong/importance/mas.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>

// All of these have in common that heads have no importance (`Recipe::scope`), and that the outputs of all heads are
// active during the estimate, so batches have no ranges of active outputs. Not reproduced are training mode during the
// estimate (dropout, batch statistics), leaving a short last batch out of the estimate, alpha = -1, which averages by
// the share of classes (for tasks of equally many classes that is `Merge::mean()`), and the clipping of gradients
// longer than 10000.
namespace lifelong::convention::facil {

/// The convention of `ewc`.
inline constexpr Convention ewc_convention{
    "facil ewc",
    "src/approach/ewc.py, e09d2c8",
    Statistic::square,
    Group::batch_mean,
    Total::mean,
    0.5,
    "predicted, or true, or sampled",
    "log p, training mode",
    "alpha * old + (1 - alpha) * new from 0",
    "squares of batch means; the average starts at 0, which halves the first task; training mode (not reproduced)"};

/// `--approach ewc` with `lamb` and `alpha`. It is inexact: it squares the mean gradient of a batch (consolidate with
/// batches as large as in training), and the average starts at 0, so the first task counts 1 - α.
inline Recipe<importance::CategoricalBatchFisher> ewc(double lamb = 5000, double alpha = 0.5,
                                                      importance::Labels labels = importance::Labels::predicted) {
  return {ewc_convention,
          {.labels = labels, .scale = importance::BatchScale::samples, .merge = importance::Merge::average(1 - alpha)},
          penalty_of(ewc_convention, lamb),
          Scope::all().without_heads()};
}

/// The convention of `mas`.
inline constexpr Convention mas_convention{
    "facil mas",
    "src/approach/mas.py, e09d2c8",
    Statistic::absolute,
    Group::batch_mean,
    Total::mean,
    0.5,
    "none",
    "|f|, training mode",
    "alpha * old + (1 - alpha) * new from 0",
    "|f| where the paper has |f|²; batch means; the average starts at 0; training mode (not reproduced)"};

/// `--approach mas` with `lamb` and `alpha`. It is inexact: it has ‖f‖ in place of ‖f‖² (its comment says squared),
/// absolute values of batch means, and an average from 0 in place of the sum.
inline Recipe<importance::BatchMas> mas(double lamb = 1, double alpha = 0.5) {
  return {mas_convention,
          {.norm = importance::MasNorm::plain,
           .scale = importance::BatchScale::samples,
           .merge = importance::Merge::average(1 - alpha)},
          penalty_of(mas_convention, lamb),
          Scope::all().without_heads()};
}

/// The convention of `path_integral`.
inline constexpr Convention path_integral_convention{"facil path_integral",
                                                     "src/approach/path_integral.py, e09d2c8",
                                                     Statistic::path,
                                                     Group::batch_mean,
                                                     Total::sum,
                                                     1,
                                                     "true",
                                                     "the task's loss",
                                                     "sum, negative values kept",
                                                     "negative Ω"};

/// `--approach path_integral` with `lamb` and `damping`. It is inexact: negative Ω is kept.
inline Recipe<importance::SynapticIntelligence> path_integral(double lamb = 0.1, double damping = 0.1) {
  return {path_integral_convention,
          {.xi = damping, .clamp = importance::Clamp::none},
          penalty_of(path_integral_convention, lamb),
          Scope::all().without_heads()};
}

/// The convention of `rwalk`.
inline constexpr Convention rwalk_convention{
    "facil r_walk",
    "src/approach/r_walk.py, e09d2c8",
    Statistic::path,
    Group::batch_mean,
    Total::sum,
    1,
    "predicted, or true, or sampled",
    "the task's loss; log p in training mode",
    "F: alpha * old + (1 - alpha) * new from 0; score: mean of old and new from 0",
    "one interval per task; F of batch means; no ½ in the distance; not scaled to [0, 1]"};

/// `--approach r_walk` with `lamb`, `alpha` and `damping`. It is inexact: there is one interval per task, F is
/// estimated at its end from batch means, and there is no ½ in the distance; F and score start at 0, which halves those
/// of the first task; neither is normalised.
inline Recipe<TaskWalk> rwalk(double lamb = 1, double alpha = 0.5, double damping = 0.1,
                              importance::Labels labels = importance::Labels::predicted) {
  return {rwalk_convention,
          {.fisher = {.labels = labels, .scale = importance::BatchScale::samples},
           .keep = alpha,
           .add = 1 - alpha,
           .epsilon = damping},
          penalty_of(rwalk_convention, lamb),
          Scope::all().without_heads()};
}

}  // namespace lifelong::convention::facil

#include <lifelong/config/pop_macros.hpp>
