// SPDX-License-Identifier: MIT
// Stochastic gradient descent.
#pragma once

#include <lifelong/config/push_macros.hpp>

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

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("Sgd.learning_rate", learning_rate);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "Sgd(learning rate " + detail::exact_text(learning_rate) + ")"; }

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

#include <lifelong/config/pop_macros.hpp>
