// The kernels a learner runs over its parameters, composed from the views of its policies.
#pragma once

#include <cstddef>

#include <lifelong/core/packet.hpp>
#include <lifelong/penalty/term.hpp>

namespace lifelong::detail {

/// One training step, one pass: reads θ and g once, asks each policy once, writes θ' once. Task gradient g and penalty
/// gradient stay apart in registers, so a path integral sees the unpenalised loss. An implicit penalty is solved for
/// after the optimizer's step on g alone, and observed as its gradient at θ'. Sums up to the penalty's value at the old
/// θ, or to NaN if a new θ is not finite.
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
    V after = before;
    if constexpr (requires { penalty.proximal(i, before, g); }) {
      static_assert(
          requires { optimizer.template rate<V>(i); },
          "an implicit penalty needs the optimizer's step size: its kernel has to have V rate<V>(i)");
      const V stepped = optimizer.step(i, before, g);
      after = penalty.proximal(i, stepped, optimizer.template rate<V>(i));
      observe(i, g, penalty.term(i, after).gradient, before, after);
    } else {
      after = optimizer.step(i, before, g + term.gradient);
      observe(i, g, term.gradient, before, after);
    }
    store(theta, i, after);
    return term.value + (after - after);
  }

 private:
  template <class V>
  LIFELONG_HOST_DEVICE void observe(std::size_t i, V g, V penalty_gradient, V before, V after) const {
    if constexpr (requires { importance.observe(i, g, penalty_gradient, before, after); })
      importance.observe(i, g, penalty_gradient, before, after);
    else if constexpr (requires { importance.observe(i, g, before, after); })
      importance.observe(i, g, before, after);
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

/// The end of a task, one pass: the task's importances into the penalty.
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

/// The start of the next task for an importance that is gathered along the way.
template <class T, class Importance>
struct Restart {
  const T* theta;
  const T* contribution;
  Importance importance;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    const V at = load<V>(theta, i);
    if constexpr (requires { importance.restart(i, at, at); })
      importance.restart(i, at, load<V>(contribution, i));
    else if constexpr (requires { importance.restart(i, at); })
      importance.restart(i, at);
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
