// SPDX-License-Identifier: MIT
// Weight decay for any optimizer, either as part of the gradient or apart from it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::optimizer {

/// Runs the inner optimizer on d + wθ, the gradient of L + w/2 ‖θ‖², as PyTorch's `weight_decay` of SGD and Adam does.
/// Under Adam the step sizes adapt to the decay as well, which is why AdamW exists. An importance that is gathered
/// during training does not see the decay. Example: `L2<Momentum>{{.learning_rate = 0.1}, 5e-4}`.
template <class Optimizer>
struct L2 : Optimizer {
  double weight_decay = 0;  ///< w

  /// \throws InvalidArgument as the inner optimizer, and for a decay below 0.
  void validate() const {
    Optimizer::validate();
    lifelong::detail::require_at_least("L2.weight_decay", weight_decay, 0);
  }

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T, as the inner optimizer.
  template <class T>
  void validate_as() const {
    lifelong::detail::validate_settings_as<T>(static_cast<const Optimizer&>(*this));
    lifelong::detail::setting<T>("L2.weight_decay", weight_decay);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "L2(" + Optimizer::recipe() + ", weight decay " + lifelong::detail::exact_text(weight_decay) + ")";
  }

  template <class T, class Inner>
  struct Kernel : Inner {
    T weight_decay;
    template <class V>
    LIFELONG_HOST_DEVICE V step(std::size_t i, V theta, V gradient) const {
      return Inner::step(i, theta, gradient + V(weight_decay) * theta);
    }
  };

  template <class T, class Arrays>
  [[nodiscard]] auto kernel(const Arrays& pointers, std::uint64_t step) const {
    const auto inner = Optimizer::template kernel<T>(pointers, step);
    return Kernel<T, std::remove_const_t<decltype(inner)>>{inner, static_cast<T>(weight_decay)};
  }
};

/// Takes the inner optimizer's step, and θ ← θ - ηwθ apart from it, where η is its `learning_rate`. This is decoupled
/// weight decay (Loshchilov & Hutter 2019, schedule 1, scaled by η as in PyTorch's AdamW). `Decoupled<Adam>` is
/// `AdamW`; with momentum it is their SGDW. Example: `Decoupled<Momentum>{{.learning_rate = 0.1}, 5e-4}`.
template <class Optimizer>
struct Decoupled : Optimizer {
  double weight_decay = 0;  ///< w

  /// \throws InvalidArgument as the inner optimizer, and for a decay below 0.
  void validate() const {
    Optimizer::validate();
    lifelong::detail::require_at_least("Decoupled.weight_decay", weight_decay, 0);
  }

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T, as the inner optimizer.
  template <class T>
  void validate_as() const {
    lifelong::detail::validate_settings_as<T>(static_cast<const Optimizer&>(*this));
    lifelong::detail::setting<T>("Decoupled.weight_decay", weight_decay);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Decoupled(" + Optimizer::recipe() + ", weight decay " + lifelong::detail::exact_text(weight_decay) + ")";
  }

  template <class T, class Inner>
  struct Kernel : Inner {
    T lost_weight;  // ηw
    template <class V>
    LIFELONG_HOST_DEVICE V step(std::size_t i, V theta, V gradient) const {
      return Inner::step(i, theta, gradient) - V(lost_weight) * theta;
    }
  };

  template <class T, class Arrays>
  [[nodiscard]] auto kernel(const Arrays& pointers, std::uint64_t step) const {
    const auto inner = Optimizer::template kernel<T>(pointers, step);
    return Kernel<T, std::remove_const_t<decltype(inner)>>{inner, static_cast<T>(this->learning_rate * weight_decay)};
  }
};

}  // namespace lifelong::optimizer

#include <lifelong/config/pop_macros.hpp>
