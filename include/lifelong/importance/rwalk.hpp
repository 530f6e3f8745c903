// SPDX-License-Identifier: MIT
// Riemannian Walk: a running Fisher information plus a score of the path, both gathered while training.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <string>

#include <lifelong/backend/loop.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/normalize.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::importance {

/// How the Fisher information measures the length of a step, which is the denominator of the path score.
enum class Distance {
  half,  ///< ½ F Δθ², the Kullback-Leibler divergence to second order, as in the paper
  whole  ///< F Δθ², as in the authors' code (facebookresearch/agem) and FACIL
};

/// Ω_i = F_i + s_i. F is the running Fisher information of EWC++, F ← (1-α) F + α g² at every step, where g is the
/// batch's mean gradient of the task's loss; it continues from task to task. s is the path score, gathered at every
/// step as s ← s + max(0, -g Δθ) / (½ F Δθ² + ε) and averaged over tasks, s_total ← ½ (s_total + s), after the first
/// task s_total ← s. There is no pass over data at a task's end and no second backward pass; a step reads and writes
/// two arrays. Chaudhry 2018, eq. 7-10.
///
/// F squares batch gradients, so it is about 1/B of the Fisher information. With the paper's α = 0.9 it averages over
/// the last one or two batches only; our default averages over some hundred. The paper collects the path over Δt steps,
/// which `IntervalRWalk` does. The paper has no ½ in its penalty, so our λ is twice theirs.
struct RWalk {
  double alpha = 0.01;    ///< α, weight of the newest batch in F
  double epsilon = 1e-3;  ///< ε, unit of the loss
  Distance distance = Distance::half;
  Clamp clamp = Clamp::increment;        ///< where negative values are cut off: in increments or in sums
  Normalize normalize = Normalize::max;  ///< the scale of F and of s, each by itself, before they are added
  double score_old = 0.5;                ///< s_total ← score_old · s_total + score_new · s
  double score_new = 0.5;                ///< agem's code adds where it should assign, which makes these 1.5 and 0.5
  double score_first = 1;                ///< weight of s at the first task
  Merge merge = Merge::last();           ///< F and s_total continue by themselves, so Ω is what they are now

  static constexpr std::array<const char*, 3> arrays{"fisher", "score", "total_score"};
  static constexpr Traffic traffic{.reads = 2, .writes = 2};

  /// \throws InvalidArgument unless 0 <= α <= 1, ε > 0 and the weights of scores are at least 0.
  void validate() const {
    detail::require_between("RWalk.alpha", alpha, 0, 1);
    detail::require_positive("RWalk.epsilon", epsilon);
    detail::require_at_least("RWalk.score_old", score_old, 0);
    detail::require_at_least("RWalk.score_new", score_new, 0);
    detail::require_at_least("RWalk.score_first", score_first, 0);
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("RWalk.alpha", alpha);
    detail::setting<T>("RWalk.epsilon", epsilon);
    detail::setting<T>("RWalk.score_old", score_old);
    detail::setting<T>("RWalk.score_new", score_new);
    detail::setting<T>("RWalk.score_first", score_first);
  }

  [[nodiscard]] std::string recipe() const {
    return "RWalk(alpha " + detail::exact_text(alpha) + ", epsilon " + detail::exact_text(epsilon) +
           (distance == Distance::half ? ", half distance" : ", whole distance") + ", batch squares, clamp " +
           name_of(clamp) + ", normalised by " + name_of(normalize) + ", old score " + detail::exact_text(score_old) +
           ", new score " + detail::exact_text(score_new) + ", first score " + detail::exact_text(score_first) +
           ", merge " + merge.text() + ")";
  }

  template <class T>
  struct Kernel {
    T* fisher;
    T* score;
    T* total;
    T alpha, epsilon, half;
    T least_increment, least_score;
    T old_weight, new_weight;
    Affine<T> fisher_scale{}, score_scale{};

    template <class V>
    LIFELONG_HOST_DEVICE void observe(std::size_t i, V gradient, V, V before, V after) const {
      const V f = V(T(1) - alpha) * load<V>(fisher, i) + V(alpha) * gradient * gradient;
      const V move = after - before;
      store(fisher, i, f);
      store(score, i, load<V>(score, i) + gain(f, -gradient * move, move));
    }

