// The kernels a learner runs over its parameters, composed from the views of its policies.
#pragma once

#include <cstddef>

#include <lifelong/core/packet.hpp>

namespace lifelong::detail {

/// Kernel of an importance that is estimated from data: nothing to observe, the contribution is the estimate.
struct EstimatedView {
  template <class V>
  LIFELONG_HOST_DEVICE V contribution(std::size_t, V, V estimate) const {
    return estimate;
  }
};

/// One training step, one pass: reads θ and g once, asks each policy once, writes θ' once. Task gradient g and penalty
/// gradient stay apart in registers, so a path integral sees the unpenalised loss. Sums up to the penalty's value at
/// the old θ, or to NaN if a new θ is not finite.
template <class T, class Optimizer, class Penalty, class Importance>
struct FusedStep {
  T* theta;
  const T* gradient;
  Optimizer optimizer;
  Penalty penalty;
  Importance importance;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    const V before = load<V>(theta, i);
    const V g = load<V>(gradient, i);
    const auto term = penalty.term(i, before);
    const V after = optimizer.step(i, before, g + term.gradient);
    if constexpr (requires { importance.observe(i, g, before, after); }) importance.observe(i, g, before, after);
    store(theta, i, after);
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

/// Sums up to 0 if all values are finite, else to NaN.
template <class T>
struct FiniteCheck {
  const T* values;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    const V value = load<V>(values, i);
    return value - value;
  }
};

/// What each parameter's task importance would be, checked like `FiniteCheck`; changes nothing.
template <class T, class Importance>
struct ContributionCheck {
  const T* theta;
  const T* estimate;
  Importance importance;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    const V value = importance.contribution(i, load<V>(theta, i), load<V>(estimate, i));
    return value - value;
  }
};

/// The end of a task, one pass: importance into penalty, then the importance starts afresh.
template <class T, class Penalty, class Importance>
struct Consolidation {
  const T* theta;
  const T* estimate;
  Penalty penalty;
  Importance importance;
  T keep, add, floor;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    const V at = load<V>(theta, i);
    const V contribution = importance.contribution(i, at, load<V>(estimate, i));
    const V offset = penalty.absorb(i, at, contribution, V(keep), V(add), V(floor));
    if constexpr (requires { importance.restart(i, at); }) importance.restart(i, at);
    return offset;
  }
};

}  // namespace lifelong::detail
