// SPDX-License-Identifier: MIT
// What a policy makes of the loss of each sample in a training pass.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>

#include <lifelong/core/batch.hpp>

namespace lifelong {

/// What is differentiated in a training pass instead of a model's loss ℓ: sample n has the loss a_n ℓ_n + e_n, and the
/// batch L = Σ_n w_n (a_n ℓ_n + e_n) / Σ_n w_n. `share(n)` is a_n, at least 0; where it is 0, ℓ_n is not computed.
/// `term(n, outputs, sample, cotangent)` returns e_n, whose derivative ∂e_n/∂f it adds to `cotangent`, both for a
/// weight of 1; the outputs f are those of the training pass, so a policy may keep them. n counts the samples of the
/// batch that have a weight above 0. A model calls `term` once for each of them, from several threads at a time.
template <class C, class T = float>
concept Criterion = requires(const C& criterion, std::size_t n, std::span<const T> outputs,
                             const SampleContext<T>& sample, std::span<T> cotangent) {
  { criterion.share(n) } -> std::convertible_to<double>;
  { criterion.term(n, outputs, sample, cotangent) } -> std::convertible_to<double>;
};

/// A model that takes a criterion: `gradient(batch, criterion, out)` overwrites `out` with ∂L/∂θ and returns L, in one
/// training pass. For other models see `rehearsal::CriterionPass`.
template <class M, class C>
concept CriterionModel = requires(M& model, const Batch<typename M::value_type>& batch, const C& criterion,
                                  std::span<typename M::value_type> out) {
  { model.gradient(batch, criterion, out) } -> std::convertible_to<double>;
};

/// The model's own loss: a_n = 1, e_n = 0.
struct OwnLoss {
  [[nodiscard]] constexpr double share(std::size_t) const { return 1; }
  template <class T>
  [[nodiscard]] constexpr double term(std::size_t, std::span<const T>, const SampleContext<T>&, std::span<T>) const {
    return 0;
  }
};

namespace detail {

template <class C, class T>
consteval bool require_criterion() {
  static_assert(
      requires(const C& criterion) {
        { criterion.share(std::size_t{}) } -> std::convertible_to<double>;
      },
      "Criterion: the criterion needs share(n) const, the factor of the model's own loss of sample n");
  static_assert(Criterion<C, T>,
                "Criterion: the criterion needs term(n, outputs, sample, cotangent) const, which returns what is added "
                "to the loss of sample n and adds its derivative to the cotangent");
  return true;
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
