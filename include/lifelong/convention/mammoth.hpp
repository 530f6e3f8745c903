// SPDX-License-Identifier: MIT
// aimagelab/mammoth, commit e75a491 (2026-05).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <lifelong/convention/convention.hpp>
#include <lifelong/convention/miscounted.hpp>
#include <lifelong/importance/fisher.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>

namespace lifelong::convention::mammoth {

/// The convention of `ewc_on`.
inline constexpr Convention ewc_convention{
    "mammoth ewc_on",
    "models/ewc_on.py, e75a491",
    Statistic::square,
    Group::per_sample,
    Total::mean,
    1,
    "true, weighted by p(y)",
    "log p(y), training mode",
    "gamma * old + new",
    "squares weighted by p of the true label, which mutes hard samples; divided by full batches; training mode (not "
    "reproduced)"};

/// `ewc_on` with `e_lambda` and `gamma`. It is inexact: every sample's square is weighted by p(y | x), so samples not
/// yet learned, whose gradients are largest, hardly count; and the mean is divided as if a short last batch were full
/// (consolidate with the batches of training). One thing is not reproduced: there single samples go through the network
/// in training mode, which moves the statistics of batch normalisation. γ is not in the penalty.
inline Recipe<Miscounted<importance::CategoricalFisher>> ewc_on(double strength, double gamma) {
  return {ewc_convention,
          {{.labels = importance::Labels::weighted, .merge = importance::Merge::decay(gamma)}, Divisor::full_batches},
          penalty_of(ewc_convention, strength)};
}

/// The convention of `si`.
inline constexpr Convention si_convention{"mammoth si",
                                          "models/si.py, e75a491",
                                          Statistic::path,
                                          Group::batch_mean,
                                          Total::sum,
                                          1,
                                          "true",
                                          "the task's loss, before clipping",
                                          "sum, negative values kept",
                                          "negative Ω; the gradient of a step is clipped to [-1, 1] (not reproduced)"};

/// `si` with `c` and `xi`. It is inexact: negative Ω is kept, so the penalty has no lower bound. One thing is not
/// reproduced: there every element of the gradients of loss and penalty is clipped to [-1, 1] before the step. Versions
/// before 2024 took lr · g² for the path.
inline Recipe<importance::SynapticIntelligence> si(double c, double xi) {
  return {si_convention, {.xi = xi, .clamp = importance::Clamp::none}, penalty_of(si_convention, c)};
}

}  // namespace lifelong::convention::mammoth

#include <lifelong/config/pop_macros.hpp>
