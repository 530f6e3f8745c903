// SPDX-License-Identifier: MIT
// virginiakm1988/ML2022-Spring, HW14/HW14.ipynb, commit 10c0c4d (2022-09): the homework on lifelong learning of NTU's
// machine learning course, which many later notebooks copy.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/backend/loop.hpp>
#include <lifelong/convention/convention.hpp>
#include <lifelong/convention/task_walk.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/importance/batch_fisher.hpp>
#include <lifelong/importance/batch_mean.hpp>
#include <lifelong/importance/estimation.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/mas.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/scp.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::convention::hw14 {

/// An importance F that is estimated from data, to which all earlier Ω are added at every task's end, although each of
/// them includes its predecessors: Ω_t = F_t + Σ_{k<t} Ω_k. So the tasks, newest to oldest, count 1, 1, 2, 4, 8, ...
template <class Importance>
struct Guarded {
  Importance importance = {};
  importance::Merge merge = importance::Merge::last();  ///< Ω_t includes the earlier tasks

  static constexpr std::array<const char*, 1> arrays{"guards"};

  void validate() const {
    importance.validate();
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::validate_settings_as<T>(importance);
  }
  /// \throws InvalidArgument if the importance does not fit the model's loss or outputs.
  template <class Model>
  void validate_for(Model& model) const {
    detail::require_fit(importance, model);
  }

  template <class Model, class T, class Backend>
  [[nodiscard]] auto begin(Model& model, const Loop<T, Backend>& loop, std::span<T> values) const {
    return detail::begin_estimate(importance, model, loop, values);
  }
  /// Adds a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    importance.estimate(model, batch, estimation);
  }
  /// Writes F.
  template <class E>
  void finish(E& estimation) const {
    detail::finish_estimate(importance, estimation);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Guarded(" + importance.recipe() + ", merge " + merge.text() + ")";
  }

  template <class T>
  struct Kernel {
    T* guards;

    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V, V estimate) const {
      return load<V>(guards, i) + estimate;
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V, V contribution) const {
      store(guards, i, load<V>(guards, i) + contribution);
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 1> p, const Clock&) const {
    return {p[0]};
  }
};

/// The convention of `ewc`.
inline constexpr Convention ewc_convention{"hw14 ewc",
                                           "HW14/HW14.ipynb, 10c0c4d",
                                           Statistic::square,
                                           Group::batch_mean,
                                           Total::mean,
                                           1,
                                           "true",
                                           "log p(y), evaluation",
                                           "new + all earlier sums",
                                           "squares of batch means; the rigidity doubles with every task; the text "
                                           "says λ/2, the code has λ"};

/// The notebook's `ewc` with `lll_lambda`. Consolidate with batches of 128. It is inexact: it squares batch means, and
/// it counts old tasks again at every task (`Guarded`).
inline Recipe<Guarded<importance::CategoricalBatchFisher>> ewc(double lll_lambda = 100) {
  return {ewc_convention, {}, penalty_of(ewc_convention, lll_lambda)};
}

/// The convention of `mas`.
inline constexpr Convention mas_convention{"hw14 mas",
                                           "HW14/HW14.ipynb, 10c0c4d",
                                           Statistic::absolute,
                                           Group::batch_mean,
                                           Total::mean,
                                           1,
                                           "none",
                                           "|f|², evaluation",
                                           "new + all earlier sums",
                                           "the estimate is left to the students: the usual answer, absolute values "
                                           "of batch means; the rigidity doubles with every task"};

/// The notebook's `mas` with the usual answer to its TODO, the absolute value of the gradient of a batch's mean ‖f‖².
/// It is inexact: gradients of a batch cancel, and old tasks are counted again at every task (`Guarded`).
inline Recipe<Guarded<importance::BatchMas>> mas(double lll_lambda = 0.1) {
  return {mas_convention, {}, penalty_of(mas_convention, lll_lambda)};
}

/// Synaptic Intelligence that adds a step to its path when the next step begins, and so never a task's last step.
struct LateIntelligence {
  importance::SynapticIntelligence si = {.clamp = importance::Clamp::none, .gradient = importance::PathGradient::total};
  importance::Merge merge = importance::Merge::sum();

  static constexpr std::array<const char*, 3> arrays{"path", "start", "pending"};
  static constexpr Traffic traffic{.reads = 2, .writes = 2};

  void validate() const {
    si.validate();
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    si.validate_as<T>();
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "LateIntelligence(" + si.recipe() + ", merge " + merge.text() + ")";
  }

  template <class T>
  struct Kernel : importance::SynapticIntelligence::Kernel<T> {
    using Base = importance::SynapticIntelligence::Kernel<T>;
    T* pending;

