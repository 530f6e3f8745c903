// SPDX-License-Identifier: MIT
// RWalk reduced to one interval per task. The Fisher information is estimated at the task's end, as for EWC.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/batch_fisher.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/rwalk.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::convention {

/// Ω = F + s with F ← keep · F_old + add · F_batch, where F_batch are squares of batch means over the task's data, and
/// s ← ½ (s + ω / (½ F Δ² + ε)) with the path ω = -Σ g Δθ and the move Δ of the whole task. s and F_old start at 0, so
/// the first task's score is halved. FACIL and HW14 do this; it is not the paper's RWalk, whose F and s are updated
/// during training.
struct TaskWalk {
  importance::CategoricalBatchFisher fisher = {};
  double keep = 0.5;
  double add = 0.5;
  double epsilon = 0.1;
  importance::Distance distance = importance::Distance::whole;
  importance::Clamp clamp = importance::Clamp::increment;  ///< or none
  importance::PathGradient gradient = importance::PathGradient::task;
  bool guarded = false;          ///< F_old is the sum of all earlier F, each of which includes its own F_old
  bool skips_last_step = false;  ///< the path ends before the task's last step
  importance::Merge merge = importance::Merge::last();

  static constexpr std::array<const char*, 6> arrays{"path", "pending", "start", "fisher", "new_fisher", "score"};
  static constexpr Traffic traffic{.reads = 2, .writes = 2};

  /// \throws as `BatchFisher`, and InvalidArgument unless ε > 0 and the weights are at least 0.
  void validate() const {
    fisher.validate();
    detail::require_positive("TaskWalk.epsilon", epsilon);
    detail::require_at_least("TaskWalk.keep", keep, 0);
    detail::require_at_least("TaskWalk.add", add, 0);
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    fisher.validate_as<T>();
    detail::setting<T>("TaskWalk.epsilon", epsilon);
    detail::setting<T>("TaskWalk.keep", keep);
    detail::setting<T>("TaskWalk.add", add);
  }
  /// \throws InvalidArgument if it does not fit the model's loss or outputs.
  template <class Model>
  void validate_for(Model& model) const {
    detail::require_fit(fisher, model);
  }

  /// Adds a batch to F_batch; changes no parameter of `model`.
  template <class Model, class B, class E>
  void estimate(Model& model, const B& batch, E& estimation) const {
    fisher.estimate(model, batch, estimation);
  }
  /// Writes F_batch.
  template <class E>
  void finish(E& estimation) const {
    fisher.finish(estimation);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "TaskWalk(keep " + detail::exact_text(keep) + ", add " + detail::exact_text(add) + " of " + fisher.recipe() +
           ", epsilon " + detail::exact_text(epsilon) +
           (distance == importance::Distance::half ? ", half distance" : ", whole distance") + ", clamp " +
           importance::name_of(clamp) + ", gradient of the " + importance::name_of(gradient) +
           (guarded ? ", guarded" : "") + (skips_last_step ? ", without the last step" : "") + ", merge " +
           merge.text() + ")";
  }

  template <class T>
  struct Kernel {
    T* path;
    T* pending;
    T* start;
    T* fisher;
    T* new_fisher;
    T* score;
    T keep, add, epsilon, half, least;
    bool total, guarded, late;

    template <class V>
    LIFELONG_HOST_DEVICE void observe(std::size_t i, V task, V penalty, V before, V after) const {
      const V g = total ? task + penalty : task;
      const V fall = -g * (after - before);
      store(path, i, load<V>(path, i) + (late ? load<V>(pending, i) : fall));
      if (late) store(pending, i, fall);
    }
    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V theta, V estimate) const {
      const V f = V(keep) * load<V>(fisher, i) + V(add) * estimate;
      store(new_fisher, i, f);
      return f + merged_score(i, theta);
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta, V) const {
      store(score, i, merged_score(i, theta));
      const V f = load<V>(new_fisher, i);
      store(fisher, i, guarded ? load<V>(fisher, i) + f : f);
      store(path, i, V(T(0)));
      store(pending, i, V(T(0)));
      store(start, i, theta);
    }

   private:
    template <class V>
    LIFELONG_HOST_DEVICE V merged_score(std::size_t i, V theta) const {
      const V move = theta - load<V>(start, i);
      const V gained = load<V>(path, i) / (V(half) * load<V>(new_fisher, i) * move * move + V(epsilon));
      return V(T(0.5)) * (load<V>(score, i) + max(gained, V(least)));
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 6> p, const Clock&) const {
    return {p[0],
            p[1],
            p[2],
            p[3],
            p[4],
            p[5],
            static_cast<T>(keep),
            static_cast<T>(add),
            static_cast<T>(epsilon),
            distance == importance::Distance::half ? T(0.5) : T(1),
            clamp == importance::Clamp::none ? -std::numeric_limits<T>::infinity() : T(0),
            gradient == importance::PathGradient::total,
            guarded,
            skips_last_step};
  }
};

}  // namespace lifelong::convention

#include <lifelong/config/pop_macros.hpp>
