// The quadratic penalty as an implicit step: stable for any strength.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <string>

#include <lifelong/core/concepts.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/penalty/quadratic.hpp>

namespace lifelong::penalty {

/// The penalty of `Quadratic`, λ/2 Σ_i Ω_i (θ_i - θ*_i)², taken at the parameters after the step instead of before it
/// (backward Euler, a proximal step): first the optimizer steps on the task's gradient alone, to θ½, then
///   θ'_i = argmin_x (x - θ½_i)² / (2 η_i) + λ/2 Ω_i (x - θ*_i)² = (θ½_i + c_i θ*_i) / (1 + c_i),  c_i = η_i λ Ω_i,
/// with η_i the optimizer's own step size (`rate`: η of SGD, η / (1 - μ) of momentum, η / (√v̂_i + ε) of Adam). θ' lies
/// between θ½ and θ* whatever c is, so no λ, Ω or η makes the penalty diverge, and a huge λ just freezes parameters.
///
/// Steady states are those of the task's loss plus the penalty, as with `Quadratic`; one step agrees with it to first
/// order in η λ Ω for SGD. Momentum and Adam keep moments of the task's gradient alone, so theirs differ on the way:
/// no velocity builds up against the penalty, and Adam's rates are not damped by it. Where a parameter's task gradient
/// has always been 0, Adam's rate is η / ε, and it returns to its anchor at once.
///
/// A path importance observes the whole step, from θ to θ', and as the penalty's gradient the one that was used,
/// λ Ω_i (θ'_i - θ*_i). Negative importances (`Clamp::none`) have no proximal step; they count as 0 in it. No more
/// streams than `Quadratic`; one division more per parameter, and with Adam another division and root. Needs an
/// optimizer with `rate`. Parikh & Boyd 2014, section 4.2; Toulis & Airoldi 2017 (implicit updates).
struct ImplicitQuadratic {
  double strength = 1;  ///< λ; multiplies the ½ as well
  Anchor anchor = Anchor::last;

  static constexpr auto arrays = Quadratic::arrays;
  static constexpr std::size_t compactable = Quadratic::compactable;
  static constexpr Streams streams = Quadratic::streams;

  /// \throws InvalidArgument unless λ >= 0 and finite.
  void validate() const { detail::require_at_least("ImplicitQuadratic.strength", strength, 0); }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "Implicit" + Quadratic{strength, anchor}.recipe(); }

  template <class T, class Omega = T>
  struct View : Quadratic::View<T, Omega> {
    /// θ'_i from θ½_i and η_i. c is cut off at the largest number, where θ' is θ* anyway.
    template <class V>
    LIFELONG_HOST_DEVICE V proximal(std::size_t i, V stepped, V rate) const {
      const V product = rate * (V(this->strength) * load<V>(this->importance, i));
      const V c = min(max(product, V(T(0))), V(std::numeric_limits<T>::max()));
      return stepped - c / (V(T(1)) + c) * this->move(i, stepped);
    }
  };

  template <class T, class Arrays = std::array<T*, 2>>
  [[nodiscard]] View<T, detail::FirstElement<Arrays>> view(const Arrays& pointers) const {
    return {Quadratic{strength, anchor}.view<T>(pointers)};
  }
};

}  // namespace lifelong::penalty
