// SPDX-License-Identifier: MIT
// A penalty's value and gradient for one parameter, and how a task's importance is merged when the task ends.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

namespace lifelong::penalty {

/// The penalty's value and its derivative with respect to θ_i.
template <class V>
struct Term {
  V value;
  V gradient;
};

/// How a task's importance F is merged into Ω: Ω ← min(max(keep Ω + add F, least), most).
template <class V>
struct Absorption {
  V keep, add;
  V least, most;
};

/// Places of the importance Ω and the anchor θ* among a penalty's arrays.
struct AnchoredArrays {
  std::size_t importance;
  std::size_t anchor;
};

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
