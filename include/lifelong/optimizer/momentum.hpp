// SPDX-License-Identifier: MIT
// Stochastic gradient descent with momentum.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::optimizer {

/// v ← μ v + d, θ ← θ - η v, as in PyTorch, where η is not part of v. Polyak 1964.
struct Momentum {
  double learning_rate = 0.01;  ///< η
  double momentum = 0.9;        ///< μ

  static constexpr std::array<const char*, 1> arrays{"velocity"};
  static constexpr std::size_t compactable = 1;
  static constexpr Traffic traffic{.reads = 1, .writes = 1};

  /// \throws InvalidArgument unless η >= 0 and finite, 0 <= μ < 1.
  void validate() const {
    detail::require_at_least("Momentum.learning_rate", learning_rate, 0);
    detail::require_within("Momentum.momentum", momentum, 0, 1);
  }

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0
  /// or 1.
  template <class T>
  void validate_as() const {
    detail::setting<T>("Momentum.learning_rate", learning_rate);
    if (static_cast<T>(momentum) >= 1)
      detail::refuse_value("Momentum.momentum", "below 1 in the parameters' type as well", momentum);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Momentum(learning rate " + detail::exact_text(learning_rate) + ", momentum " +
           detail::exact_text(momentum) + ")";
  }

  template <class T, class Velocity = T>
  struct Kernel {
    Velocity* velocity;
    T learning_rate;
    T momentum;
    T steady_rate;
    template <class V>
    LIFELONG_HOST_DEVICE V step(std::size_t i, V theta, V gradient) const {
      const V v = V(momentum) * load<V>(velocity, i) + gradient;
      store(velocity, i, v);
      return theta - V(learning_rate) * v;
    }
    /// η / (1 - μ): how far a unit of steady gradient moves θ per step.
    template <class V>
    LIFELONG_HOST_DEVICE V rate(std::size_t) const {
      return V(steady_rate);
    }
  };

  template <class T, class Arrays = std::array<T*, 1>>
  [[nodiscard]] Kernel<T, detail::FirstElement<Arrays>> kernel(const Arrays& pointers, std::uint64_t) const {
    return {get<0>(pointers), static_cast<T>(learning_rate), static_cast<T>(momentum),
            static_cast<T>(learning_rate / (1 - momentum))};
  }
};

}  // namespace lifelong::optimizer

#include <lifelong/config/pop_macros.hpp>
