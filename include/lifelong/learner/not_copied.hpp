// SPDX-License-Identifier: MIT
// What belongs to a running call, not to the learner.
#pragma once

#include <lifelong/config/push_macros.hpp>

namespace lifelong::detail {

/// A value that a copy does not take over: it begins as a new one, and one that is assigned to keeps its own. A learner
/// that is copied in the callback of `fit` is in no call of its own.
template <class T>
struct NotCopied {
  T value{};

  NotCopied() = default;
  NotCopied(const NotCopied&) {}
  NotCopied& operator=(const NotCopied&) { return *this; }
  ~NotCopied() = default;
};

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
