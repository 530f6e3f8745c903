// SPDX-License-Identifier: MIT
// ContinualAI/avalanche, commit eb075be3 (2025-03, the code of release 0.6).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <lifelong/backend/loop.hpp>
#include <lifelong/convention/convention.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/batch_fisher.hpp>
#include <lifelong/importance/mas.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/rwalk.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::convention::avalanche {

/// The convention of `ewc` and `ewc_online`.
inline constexpr Convention ewc_convention{
    "avalanche ewc",
    "avalanche/training/plugins/ewc.py, eb075be3",
    Statistic::square,
    Group::batch_mean,
    Total::mean,
    1,
    "true",
    "the task's loss, evaluation",
    "an anchor per task, or decay * old + new",
    "squares of batch means: no Fisher information, smaller by about the batch size"};

/// `EWCPlugin(ewc_lambda)`, mode "separate". It is inexact: it squares the mean gradient of a batch, so Ω depends on
/// the batch size. Consolidate with batches of `train_mb_size`, in the order of the data set.
inline Recipe<importance::CategoricalBatchFisher> ewc(double strength) {
  return {ewc_convention, {}, penalty_of(ewc_convention, strength, penalty::Anchor::per_task)};
}

/// `EWCPlugin(ewc_lambda, mode="online", decay_factor=decay)`. It is inexact as `ewc` is; the decay is not in the
/// penalty.
inline Recipe<importance::CategoricalBatchFisher> ewc_online(double strength, double decay) {
  return {ewc_convention, {.merge = importance::Merge::decay(decay)}, penalty_of(ewc_convention, strength)};
}

/// Synaptic Intelligence with Ω = min(Σ_k ω_k / (Δ_k² + ξ), ceiling): Ω is cut off above but not below, and the sum
/// itself is not cut off.
struct CappedIntelligence {
  importance::SynapticIntelligence si = {
      .xi = 1e-7, .clamp = importance::Clamp::none, .gradient = importance::PathGradient::total};
  double ceiling = 0.001;
  importance::Merge merge = importance::Merge::last();

  static constexpr std::array<const char*, 3> arrays{"path", "start", "sum"};
  static constexpr Traffic traffic = importance::SynapticIntelligence::traffic;

  /// \throws as `SynapticIntelligence`, and InvalidArgument for a ceiling that is not above 0.
  void validate() const {
    si.validate();
    detail::require_positive("CappedIntelligence.ceiling", ceiling);
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    si.validate_as<T>();
    detail::setting<T>("CappedIntelligence.ceiling", ceiling);
  }
  [[nodiscard]] double most() const { return ceiling; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "CappedIntelligence(" + si.recipe() + ", ceiling " + detail::exact_text(ceiling) + ", merge " +
           merge.text() + ")";
  }

  template <class T>
  struct Kernel : importance::SynapticIntelligence::Kernel<T> {
    using Base = importance::SynapticIntelligence::Kernel<T>;
    T* sum;

    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V theta, V estimate) const {
      return load<V>(sum, i) + Base::contribution(i, theta, estimate);
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta, V contribution) const {
      Base::restart(i, theta, contribution);
      store(sum, i, contribution);
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 3> p, const Clock& clock) const {
    return {si.kernel<T>({p[0], p[1]}, clock), p[2]};
  }
};

/// The convention of `si`.
inline constexpr Convention si_convention{"avalanche si",
                                          "avalanche/training/plugins/synaptic_intelligence.py, eb075be3",
                                          Statistic::path,
                                          Group::batch_mean,
                                          Total::sum,
                                          0.5,
                                          "true",
                                          "loss and penalty",
                                          "sum, published with a ceiling of 0.001 and no floor",
                                          "the ceiling makes Ω nearly constant on what matters; negative Ω; the "
                                          "penalty's own pull counts as importance"};

/// `SynapticIntelligencePlugin(si_lambda, eps)`. It is inexact: it follows the gradient of loss and penalty, keeps
/// negative Ω, and cuts Ω off at 0.001, where nearly every parameter that learned anything ends up.
inline Recipe<CappedIntelligence> si(double strength, double eps = 1e-7) {
  CappedIntelligence importance;
  importance.si.xi = eps;
  return {si_convention, importance, penalty_of(si_convention, strength), Scope::all().without_norms()};
}

