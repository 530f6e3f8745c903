// SPDX-License-Identifier: MIT
// Synaptic Intelligence: how much a parameter's path lowered the loss. It is gathered during training and needs no
// extra data.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/importance/normalize.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong::importance {

/// Where negative importances, which would make the penalty unbounded below, are cut off.
enum class Clamp {
  cumulative,  ///< Ω ← max(0, Ω + contribution), as in the authors' code (pathint)
  increment,   ///< Ω ← Ω + max(0, contribution), as in facebookresearch/agem
  none         ///< never: Ω may be negative, as in several Python libraries
};

/// Which gradient a path integral follows.
enum class PathGradient {
  task,  ///< of the task's loss alone, as in the papers
  total  ///< of loss and penalty: the penalty's own pull counts as importance, as in several Python libraries
};

/// The name in recipes.
inline const char* name_of(Clamp clamp) {
  constexpr const char* names[] = {"cumulative", "increment", "none"};
  return names[static_cast<std::size_t>(clamp)];
}
/// The name in recipes.
inline const char* name_of(PathGradient gradient) { return gradient == PathGradient::task ? "task" : "total loss"; }

/// Ω_i ← Ω_i + ω_i / (Δ_i² + ξ) with the path integral ω_i = -Σ_steps g_i Δθ_i over a task and the task's total move
/// Δ_i. Σ_i ω_i is the decrease of the task's loss, to first order in the learning rate. It reads two arrays per step,
/// neither of them a copy of θ. Zenke 2017, eq. 3-5; our λ/2 is their c, so λ = 2c.
struct SynapticIntelligence {
  double xi = 0.1;  ///< ξ, unit of a squared parameter; it keeps the divisor above 0
  Clamp clamp = Clamp::cumulative;
  PathGradient gradient = PathGradient::task;
  double ceiling = std::numeric_limits<double>::infinity();  ///< no Ω grows beyond it
  Merge merge = Merge::sum();

  static constexpr std::array<const char*, 2> arrays{"path", "start"};
  static constexpr Traffic traffic{.reads = 1, .writes = 1};

  /// \throws InvalidArgument unless ξ > 0 and finite.
  void validate() const {
    detail::require_positive("SynapticIntelligence.xi", xi);
    require_ceiling("SynapticIntelligence.ceiling", ceiling);
    merge.validate();
  }
  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    detail::setting<T>("SynapticIntelligence.xi", xi);
    detail::setting<T>("SynapticIntelligence.ceiling", ceiling);
  }

  /// Smallest and largest importance allowed after the merge.
  [[nodiscard]] double least() const {
    return clamp == Clamp::cumulative ? 0 : -std::numeric_limits<double>::infinity();
  }
  [[nodiscard]] double most() const { return ceiling; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    std::string line = "SynapticIntelligence(xi " + detail::exact_text(xi) + ", clamp " + name_of(clamp) +
                       ", gradient of the " + name_of(gradient);
    if (detail::is_finite(ceiling)) line += ", ceiling " + detail::exact_text(ceiling);
    return line + ", merge " + merge.text() + ")";
  }

  template <class T>
  struct Kernel {
    T* path;
    T* start;
    T xi;
    T least;
    bool total;

    template <class V>
    LIFELONG_HOST_DEVICE void observe(std::size_t i, V task, V penalty, V before, V after) const {
      const V g = total ? task + penalty : task;
      store(path, i, load<V>(path, i) - g * (after - before));
    }
    template <class V>
    LIFELONG_HOST_DEVICE V contribution(std::size_t i, V theta, V) const {
      const V move = theta - load<V>(start, i);
      return max(load<V>(path, i) / (move * move + V(xi)), V(least));
    }
    template <class V>
    LIFELONG_HOST_DEVICE void restart(std::size_t i, V theta, V) const {
      store(path, i, V(0));
      store(start, i, theta);
    }
  };

  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 2> pointers, const Clock&) const {
    return {pointers[0], pointers[1], static_cast<T>(xi),
            clamp == Clamp::increment ? T(0) : -std::numeric_limits<T>::infinity(), gradient == PathGradient::total};
  }
};

}  // namespace lifelong::importance

#include <lifelong/config/pop_macros.hpp>
