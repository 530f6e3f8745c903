// SPDX-License-Identifier: MIT
// The kernels a learner runs over its parameters, composed from the kernels of its policies.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <limits>

#include <lifelong/core/packet.hpp>
#include <lifelong/importance/policy.hpp>
#include <lifelong/learner/ordinary.hpp>
#include <lifelong/penalty/term.hpp>

namespace lifelong::detail {

// What a policy's kernel has is asked here, outside of functions that run on a device: inside one nvcc answers no.

template <class Kernel, class T>
concept kernel_is_implicit = requires(const Kernel& kernel, T v) {
  kernel.proximal(std::size_t{}, v, v, v);
};
template <class Kernel, class T>
concept kernel_settles = requires(const Kernel& kernel, T v) {
  kernel.settle(std::size_t{}, v, std::size_t{});
};
template <class Kernel, class T>
concept kernel_knows_tasks = requires(const Kernel& kernel, T v) {
  kernel.parameter(std::size_t{}, v, std::size_t{});
};

/// One training step, one pass: reads θ and g once, asks each policy once, writes θ' once. Task gradient g and penalty
/// gradient stay apart in registers, so a path integral sees the unpenalised loss. An implicit penalty is solved for
/// after the optimizer's step on g alone, and observed as its gradient at θ'. Sums up to the penalty's value at the old
/// θ, or to NaN if a new θ is not finite.
///
/// With `checks`, a value of the gradient that no ordinary step has counts as 0, and the sum is NaN.
template <class T, class Optimizer, class Penalty, class Importance, bool checks = false>
struct FusedStep {
  static constexpr bool implicit = kernel_is_implicit<Penalty, T>, observes = kernel_observes<Importance, T>;
  static constexpr bool flushes_denormals = true;
  static constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

  T* theta;
  const T* gradient;
  Optimizer optimizer;
  Penalty penalty;
  Importance importance;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    const V before = load<V>(theta, i);
    V g = load<V>(gradient, i);
    [[maybe_unused]] V fault(T(0));
    if constexpr (checks) {
      const V bad = exceeds(g, Ordinary<T>::gradient);
      g = where_positive(bad, V(T(0)), g);
      fault = where_positive(bad, V(not_a_number), V(T(0)));
    }
    const auto term = penalty.term(i, before);
    V after = before;
    if constexpr (implicit) {
      const V stepped = optimizer.step(i, before, g);
      after = penalty.proximal(i, before, stepped, optimizer.template rate<V>(i));
      if constexpr (observes) importance.observe(i, g, penalty.term(i, after).gradient, before, after);
    } else {
      after = optimizer.step(i, before, g + term.gradient);
      if constexpr (observes) importance.observe(i, g, term.gradient, before, after);
    }
    store(theta, i, after);
    if constexpr (checks) return term.value + (after - after) + fault;
    return term.value + (after - after);
  }
};

/// Sums up to the penalty's value; changes nothing.
template <class T, class Penalty>
struct PenaltyValue {
  const T* theta;
  Penalty penalty;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return penalty.term(i, load<V>(theta, i)).value;
  }
};

/// Turns the estimates (unspecified for an importance without) into the task's importances, in place.
template <class T, class Importance>
struct Contribution {
  const T* theta;
  T* values;
  Importance importance;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(values, i, importance.contribution(i, load<V>(theta, i), load<V>(values, i)));
    return V(T(0));
  }
};

/// The task's importances into the penalty, as those of a task that ended at `theta`.
template <class T, class Penalty>
struct Absorb {
  const T* theta;
  const T* contribution;
  Penalty penalty;
  penalty::Absorption<T> how;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return penalty.absorb(i, load<V>(theta, i), load<V>(contribution, i),
                          penalty::Absorption<V>{V(how.keep), V(how.add), V(how.least), V(how.most)});
  }
};

/// Counts the parameters whose Ω would not be a number that the penalty's array can hold, or whose anchors' offset
/// would not. Changes nothing.
template <class T, class Omega>
struct CountOverflows {
  const Omega* importance;
  const T* anchor;
  const T* theta;
  const T* contribution;
  penalty::Absorption<T> how;
  T most;  // the largest number that Omega holds

  static constexpr T largest_number = std::numeric_limits<T>::max();  // which device code may not call

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    const V kept = V(how.keep) * load<V>(importance, i);
    const V merged = min(max(kept + V(how.add) * load<V>(contribution, i), V(how.least)), V(how.most));
    const V move = load<V>(theta, i) - load<V>(anchor, i);
    return exceeds(merged, most) + exceeds(kept * move * move, largest_number);
  }
};

/// The parameters with which the next task begins, for a penalty that has a say in it.
template <class T, class Penalty>
struct Settle {
  T* theta;
  Penalty penalty;
  std::size_t task;  // the one that ended

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(theta, i, penalty.settle(i, load<V>(theta, i), task));
    return V(T(0));
  }
};

/// The start of the next task for an importance that is gathered along the way.
template <class T, class Importance>
struct Restart {
  const T* theta;
  const T* contribution;
  Importance importance;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    importance.restart(i, load<V>(theta, i), load<V>(contribution, i));
    return V(T(0));
  }
};

/// The parameters to use for one task, for a penalty that knows them.
template <class T, class Penalty>
struct TaskParameters {
  const T* theta;
  T* out;
  Penalty penalty;
  std::size_t task;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    store(out, i, penalty.parameter(i, load<V>(theta, i), task));
    return V(T(0));
  }
};

/// Kernel of an importance that gathers nothing along the way.
struct NothingGathered {};

/// The term of a structured penalty, whose gradient was found before the fused pass.
template <class T>
struct GivenGradient {
  const T* gradient;

  template <class V>
  LIFELONG_HOST_DEVICE penalty::Term<V> term(std::size_t i, V) const {
    return {V(T(0)), load<V>(gradient, i)};
  }
};

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
