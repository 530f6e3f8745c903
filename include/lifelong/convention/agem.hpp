// SPDX-License-Identifier: MIT
// facebookresearch/agem, commit 4542149 (2019-02): the baselines of the A-GEM paper, by the authors of RWalk.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <string>

#include <lifelong/backend/loop.hpp>
#include <lifelong/convention/convention.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/mas.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/normalize.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::convention::agem {

/// F ← (1-α) F + α (1/Δt Σ g²) over windows of Δt batches. F starts at 0 and continues from task to task; Ω = F scaled
/// to [0, 1] over the network. A window ends before the step that fills it: the first window of a task has Δt - 1
/// batches, and the batches after a task's last full window are dropped. With α = 0.9, Ω is little else than the last
/// window's squares.
struct WindowFisher {
  double alpha = 0.9;         ///< α, weight of the newest window
  std::size_t interval = 10;  ///< Δt, steps
  importance::Normalize normalize = importance::Normalize::min_max;
  importance::Merge merge = importance::Merge::last();

  static constexpr std::array<const char*, 2> arrays{"fisher", "window"};
  static constexpr Traffic traffic{.reads = 2, .writes = 2};

  /// \throws InvalidArgument unless 0 <= α <= 1 and the interval is at least 1 step.
  void validate() const {
    detail::require_between("WindowFisher.alpha", alpha, 0, 1);
    detail::require_at_least("WindowFisher.interval", static_cast<double>(interval), 1);
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("WindowFisher.alpha", alpha);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "WindowFisher(alpha " + detail::exact_text(alpha) + ", windows of " + std::to_string(interval) +
           " batch squares, normalised by " + importance::name_of(normalize) + ", merge " + merge.text() + ")";
  }

  template <class T>
  struct Kernel {
    T* fisher;
    T* window;
    T alpha, share;
    bool ends;
    importance::Affine<T> scale{};

    template <class V>
    LIFELONG_HOST_DEVICE void observe(std::size_t i, V gradient, V, V, V) const {
      const V gathered = load<V>(window, i), square = gradient * gradient;
      if (ends) store(fisher, i, V(T(1) - alpha) * load<V>(fisher, i) + V(alpha * share) * gathered);
      store(window, i, ends ? square : gathered + square);
    }
    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V, V) const {
      return scale(load<V>(fisher, i));
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V, V) const {
      store(window, i, V(T(0)));
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 2> p, const Clock& clock) const {
    return {p[0], p[1], static_cast<T>(alpha), T(1) / static_cast<T>(interval), clock.step % interval == 0};
  }
  template <class T, class Backend>
  [[nodiscard]] Kernel<T> final_kernel(std::array<T*, 2> p, const Clock& clock, const Loop<T, Backend>& loop) const {
    Kernel<T> result = kernel<T>(p, clock);
    result.scale = importance::scale_of(normalize, loop, importance::Values<T>{p[0]});
    return result;
  }
};

/// `WindowFisher` plus the path score s ← s + max(0, ω) / (F Δ² + ε) of every window, with F as it was before the
/// window. Over tasks s_total ← 1.5 s_total + 0.5 s, because the code adds where the paper assigns; after the first
/// task s_total ← s. Both are scaled to [0, 1], then added.
struct WindowWalk {
  WindowFisher windows = {};
  double epsilon = 1e-3;  ///< ε, unit of the loss
  importance::Merge merge = importance::Merge::last();

  static constexpr std::array<const char*, 6> arrays{"fisher", "window", "path", "start", "score", "total_score"};
  static constexpr Traffic traffic{.reads = 4, .writes = 4};

  /// \throws as `WindowFisher`, and InvalidArgument unless ε > 0.
  void validate() const {
    windows.validate();
    detail::require_positive("WindowWalk.epsilon", epsilon);
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    windows.validate_as<T>();
    detail::setting<T>("WindowWalk.epsilon", epsilon);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "WindowWalk(epsilon " + detail::exact_text(epsilon) + ", whole distance, " + windows.recipe() + ", merge " +
           merge.text() + ")";
  }

  template <class T>
  struct Kernel {
    WindowFisher::Kernel<T> windows;
    T* path;
    T* start;
    T* score;
    T* total;
    T epsilon, old_weight, new_weight;
    importance::Affine<T> scale{};

