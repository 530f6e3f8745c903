// The quadratic penalty of regularization-based lifelong learning.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include <lifelong/core/concepts.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/penalty/term.hpp>

namespace lifelong::penalty {

/// Where the penalty is zero.
enum class Anchor {
  last,     ///< at the parameters after the last task, for all importances together (Huszár 2018, online EWC, MAS, SI)
  per_task  ///< every task keeps its own anchor (Kirkpatrick 2017), collapsed exactly into two arrays
};

/// λ/2 Σ_i Ω_i (θ_i - θ*_i)², gradient λ Ω_i (θ_i - θ*_i). Costs two streams per step, whatever the number of tasks:
/// with an anchor per task, Σ_k F_k (θ - a_k)² = A (θ - ā)² + c with A = Σ F_k, ā = Σ F_k a_k / A, and c is kept too,
/// so value, gradient and curvature are those of the separate penalties.
struct Quadratic {
  double strength = 1;  ///< λ; multiplies the ½ as well
  Anchor anchor = Anchor::last;

  static constexpr std::array<const char*, 2> arrays{"importance", "anchor"};
  static constexpr Streams streams{.reads = 2, .writes = 0};

  /// \throws InvalidArgument unless λ >= 0 and finite.
  void validate() const { detail::require_at_least("Quadratic.strength", strength, 0); }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Quadratic(strength " + detail::text(strength) + ", anchor " +
           (anchor == Anchor::last ? "last" : "per task") + ")";
  }

  template <class T>
  struct View {
    T* importance;
    T* anchor;
    T strength;
    bool per_task;

    template <class V>
    LIFELONG_HOST_DEVICE Term<V> term(std::size_t i, V theta) const {
      const V move = theta - load<V>(anchor, i);
      const V gradient = V(strength) * load<V>(importance, i) * move;
      return {V(T(0.5)) * gradient * move, gradient};
    }

    /// Ω ← keep Ω + add F within its bounds, and the anchor with it. Returns what the task adds to ½ c_i, without λ.
    template <class V>
    LIFELONG_HOST_DEVICE V absorb(std::size_t i, V theta, V contribution, const Absorption<V>& how) const {
      const V kept = how.keep * load<V>(importance, i);
      const V merged = min(max(kept + how.add * contribution, how.least), how.most);
      store(importance, i, merged);
      if (!per_task) {
        store(anchor, i, theta);
        return V(0);
      }
      const V old = load<V>(anchor, i);
      const V move = theta - old;
      const V share = where_positive(merged, (merged - kept) / merged, V(0));
      store(anchor, i, old + share * move);
      return V(T(0.5)) * kept * share * move * move;
    }
  };

  template <class T>
  [[nodiscard]] View<T> view(std::array<T*, 2> pointers) const {
    return {pointers[0], pointers[1], static_cast<T>(strength), anchor == Anchor::per_task};
  }
};

}  // namespace lifelong::penalty
