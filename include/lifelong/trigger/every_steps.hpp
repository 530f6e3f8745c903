// SPDX-License-Identifier: MIT
// A task boundary at fixed intervals: every so many steps.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

#include <lifelong/core/error.hpp>

namespace lifelong::trigger {

/// It is true at every n-th call, that is in steps n, 2n, 3n, ..., whatever the loss is. It suits online EWC "every X
/// steps" and SI in streams without tasks. Note that Ω grows with the number of triggers unless the importance's
/// `merge` says otherwise.
class EverySteps {
 public:
  /// \throws InvalidArgument for n = 0.
  explicit EverySteps(std::size_t n) : n_(n) { detail::require_at_least("EverySteps.n", static_cast<double>(n), 1); }

  /// Call it once per step. It returns true if it is time to consolidate.
  bool operator()(double /*loss*/ = 0) {
    if (++step_ < n_) return false;
    step_ = 0;
    return true;
  }

 private:
  std::size_t n_;
  std::size_t step_ = 0;  // since the last time
};

}  // namespace lifelong::trigger

#include <lifelong/config/pop_macros.hpp>