    template <class V>
    LIFELONG_HOST_DEVICE void observe(std::size_t i, V gradient, V penalty_gradient, V before, V after) const {
      const V fall = -gradient * (after - before), gathered = load<V>(path, i);
      store(path, i, windows.ends ? fall : gathered + fall);
      if (windows.ends) {
        const V move = before - load<V>(start, i);
        const V gained = max(gathered, V(T(0))) / (load<V>(windows.fisher, i) * move * move + V(epsilon));
        store(score, i, load<V>(score, i) + gained);
        store(start, i, before);
      }
      windows.observe(i, gradient, penalty_gradient, before, after);
    }
    /// s_total with the present task included.
    template <class V>
    LIFELONG_HOST_DEVICE V merged(std::size_t i) const {
      return V(old_weight) * load<V>(total, i) + V(new_weight) * load<V>(score, i);
    }
    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V theta, V estimate) const {
      return windows.contribution(i, theta, estimate) + scale(merged<V>(i));
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta, V contribution) const {
      windows.restart(i, theta, contribution);
      store(total, i, merged<V>(i));
      store(score, i, V(T(0)));
      store(path, i, V(T(0)));
      store(start, i, theta);
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 6> p, const Clock& clock) const {
    return around<T>(windows.kernel<T>({p[0], p[1]}, clock), p, clock);
  }
  template <class T, class Backend>
  [[nodiscard]] Kernel<T> final_kernel(std::array<T*, 6> p, const Clock& clock, const Loop<T, Backend>& loop) const {
    Kernel<T> result = around<T>(windows.final_kernel<T>({p[0], p[1]}, clock, loop), p, clock);
    result.scale = importance::scale_of(windows.normalize, loop, importance::MergedScore<Kernel<T>>{result});
    return result;
  }

 private:
  template <class T>
  Kernel<T> around(const WindowFisher::Kernel<T>& kernel, std::array<T*, 6> p, const Clock& clock) const {
    const bool first = clock.tasks == 0;
    return {kernel, p[2], p[3], p[4], p[5], static_cast<T>(epsilon), first ? T(0) : T(1.5), first ? T(1) : T(0.5)};
  }
};

/// The convention of `ewc`.
inline constexpr Convention ewc_convention{
    "agem EWC",
    "model/model.py, fc_permute_mnist.py, 4542149",
    Statistic::square,
    Group::batch_mean,
    Total::unit_interval,
    1,
    "true",
    "the task's loss while training",
    "a running average that forgets all but the last windows",
    "squares of batch means of the last ten to twenty steps alone: earlier tasks are not protected"};

/// `--imp-method EWC` with `synap_stgth`, `fisher_ema_decay` and `fisher_update_after`. It is inexact: this is not EWC
/// but EWC++ with so short a memory that only the end of the last task counts; it squares batch means; and Ω is scaled
/// to [0, 1].
inline Recipe<WindowFisher> ewc(double strength, double decay = 0.9, std::size_t update_after = 10) {
  return {ewc_convention, {.alpha = decay, .interval = update_after}, penalty_of(ewc_convention, strength)};
}

/// The convention of `si`.
inline constexpr Convention si_convention{"agem PI",
                                          "model/model.py, 4542149",
                                          Statistic::path,
                                          Group::batch_mean,
                                          Total::sum,
                                          1,
                                          "true",
                                          "the task's loss",
                                          "sum of max(0, .) of every task",
                                          "every task's negative part is cut off, which only adds"};

/// `--imp-method PI` with `synap_stgth`; ξ = 1e-3. It follows the paper except for where it cuts negative values off.
inline Recipe<importance::SynapticIntelligence> si(double strength) {
  return {si_convention, {.xi = 1e-3, .clamp = importance::Clamp::increment}, penalty_of(si_convention, strength)};
}

/// The convention of `mas`.
inline constexpr Convention mas_convention{"agem MAS",
                                           "model/model.py, 4542149",
                                           Statistic::absolute,
                                           Group::batch_mean,
                                           Total::mean,
                                           1,
                                           "none",
                                           "|f|², evaluation",
                                           "only the last task's",
                                           "absolute values of batch means; earlier tasks are forgotten"};

/// `--imp-method MAS` with `synap_stgth`. Consolidate with batches of 10, with the task's own outputs active. It is
/// inexact: it takes absolute values of batch sums, and it sets Ω to 0 before every task's estimate, so only the last
/// task is protected. One thing is not reproduced: there a short last batch is left out but counted.
inline Recipe<importance::BatchMas> mas(double strength) {
  return {mas_convention,
          {.scale = importance::BatchScale::samples, .merge = importance::Merge::last()},
          penalty_of(mas_convention, strength)};
}

/// The convention of `rwalk`.
inline constexpr Convention rwalk_convention{
    "agem RWALK",
    "model/model.py, fc_permute_mnist.py, 4542149",
    Statistic::path,
    Group::batch_mean,
    Total::unit_interval,
    1,
    "true",
    "the task's loss while training",
    "F: the last windows; score: 1.5 old + 0.5 new; each scaled to [0, 1]",
    "assign_add in place of assign: old scores grow by half at every task; no ½ in the distance"};

/// `--imp-method RWALK` with `synap_stgth`. It is inexact: F is that of `ewc`, there is no ½ in the distance, and old
/// scores grow by half with every task.
inline Recipe<WindowWalk> rwalk(double strength, double decay = 0.9, std::size_t update_after = 10) {
  return {rwalk_convention,
          {.windows = {.alpha = decay, .interval = update_after}},
          penalty_of(rwalk_convention, strength)};
}

}  // namespace lifelong::convention::agem

#include <lifelong/config/pop_macros.hpp>
