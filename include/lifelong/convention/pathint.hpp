// SPDX-License-Identifier: MIT
// ganguli-lab/pathint, commit 86c5e07 (2018-08): the code of Zenke 2017.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <lifelong/convention/convention.hpp>
#include <lifelong/importance/fisher.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>

namespace lifelong::convention::pathint {

/// The convention of `si`.
inline constexpr Convention si_convention{"pathint path_int",
                                          "pathint/protocols.py, 86c5e07",
                                          Statistic::path,
                                          Group::batch_mean,
                                          Total::sum,
                                          1,
                                          "true",
                                          "the task's loss",
                                          "sum or moving average, then max(0, .)",
                                          "nothing: the paper's"};

/// `PATH_INT_PROTOCOL(omega_decay='sum', xi)` with c, `lam` there. It is ours except for the ½.
inline Recipe<importance::SynapticIntelligence> si(double c, double xi = 0.1) {
  return {si_convention, {.xi = xi}, penalty_of(si_convention, c)};
}

/// `PATH_INT_PROTOCOL(omega_decay, xi)`: Ω ← max(0, d Ω + (1 - d) ω / (Δ² + ξ)) from 0.
inline Recipe<importance::SynapticIntelligence> si_decayed(double c, double xi, double omega_decay) {
  return {
      si_convention, {.xi = xi, .merge = importance::Merge::average(1 - omega_decay)}, penalty_of(si_convention, c)};
}

/// The convention of `ewc` and `ewc_decayed`.
inline constexpr Convention ewc_convention{
    "pathint fisher",
    "pathint/keras_utils.py, 86c5e07",
    Statistic::square,
    Group::per_sample,
    Total::mean,
    1,
    "all, not weighted by p",
    "log p, p cut off near 0 and 1",
    "sum or moving average",
    "squares of all classes count alike, so unlikely ones dominate; the cut-off of p is not reproduced"};

/// `FISHER_PROTOCOL('sum')`. It is inexact: it takes Σ_c (∂ log p_c)² without the weights p_c, which counts classes
/// that the model rules out as much as the one it predicts. Two things are not reproduced: there p is cut off at
/// Keras's epsilon, where its gradient is 0, and a short last batch is left out but counted.
inline Recipe<importance::CategoricalFisher> ewc(double c) {
  return {ewc_convention, {.labels = importance::Labels::unweighted}, penalty_of(ewc_convention, c)};
}

/// `FISHER_PROTOCOL(omega_decay)`: Ω ← d Ω + (1 - d) F from 0. It is inexact as `ewc` is.
inline Recipe<importance::CategoricalFisher> ewc_decayed(double c, double omega_decay) {
  return {ewc_convention,
          {.labels = importance::Labels::unweighted, .merge = importance::Merge::average(1 - omega_decay)},
          penalty_of(ewc_convention, c)};
}

}  // namespace lifelong::convention::pathint

#include <lifelong/config/pop_macros.hpp>
