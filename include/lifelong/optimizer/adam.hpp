// SPDX-License-Identifier: MIT
// Adam, and AdamW with its decoupled weight decay.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::detail {

/// The step of both optimizers: m ← β₁m + (1-β₁)d, v ← β₂v + (1-β₂)d², θ ← (1-ηw)θ - η m̂ / (√v̂ + ε).
template <class T, class First = T>
struct AdamKernel {
  First* first;
  T* second;
  T beta1, beta2, epsilon;
  T learning_rate;
  T mean_rate;    // η / (1 - β₁ᵗ)
  T root_scale;   // 1 / √(1 - β₂ᵗ)
  T kept_weight;  // 1 - ηw

  template <class V>
  LIFELONG_HOST_DEVICE V step(std::size_t i, V theta, V gradient) const {
    const V m = V(beta1) * load<V>(first, i) + V(T(1) - beta1) * gradient;
    const V v = V(beta2) * load<V>(second, i) + V(T(1) - beta2) * gradient * gradient;
    store(first, i, m);
    store(second, i, v);
    return V(kept_weight) * theta - V(mean_rate) * m / (V(root_scale) * sqrt(v) + V(epsilon));
  }
  /// η / (√v̂ + ε) with the v̂ of the step just taken: how far a unit of steady gradient moves θ per step.
  template <class V>
  LIFELONG_HOST_DEVICE V rate(std::size_t i) const {
    return V(learning_rate) / (V(root_scale) * sqrt(load<V>(second, i)) + V(epsilon));
  }
};

template <class T, class Adam, class Arrays>
AdamKernel<T, FirstElement<Arrays>> adam_kernel(const Adam& adam, const Arrays& pointers, std::uint64_t step,
                                                double weight_decay) {
  const double t = static_cast<double>(step);
  return {get<0>(pointers),
          get<1>(pointers),
          static_cast<T>(adam.beta1),
          static_cast<T>(adam.beta2),
          static_cast<T>(adam.epsilon),
          static_cast<T>(adam.learning_rate),
          static_cast<T>(adam.learning_rate / (1 - std::pow(adam.beta1, t))),
          static_cast<T>(1 / std::sqrt(1 - std::pow(adam.beta2, t))),
          static_cast<T>(1 - adam.learning_rate * weight_decay)};
}

template <class Adam>
void validate_adam(const Adam& adam) {
  require_at_least("Adam.learning_rate", adam.learning_rate, 0);
  require_within("Adam.beta1", adam.beta1, 0, 1);
  require_within("Adam.beta2", adam.beta2, 0, 1);
  require_positive("Adam.epsilon", adam.epsilon);
}

template <class T, class Adam>
void validate_adam_as(const Adam& adam) {
  setting<T>("Adam.learning_rate", adam.learning_rate);
  setting<T>("Adam.epsilon", adam.epsilon);
  const double betas[] = {adam.beta1, adam.beta2};
  for (const double beta : betas)
    if (static_cast<T>(beta) >= 1) refuse_value("Adam.beta", "below 1 in the parameters' type as well", beta);
}

template <class Adam>
std::string adam_settings(const Adam& adam) {
  return "learning rate " + exact_text(adam.learning_rate) + ", beta1 " + exact_text(adam.beta1) + ", beta2 " +
         exact_text(adam.beta2) + ", epsilon " + exact_text(adam.epsilon);
}

}  // namespace lifelong::detail

namespace lifelong::optimizer {

/// Adam with bias correction (Kingma & Ba 2015, algorithm 1), ε outside the root. Its first steps after a reset have
/// the full size η in every coordinate, however strong the penalty is, so keep its state across tasks.
struct Adam {
  double learning_rate = 1e-3;  ///< η
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;

  static constexpr std::array<const char*, 2> arrays{"first_moment", "second_moment"};
  static constexpr std::size_t compactable = 1;
  static constexpr Traffic traffic{.reads = 2, .writes = 2};

  /// \throws InvalidArgument for a rate below 0, β outside [0, 1), ε <= 0.
  void validate() const { detail::validate_adam(*this); }

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0
  /// or 1.
  template <class T>
  void validate_as() const {
    detail::validate_adam_as<T>(*this);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "Adam(" + detail::adam_settings(*this) + ")"; }

  template <class T, class Arrays = std::array<T*, 2>>
  [[nodiscard]] auto kernel(const Arrays& pointers, std::uint64_t step) const {
    return detail::adam_kernel<T>(*this, pointers, step, 0);
  }
};

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2, schedule 1; decay scaled by η as in
/// PyTorch).
struct AdamW {
  double learning_rate = 1e-3;  ///< η
  double weight_decay = 1e-2;   ///< w: it pulls towards 0, whereas the penalty pulls towards the anchor
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;

  static constexpr std::array<const char*, 2> arrays = Adam::arrays;
  static constexpr std::size_t compactable = Adam::compactable;
  static constexpr Traffic traffic = Adam::traffic;

  /// \throws InvalidArgument as `Adam`, and for a decay below 0.
  void validate() const {
    detail::validate_adam(*this);
    detail::require_at_least("AdamW.weight_decay", weight_decay, 0);
  }

  /// \throws InvalidArgument as `Adam`.
  template <class T>
  void validate_as() const {
    detail::validate_adam_as<T>(*this);
    detail::setting<T>("AdamW.weight_decay", weight_decay);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "AdamW(" + detail::adam_settings(*this) + ", weight decay " + detail::exact_text(weight_decay) + ")";
  }

  template <class T, class Arrays = std::array<T*, 2>>
  [[nodiscard]] auto kernel(const Arrays& pointers, std::uint64_t step) const {
    return detail::adam_kernel<T>(*this, pointers, step, weight_decay);
  }
};

}  // namespace lifelong::optimizer

#include <lifelong/config/pop_macros.hpp>
