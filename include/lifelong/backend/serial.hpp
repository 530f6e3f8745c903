// SPDX-License-Identifier: MIT
// Runs loops on the calling thread.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

namespace lifelong::backend {

/// Runs loops on one thread, the caller's. It models `ExecutionBackend`.
struct Serial {
  [[nodiscard]] std::size_t threads() const { return 1; }

  /// Calls `body(i)` for i = 0 .. count-1, in order.
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const {
    for (std::size_t i = 0; i < count; ++i) body(i);
  }
};

}  // namespace lifelong::backend

#include <lifelong/config/pop_macros.hpp>
