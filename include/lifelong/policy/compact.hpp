// SPDX-License-Identifier: MIT
// Policies that need half the memory for an array.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <utility>

namespace lifelong {

/// A policy that says how many of its arrays, from the first, may lose all but 8 significant bits.
template <class P>
concept Compactable = requires {
  { P::compactable } -> std::convertible_to<std::size_t>;
};

/// `Policy` with the one array that tolerates it kept as `Bfloat16`, 2 bytes per parameter instead of 4, and all else
/// as it was: `Compact<penalty::Quadratic>{{.strength = 10}}`, or `compact(penalty::Quadratic{.strength = 10})`.
///
/// - A penalty's importance Ω. The anchor stays as it is, because the difference θ - θ* would lose its digits. Every
///   merge rounds Ω, and with it the penalty's gradient, by up to 2⁻⁸ of itself; a task that adds less than 2⁻⁹ Ω_i to
///   it adds nothing. So sums over hundreds of tasks stop growing (`Merge::decay`, `mean` and `last` do not),
///   and `most()` bounds Ω to within a rounding.
/// - The velocity of `Momentum` and the first moment of `Adam`, in which old values fade: the step itself uses the
///   exact value, and roundings add up to at most 2⁻⁸ μ / (1 - μ) of the largest recent value, 4 % for μ = 0.9. Above
///   μ = 0.99 they no longer fade.
///
/// A second moment, a path or a running Fisher cannot be compact, because they gather many increments that are smaller
/// than a rounding.
template <class Policy>
requires Compactable<Policy>
struct Compact : Policy {
  static constexpr std::size_t compact_arrays = Policy::compactable;

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return Policy::recipe() + ", " + Policy::arrays[0] + " in bfloat16"; }
};

/// The same policy, compact.
template <Compactable Policy>
Compact<Policy> compact(Policy policy) {
  return {std::move(policy)};
}

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
