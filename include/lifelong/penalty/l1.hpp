// SPDX-License-Identifier: MIT
// The absolute-value penalty: a constant pull to the anchor.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/penalty/anchored.hpp>
#include <lifelong/penalty/term.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::penalty {

/// λ Σ_i Ω_i |θ_i - θ*_i| with subgradient λ Ω_i sign(θ_i - θ*_i), 0 at the anchor. It prefers few large moves to many
/// small ones: a parameter stays unless the task's gradient exceeds λ Ω_i. As the subgradient enters an explicit step,
/// it keeps parameters within one step's length of the anchor rather than on it. The anchor is the last task's, because
/// absolute values about several anchors do not collapse into one. It reads two arrays per step.
struct L1 {
  double strength = 1;  ///< λ; there is no ½

  static constexpr auto arrays = detail::anchored_arrays;
  static constexpr auto anchored = detail::anchored_places;
  static constexpr std::size_t compactable = 1;
  static constexpr Traffic traffic = detail::anchored_traffic;

  /// \throws InvalidArgument unless λ >= 0 and finite.
  void validate() const { detail::require_at_least("L1.strength", strength, 0); }

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("L1.strength", strength);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "L1(strength " + detail::exact_text(strength) + ")"; }

  template <class T, class Omega = T>
  struct Kernel : detail::AnchoredKernel<T, Omega> {
    T strength;

    template <class V>
    LIFELONG_HOST_DEVICE Term<V> term(std::size_t i, V theta) const {
      const V move = this->move(i, theta);
      const V sign = where_positive(move, V(T(1)), where_positive(-move, V(T(-1)), V(T(0))));
      const V gradient = V(strength) * load<V>(this->importance, i) * sign;
      return {gradient * move, gradient};
    }
  };

  template <class T, class Arrays = std::array<T*, 2>>
  [[nodiscard]] Kernel<T, detail::FirstElement<Arrays>> kernel(const Arrays& pointers) const {
    return {detail::anchored_kernel<T>(pointers, false), static_cast<T>(strength)};
  }
};

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