/// The convention of `mas`.
inline constexpr Convention mas_convention{
    "avalanche mas",
    "avalanche/training/plugins/mas.py, eb075be3",
    Statistic::absolute,
    Group::batch_mean,
    Total::mean,
    1,
    "none",
    "|f|², training mode",
    "alpha * old + (1 - alpha) * new, the first task fully",
    "absolute values of batch means; a moving average in place of the sum; training mode (not reproduced)"};

/// `MASPlugin(lambda_reg, alpha)`. It is inexact: it takes the absolute value of a batch's mean gradient, in which
/// samples cancel (consolidate with batches of `train_mb_size`), and old tasks fade by α. One thing is not reproduced:
/// there dropout and batch statistics are on during the estimate.
inline Recipe<importance::BatchMas> mas(double strength = 1, double alpha = 0.5) {
  return {mas_convention,
          {.merge = importance::Merge::average_from_first(1 - alpha)},
          penalty_of(mas_convention, strength)};
}

/// RWalk over intervals whose F begins with the first batch's square, not at 0. Its score may go down, within a task
/// and from task to task; only the importance that the penalty uses is cut off at 0.
struct SignedWalk {
  importance::IntervalRWalk walk = {
      .rwalk = {.alpha = 0.9, .epsilon = 1.1920929e-07, .clamp = importance::Clamp::none}};
  importance::Merge merge = importance::Merge::last();

  static constexpr auto arrays = importance::IntervalRWalk::arrays;
  static constexpr Traffic traffic = importance::IntervalRWalk::traffic;

  /// \throws as `IntervalRWalk`.
  void validate() const {
    walk.validate();
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    walk.validate_as<T>();
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "SignedWalk(" + walk.recipe() + ", merge " + merge.text() + ")"; }

  template <class T>
  struct Kernel : importance::IntervalRWalk::Kernel<T> {
    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V, V) const {
      const auto& rwalk = this->walk;
      return rwalk.fisher_scale(load<V>(rwalk.fisher, i)) +
             rwalk.score_scale(max(rwalk.template merged<V>(i), V(T(0))));
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 6> pointers, const Clock& clock) const {
    Kernel<T> result{walk.template kernel<T>(pointers, clock)};
    if (clock.tasks == 0 && clock.step == 1) result.walk.alpha = 1;
    return result;
  }
  template <class T, class Backend>
  [[nodiscard]] Kernel<T> final_kernel(std::array<T*, 6> pointers, const Clock& clock,
                                       const Loop<T, Backend>& loop) const {
    return {walk.final_kernel(pointers, clock, loop)};
  }
};

/// The convention of `rwalk`.
inline constexpr Convention rwalk_convention{
    "avalanche rwalk",
    "avalanche/training/plugins/rwalk.py, eb075be3",
    Statistic::path,
    Group::batch_mean,
    Total::unit_interval,
    1,
    "true",
    "the task's loss, evaluation mode, by a second pass that leaves the model in it",
    "F runs on; mean of old and new score; both over their largest",
    "with alpha 0.9 per step F is the last batch's square; evaluation mode while training (not reproduced)"};

/// `RWalkPlugin(ewc_lambda, ewc_alpha, delta_t)`. It is inexact: F gives the newest batch the weight α = 0.9 at every
/// step, so it averages over one batch or two. Three things are not reproduced: there every step has a second forward
/// and backward pass, which leaves the model in evaluation mode; parameters that arrive later drop out of the scores;
/// and intervals are counted over all tasks, whereas ours are counted from each task's first step, which is the same if
/// a task's steps are a multiple of `delta_t`.
inline Recipe<SignedWalk> rwalk(double strength = 0.1, double alpha = 0.9, std::size_t delta_t = 10) {
  SignedWalk importance;
  importance.walk.rwalk.alpha = alpha;
  importance.walk.interval = delta_t;
  return {rwalk_convention, importance, penalty_of(rwalk_convention, strength)};
}

}  // namespace lifelong::convention::avalanche

#include <lifelong/config/pop_macros.hpp>
