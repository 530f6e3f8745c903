// SPDX-License-Identifier: MIT
// λ of a ridge, from what the ridge keeps: no example is needed.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <limits>
#include <span>

#include <lifelong/backend/serial.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::analytic {

/// Strengths to choose from, for a λ relative to the features' mean square.
inline constexpr std::array<double, 8> relative_strengths{1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};

namespace detail {

/// Sets a ridge's strength in the end, also after an error.
template <class Ridge>
struct StrengthInTheEnd {
  Ridge& ridge;
  double strength;
  ~StrengthInTheEnd() { ridge.set_strength(strength); }
};

}  // namespace detail

/// Gives the ridge the strength of the least `expected_error()`, the first of several, and returns it. λ matters most
/// while there are about as many samples as features, so choose again as they come. Each candidate costs about M³
/// operations for M features. \throws InvalidArgument for no candidates or one below 0; NumericError if G + λ is not
/// positive definite for one; OutOfMemory; then the strength is what it was.
template <class Ridge, class Backend = backend::Serial>
double choose_strength(Ridge& ridge, std::span<const double> candidates = relative_strengths,
                       const Backend& backend = {}) {
  if (candidates.empty()) lifelong::detail::raise<InvalidArgument>("choose_strength needs at least 1 candidate");
  detail::StrengthInTheEnd<Ridge> chosen{ridge, ridge.options().strength};
  double best = candidates[0], least = std::numeric_limits<double>::infinity();
  for (const double candidate : candidates) {
    ridge.set_strength(candidate);
    if (const double error = ridge.expected_error(backend); error < least) {
      best = candidate;
      least = error;
    }
  }
  return chosen.strength = best;
}

}  // namespace lifelong::analytic

#include <lifelong/config/pop_macros.hpp>