    /// The fall of the loss along a move, divided by the length of the move.
    template <class V>
    LIFELONG_HOST_DEVICE V gain(V f, V fall, V move) const {
      return max(fall, V(least_increment)) / (V(half) * f * move * move + V(epsilon));
    }
    /// s_total with the present task included.
    template <class V>
    LIFELONG_HOST_DEVICE V merged(std::size_t i) const {
      return V(old_weight) * load<V>(total, i) + V(new_weight) * max(load<V>(score, i), V(least_score));
    }
    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V, V) const {
      return fisher_scale(load<V>(fisher, i)) + score_scale(merged<V>(i));
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V, V) const {
      store(total, i, merged<V>(i));
      store(score, i, V(T(0)));
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 3> pointers, const Clock& clock) const {
    const bool first = clock.tasks == 0;
    return {pointers[0],
            pointers[1],
            pointers[2],
            static_cast<T>(alpha),
            static_cast<T>(epsilon),
            distance == Distance::half ? T(0.5) : T(1),
            clamp == Clamp::increment ? T(0) : -std::numeric_limits<T>::infinity(),
            clamp == Clamp::none ? -std::numeric_limits<T>::infinity() : T(0),
            static_cast<T>(first ? 0 : score_old),
            static_cast<T>(first ? score_first : score_new)};
  }

  /// The kernel for a task's end, which knows the largest F and s of all parameters.
  template <class T, class Backend>
  [[nodiscard]] Kernel<T> final_kernel(std::array<T*, 3> pointers, const Clock& clock,
                                       const Loop<T, Backend>& loop) const {
    const Kernel<T> plain = kernel<T>(pointers, clock);
    Kernel<T> result = plain;
    result.fisher_scale = scale_of(normalize, loop, Values<T>{pointers[0]});
    result.score_scale = scale_of(normalize, loop, MergedScore<Kernel<T>>{plain});
    return result;
  }
};

/// `RWalk` with the path collected over Δt steps, as the paper has it: ω sums -g Δθ over the interval, Δ is the move
/// from its beginning to its end, and s ← s + max(0, ω) / (½ F Δ² + ε). Steps after a task's last full interval do not
/// count. It has three more arrays than `RWalk`, and two to six more array accesses per step.
struct IntervalRWalk {
  RWalk rwalk = {};
  std::size_t interval = 10;         ///< Δt, steps
  bool fisher_per_interval = false;  ///< F is updated with an interval's mean g², as in agem's code
  Merge merge = Merge::last();

  static constexpr std::array<const char*, 6> arrays{"fisher", "score", "total_score", "path", "start", "window"};
  static constexpr Traffic traffic{.reads = 4, .writes = 4};

  /// \throws as `RWalk`, and InvalidArgument for an interval of 0 steps.
  void validate() const {
    rwalk.validate();
    detail::require_at_least("IntervalRWalk.interval", static_cast<double>(interval), 1);
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    rwalk.validate_as<T>();
  }

  [[nodiscard]] std::string recipe() const {
    return "IntervalRWalk(" + rwalk.recipe() + ", interval " + std::to_string(interval) +
           (fisher_per_interval ? ", Fisher once per interval" : "") + ", merge " + merge.text() + ")";
  }

  template <class T>
  struct Kernel {
    RWalk::Kernel<T> walk;
    T* path;
    T* start;
    T* window;
    T share;  // of one step in an interval
    bool per_interval, ends;

    template <class V>
    LIFELONG_HOST_DEVICE void observe(std::size_t i, V gradient, V, V before, V after) const {
      const V square = gradient * gradient;
      const V fall = load<V>(path, i) - gradient * (after - before);
      const V gathered = per_interval ? load<V>(window, i) + V(share) * square : square;
      if (per_interval) store(window, i, ends ? V(T(0)) : gathered);
      const V f = load<V>(walk.fisher, i);
      const V next = ends || !per_interval ? V(T(1) - walk.alpha) * f + V(walk.alpha) * gathered : f;
      store(walk.fisher, i, next);
      store(path, i, ends ? V(T(0)) : fall);
      if (!ends) return;
      store(walk.score, i, load<V>(walk.score, i) + walk.gain(next, fall, after - load<V>(start, i)));
      store(start, i, after);
    }

    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V theta, V estimate) const {
      return walk.contribution(i, theta, estimate);
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta, V contribution) const {
      walk.restart(i, theta, contribution);
      store(path, i, V(T(0)));
      store(start, i, theta);
      store(window, i, V(T(0)));
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 6> pointers, const Clock& clock) const {
    return around(rwalk.template kernel<T>(first_three(pointers), clock), pointers, clock);
  }
  template <class T, class Backend>
  [[nodiscard]] Kernel<T> final_kernel(std::array<T*, 6> pointers, const Clock& clock,
                                       const Loop<T, Backend>& loop) const {
    return around(rwalk.final_kernel(first_three(pointers), clock, loop), pointers, clock);
  }

 private:
  template <class T>
  static std::array<T*, 3> first_three(std::array<T*, 6> pointers) {
    return {pointers[0], pointers[1], pointers[2]};
  }
  template <class T>
  Kernel<T> around(const RWalk::Kernel<T>& walk, std::array<T*, 6> pointers, const Clock& clock) const {
    return {walk,
            pointers[3],
            pointers[4],
            pointers[5],
            T(1) / static_cast<T>(interval),
            fisher_per_interval,
            clock.step % interval == 0};
  }
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
