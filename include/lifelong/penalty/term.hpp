// What a penalty says of one parameter, and what it is told when a task ends.
#pragma once

namespace lifelong::penalty {

/// The penalty's value and its derivative with respect to θ_i.
template <class V>
struct Term {
  V value;
  V gradient;
};

/// How a task's importance F enters Ω: Ω ← min(max(keep Ω + add F, least), most).
template <class V>
struct Absorption {
  V keep, add;
  V least, most;
};

}  // namespace lifelong::penalty
