// SPDX-License-Identifier: MIT
// The quadratic penalty of regularization-based lifelong learning.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/penalty/anchored.hpp>
#include <lifelong/penalty/term.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::penalty {

/// λ/2 Σ_i Ω_i (θ_i - θ*_i)² with gradient λ Ω_i (θ_i - θ*_i). It reads two arrays per step, whatever the number of
/// tasks. With an anchor per task, Σ_k F_k (θ - a_k)² = A (θ - ā)² + c with A = Σ F_k, ā = Σ F_k a_k / A, and c is kept
/// too. So value, gradient and curvature are those of the separate penalties. Where A is not above 0, as it can be with
/// importances below 0, there is no such ā, and the anchor stays where it was.
///
/// The gradient goes into the optimizer's step, which is stable only while η λ Ω_i is of the order of 1 or below.
/// `ImplicitQuadratic` has no such bound.
struct Quadratic {
  double strength = 1;  ///< λ; multiplies the ½ as well
  Anchor anchor = Anchor::last;

  static constexpr auto arrays = detail::anchored_arrays;
  static constexpr auto anchored = detail::anchored_places;
  /// Σ c_i / 2 of the collapsed anchors, without λ.
  static constexpr std::array<const char*, 1> numbers{"offset"};
  static constexpr std::size_t compactable = 1;
  static constexpr Traffic traffic = detail::anchored_traffic;

  /// \throws InvalidArgument unless λ >= 0 and finite.
  void validate() const { detail::require_at_least("Quadratic.strength", strength, 0); }

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("Quadratic.strength", strength);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Quadratic(strength " + detail::exact_text(strength) + ", anchor " + detail::name_of(anchor) + ")";
  }

  template <class T, class Omega = T>
  struct Kernel : detail::AnchoredKernel<T, Omega> {
    T strength;

    template <class V>
    LIFELONG_HOST_DEVICE Term<V> term(std::size_t i, V theta) const {
      const V move = this->move(i, theta);
      const V gradient = V(strength) * load<V>(this->importance, i) * move;
      return {V(T(0.5)) * gradient * move, gradient};
    }
  };

  template <class T, class Arrays = std::array<T*, 2>>
  [[nodiscard]] Kernel<T, detail::FirstElement<Arrays>> kernel(const Arrays& pointers) const {
    return {detail::anchored_kernel<T>(pointers, anchor == Anchor::per_task), static_cast<T>(strength)};
  }

  /// Merges the sum of what `absorb` returned.
  void absorbed(std::array<double, 1>& kept, const importance::MergeWeights& weights, double sum) const {
    kept[0] = weights.keep * kept[0] + sum;
  }
  /// What the collapsed anchors add to the penalty's value.
  [[nodiscard]] double constant(const std::array<double, 1>& kept) const { return strength * kept[0]; }
};

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
