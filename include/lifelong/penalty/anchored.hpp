// SPDX-License-Identifier: MIT
// What penalties with one importance and one anchor per parameter keep, and how a task changes it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>

#include <lifelong/core/packet.hpp>
#include <lifelong/penalty/term.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::penalty {

/// Where the penalty is zero.
enum class Anchor {
  last,     ///< at the parameters after the last task, for all importances together (Huszár 2018, online EWC, MAS, SI)
  per_task  ///< at an anchor of its own for every task (Kirkpatrick 2017), collapsed exactly into two arrays
};

}  // namespace lifelong::penalty

namespace lifelong::detail {

constexpr const char* name_of(penalty::Anchor anchor) { return anchor == penalty::Anchor::last ? "last" : "per task"; }

/// Names of the arrays behind an `AnchoredKernel`, in its order, and the places of Ω and θ* among them.
inline constexpr std::array<const char*, 2> anchored_arrays{"importance", "anchor"};
inline constexpr penalty::AnchoredArrays anchored_places{.importance = 0, .anchor = 1};

/// The memory traffic of a step on these arrays.
inline constexpr Traffic anchored_traffic{.reads = 2, .writes = 0};

/// Base of the kernels of penalties that are functions of Ω_i and θ_i - θ*_i. `per_task` is for quadratic penalties
/// alone, because no other sum over tasks collapses into one anchor. Ω is stored as `Omega`.
template <class T, class Omega = T>
struct AnchoredKernel {
  Omega* importance;
  T* anchor;
  bool per_task;

  /// θ_i - θ*_i.
  template <class V>
  LIFELONG_HOST_DEVICE V move(std::size_t i, V theta) const {
    return theta - load<V>(anchor, i);
  }

  /// Ω ← keep Ω + add F within its bounds; the anchor moves with it. Returns what the task adds to ½ c_i, without λ.
  template <class V>
  LIFELONG_HOST_DEVICE V absorb(std::size_t i, V theta, V contribution, const penalty::Absorption<V>& how) const {
    const V kept = how.keep * load<V>(importance, i);
    const V merged = min(max(kept + how.add * contribution, how.least), how.most);
    store(importance, i, merged);
    if (!per_task) {
      store(anchor, i, theta);
      return V(T(0));
    }
    const V old = load<V>(anchor, i);
    const V move = theta - old;
    const V share = where_positive(merged, (merged - kept) / merged, V(T(0)));
    store(anchor, i, old + share * move);
    return V(T(0.5)) * kept * share * move * move;
  }
};

/// Makes that base from the pointers to `anchored_arrays`.
template <class T, class Arrays>
AnchoredKernel<T, FirstElement<Arrays>> anchored_kernel(const Arrays& arrays, bool per_task) {
  return {get<0>(arrays), get<1>(arrays), per_task};
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
