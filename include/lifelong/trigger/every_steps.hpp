// A task boundary by the clock: every so many steps.
#pragma once

#include <cstddef>

#include <lifelong/core/error.hpp>

namespace lifelong::trigger {

/// True at every n-th call: steps n, 2n, 3n, ... Does not look at the loss. For online EWC "every X steps" and for SI
/// in streams without tasks; mind that Ω grows with the number of triggers unless the importance's `merge` says
/// otherwise.
class EverySteps {
 public:
  /// \throws InvalidArgument for n = 0.
  explicit EverySteps(std::size_t n) : n_(n) { detail::require_at_least("EverySteps.n", static_cast<double>(n), 1); }

  /// To be called once per step. True if it is time to consolidate.
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
