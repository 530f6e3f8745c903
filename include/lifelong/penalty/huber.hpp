// SPDX-License-Identifier: MIT
// The Huber penalty: quadratic near the anchor, linear far from it.
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

/// λ Σ_i Ω_i h(θ_i - θ*_i) with h(x) = ½ x² for |x| <= δ and δ (|x| - ½ δ) beyond. Its gradient λ Ω_i clamp(θ_i - θ*_i,
/// -δ, δ) is never more than λ Ω_i δ. For moves up to δ it is the same as `Quadratic` (the ½ is in h); for larger moves
/// its pull stays constant, where that of the quadratic keeps growing. The anchor is the last task's, because Huber
/// penalties of several tasks do not collapse into one. It reads two arrays per step. Huber 1964; Liu et al. 2020
/// (IncDet) use it in lifelong learning, because gradients of the quadratic can explode.
struct Huber {
  double strength = 1;      ///< λ
  double threshold = 0.01;  ///< δ, in units of a parameter

  static constexpr auto arrays = detail::anchored_arrays;
  static constexpr auto anchored = detail::anchored_places;
  static constexpr std::size_t compactable = 1;
  static constexpr Traffic traffic = detail::anchored_traffic;

  /// \throws InvalidArgument unless λ >= 0, δ > 0, both finite.
  void validate() const {
    detail::require_at_least("Huber.strength", strength, 0);
    detail::require_positive("Huber.threshold", threshold);
  }

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("Huber.strength", strength);
    detail::setting<T>("Huber.threshold", threshold);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Huber(strength " + detail::exact_text(strength) + ", threshold " + detail::exact_text(threshold) + ")";
  }

  template <class T, class Omega = T>
  struct Kernel : detail::AnchoredKernel<T, Omega> {
    T strength;
    T threshold;

    template <class V>
    LIFELONG_HOST_DEVICE Term<V> term(std::size_t i, V theta) const {
      const V move = this->move(i, theta);
      const V clamped = min(max(move, V(-threshold)), V(threshold));
      const V gradient = V(strength) * load<V>(this->importance, i) * clamped;
      return {gradient * (move - V(T(0.5)) * clamped), gradient};
    }
  };

  template <class T, class Arrays = std::array<T*, 2>>
  [[nodiscard]] Kernel<T, detail::FirstElement<Arrays>> kernel(const Arrays& pointers) const {
    return {detail::anchored_kernel<T>(pointers, false), static_cast<T>(strength), static_cast<T>(threshold)};
  }
};

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