    template <class V>
    LIFELONG_HOST_DEVICE void observe(std::size_t i, V gradient, V penalty_gradient, V before, V after) const {
      store(this->path, i, load<V>(this->path, i) + load<V>(pending, i));
      store(pending, i, -(gradient + penalty_gradient) * (after - before));
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta, V contribution) const {
      Base::restart(i, theta, contribution);
      store(pending, i, V(T(0)));
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 3> p, const Clock& clock) const {
    return {si.kernel<T>({p[0], p[1]}, clock), p[2]};
  }
};

/// The convention of `si`.
inline constexpr Convention si_convention{"hw14 si",
                                          "HW14/HW14.ipynb, 10c0c4d",
                                          Statistic::path,
                                          Group::batch_mean,
                                          Total::sum,
                                          1,
                                          "true",
                                          "loss and penalty",
                                          "sum, negative values kept",
                                          "the last step of a task is lost; the penalty's own pull counts as "
                                          "importance; negative Ω"};

/// The notebook's `si`. It is inexact: a task's last step is not in the path, it follows the gradient of loss and
/// penalty, and it keeps negative Ω.
inline Recipe<LateIntelligence> si(double lll_lambda = 1, double epsilon = 0.1) {
  LateIntelligence importance;
  importance.si.xi = epsilon;
  return {si_convention, importance, penalty_of(si_convention, lll_lambda)};
}

/// The convention of `rwalk`.
inline constexpr Convention rwalk_convention{"hw14 rwalk",
                                             "HW14/HW14.ipynb, 10c0c4d",
                                             Statistic::path,
                                             Group::batch_mean,
                                             Total::sum,
                                             1,
                                             "true",
                                             "loss and penalty; log p(y) in evaluation mode",
                                             "F: 0.6 of all earlier sums + 0.4 new; score: mean of old and new",
                                             "as hw14 ewc and si; one interval per task; negative scores kept"};

/// The notebook's `rwalk`. It is inexact: F_t = 0.4 F + 0.6 Σ_{k<t} F_k of batch means; there is one interval per task,
/// without its last step, along loss and penalty; negative scores are kept and the first task's is halved.
inline Recipe<TaskWalk> rwalk(double lll_lambda = 100, double epsilon = 0.1) {
  return {rwalk_convention,
          {.keep = 0.6,
           .add = 0.4,
           .epsilon = epsilon,
           .distance = importance::Distance::half,
           .clamp = importance::Clamp::none,
           .gradient = importance::PathGradient::total,
           .guarded = true,
           .skips_last_step = true},
          penalty_of(rwalk_convention, lll_lambda)};
}

/// 1/B Σ_b (∂ ⟨ξ̄_b, mean of f over batch b⟩ / ∂θ)², where ξ̄_b is the mean of L random unit vectors: the slices are
/// averaged before the square instead of after it. It is inexact: ξ̄_b is one random direction of squared length about
/// 1/L, so more slices make Γ smaller but no more certain, and every batch is squared by itself. Compare it with
/// `importance::Scp`.
struct AveragedSliceScp {
  std::size_t slices = 100;  ///< L
  std::uint64_t seed = 0;    ///< of the directions, which are new for every batch and the same in every task
  importance::Merge merge = importance::Merge::sum();

  /// \throws InvalidArgument for 0 slices.
  void validate() const {
    detail::require_at_least("AveragedSliceScp.slices", static_cast<double>(slices), 1);
    merge.validate();
  }

  /// Adds a batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    std::vector<double> direction(importance::outputs_of(model));
    draw(static_cast<std::uint32_t>(estimation.batches()), direction);
    const auto write = [&](auto mean) { estimation.batch_mean(model, batch, importance::Slice{direction}, mean); };
    importance::add_batch_moment(estimation, batch, write, moment::Square{}, importance::BatchScale::batches);
  }
  /// Writes the mean over the batches.
  template <class E>
  void finish(E& estimation) const {
    importance::finish_batch_moments(estimation, importance::BatchScale::batches);
  }

  /// The mean of the unit vectors of a batch.
  void draw(std::uint32_t batch, std::span<double> direction) const {
    const Random random(seed, Purpose::slices, batch);
    const std::size_t outputs = direction.size();
    for (double& value : direction) value = 0;
    for (std::size_t l = 0; l < slices; ++l) {
      double square = 0;
      for (std::size_t c = 0; c < outputs; ++c)
        square += random.normal(l * outputs + c) * random.normal(l * outputs + c);
      const double scale = 1 / (std::sqrt(square) * static_cast<double>(slices));
      for (std::size_t c = 0; c < outputs; ++c) direction[c] += scale * random.normal(l * outputs + c);
    }
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "AveragedSliceScp(slices " + std::to_string(slices) + ", seed " + std::to_string(seed) +
           ", square of a batch's mean along the mean direction, merge " + merge.text() + ")";
  }
};

/// The convention of `scp`.
inline constexpr Convention scp_convention{"hw14 scp",
                                           "HW14/HW14.ipynb, 10c0c4d",
                                           Statistic::square,
                                           Group::batch_mean,
                                           Total::mean,
                                           1,
                                           "none",
                                           "the mean output along the mean of L directions, evaluation",
                                           "new + all earlier sums",
                                           "slices are averaged before the square, which divides by L; batch means; "
                                           "the rigidity doubles with every task"};

/// The notebook's `scp`. Consolidate with batches of 128. It is inexact for the reasons given at `AveragedSliceScp` and
/// `Guarded`.
inline Recipe<Guarded<AveragedSliceScp>> scp(double lll_lambda = 100, std::size_t slices = 100) {
  Guarded<AveragedSliceScp> importance;
  importance.importance.slices = slices;
  return {scp_convention, importance, penalty_of(scp_convention, lll_lambda)};
}

}  // namespace lifelong::convention::hw14

#include <lifelong/config/pop_macros.hpp>
