// SPDX-License-Identifier: MIT
// Stochastic gradient descent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>

namespace lifelong::optimizer {

/// θ ← θ - η d, where d is the sum of the task's and the penalty's gradient. It has no state.
struct Sgd {
  double learning_rate = 0.01;  ///< η

  /// \throws InvalidArgument unless η >= 0 and finite.
  void validate() const { detail::require_at_least("Sgd.learning_rate", learning_rate, 0); }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "Sgd(learning rate " + detail::text(learning_rate) + ")"; }

  template <class T>
  struct Kernel {
    T learning_rate;
    template <class V>
    LIFELONG_HOST_DEVICE V step(std::size_t, V theta, V gradient) const {
      return theta - V(learning_rate) * gradient;
    }
    template <class V>
    LIFELONG_HOST_DEVICE V rate(std::size_t) const {
      return V(learning_rate);
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 0>, std::uint64_t) const {
    return {static_cast<T>(learning_rate)};
  }
};

}  // namespace lifelong::optimizer
