// SPDX-License-Identifier: MIT
// The quadratic penalty as an implicit step: stable for any strength.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/penalty/quadratic.hpp>

namespace lifelong::penalty {

/// The penalty of `Quadratic`, λ/2 Σ_i Ω_i (θ_i - θ*_i)², taken at the parameters after the step instead of before it
/// (backward Euler, a proximal step). First the optimizer steps on the task's gradient alone, to θ½, then
///   θ'_i = argmin_x (x - θ½_i)² / (2 η_i) + λ/2 Ω_i (x - θ*_i)² = (θ½_i + c_i θ*_i) / (1 + c_i),  c_i = η_i λ Ω_i,
/// with η_i the optimizer's own step size (`rate`: η of SGD, η / (1 - μ) of momentum, η / (√v̂_i + ε) of Adam). θ' lies
/// between θ½ and θ* whatever c is, so no λ, Ω or η makes the penalty diverge, and a huge λ just freezes parameters.
///
/// Steady states are those of the task's loss plus the penalty, as with `Quadratic`; one step agrees with it to first
/// order in η λ Ω for SGD. Momentum and Adam keep moments of the task's gradient alone, so their paths differ: no
/// velocity builds up against the penalty, and the penalty does not damp Adam's rates. If a parameter's task gradient
/// has always been 0, Adam's rate is η / ε, and the parameter returns to its anchor in one step.
///
/// A path importance sees the whole step, from θ to θ', and as the penalty's gradient the one that was used, λ Ω_i
/// (θ'_i - θ*_i). Negative importances (`Clamp::none`) have no proximal step; they count as 0 in it. The memory traffic
/// is that of `Quadratic`; there is one more division per parameter, and with Adam another division and root. The
/// optimizer must have `rate`. Parikh & Boyd 2014, section 4.2; Toulis & Airoldi 2017 (implicit updates).
struct ImplicitQuadratic {
  double strength = 1;  ///< λ; multiplies the ½ as well
  Anchor anchor = Anchor::last;

  static constexpr auto arrays = Quadratic::arrays;
  static constexpr auto anchored = Quadratic::anchored;
  static constexpr auto numbers = Quadratic::numbers;
  static constexpr std::size_t compactable = Quadratic::compactable;
  static constexpr Traffic traffic = Quadratic::traffic;

  /// \throws InvalidArgument unless λ >= 0 and finite.
  void validate() const { detail::require_at_least("ImplicitQuadratic.strength", strength, 0); }

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("ImplicitQuadratic.strength", strength);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "Implicit" + Quadratic{strength, anchor}.recipe(); }

  template <class T, class Omega = T>
  struct Kernel : Quadratic::Kernel<T, Omega> {
    T most;  // the largest number

    /// θ'_i from θ½_i and η_i. c is cut off at the largest number, at which θ' is θ* anyway.
    template <class V>
    LIFELONG_HOST_DEVICE V proximal(std::size_t i, V, V stepped, V rate) const {
      const V product = rate * (V(this->strength) * load<V>(this->importance, i));
      const V c = min(max(product, V(T(0))), V(most));
      return stepped - c / (V(T(1)) + c) * this->move(i, stepped);
    }
  };

  template <class T, class Arrays = std::array<T*, 2>>
  [[nodiscard]] Kernel<T, detail::FirstElement<Arrays>> kernel(const Arrays& pointers) const {
    return {Quadratic{strength, anchor}.kernel<T>(pointers), std::numeric_limits<T>::max()};
  }

  /// The same as for `Quadratic`.
  void absorbed(std::array<double, 1>& kept, const importance::MergeWeights& weights, double sum) const {
    Quadratic{strength, anchor}.absorbed(kept, weights, sum);
  }
  [[nodiscard]] double constant(const std::array<double, 1>& kept) const { return strength * kept[0]; }
};

}  // namespace lifelong::penalty

#include <lifelong/config/pop_macros.hpp>
