// SPDX-License-Identifier: MIT
// How the Kronecker products of several tasks become one importance.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/importance/merge.hpp>

namespace lifelong::nn {

/// How the sum Σ_k A_k ⊗ G_k over tasks k is kept, for each layer by itself.
enum class KroneckerSum {
  /// The sum itself: every task's pair is kept, so memory and the cost of a step grow with the number of tasks.
  exact,
  /// One pair: after every task the A ⊗ G that is nearest to A_old ⊗ G_old + A_new ⊗ G_new in the Frobenius norm (Van
  /// Loan & Pitsianis 1993). It is exact if A or G is the same for all tasks up to a factor. This library introduces
  /// it.
  nearest,
  /// One pair: A_old + A_new/π and G_old + π G_new, π = sqrt(tr G_old tr A_new / (tr G_new tr A_old)). It follows
  /// GMvdV's `additive_nearest_kf`, from a rule of Martens & Grosse 2015 (section 6.3) for damping. It is too large:
  /// traces add up as (√tr F_old + √tr F_new)², so T equal tasks count T² times, and λ must shrink with their number.
  additive
};

/// `exact`, `nearest` or `additive`.
constexpr const char* text(KroneckerSum sum) {
  return sum == KroneckerSum::exact ? "exact" : sum == KroneckerSum::nearest ? "nearest" : "additive";
}

/// One A ⊗ G.
template <class T>
struct KroneckerPair {
  AlignedVector<T> a;  ///< A
  AlignedVector<T> g;  ///< G
};

namespace detail {

/// ⟨X, Y⟩ = Σ_ij X_ij Y_ij.
template <class T>
double inner_product(const AlignedVector<T>& x, const AlignedVector<T>& y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return sum;
}

/// tr X of a square X.
template <class T>
double trace(const AlignedVector<T>& x) {
  const auto side = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(x.size()))));
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); i += side + 1) sum += static_cast<double>(x[i]);
  return sum;
}

/// p X + q Y.
template <class T>
AlignedVector<T> combination(double p, const AlignedVector<T>& x, double q, const AlignedVector<T>& y) {
  AlignedVector<T> sum(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    sum[i] = static_cast<T>(p * static_cast<double>(x[i]) + q * static_cast<double>(y[i]));
  return sum;
}

/// weight · A ⊗ G.
template <class T>
KroneckerPair<T> scaled(double weight, KroneckerPair<T> pair) {
  for (T& value : pair.g) value = static_cast<T>(weight * static_cast<double>(value));
  return pair;
}

/// The A ⊗ G nearest to keep · A_1 ⊗ G_1 + add · A_2 ⊗ G_2. With products reordered to outer products vec(A) vec(G)ᵀ it
/// is the best approximation of rank one, whose factors are A = Σ α_i A_i and G = Σ γ_i G_i. γ is the first eigenvector
/// of K = W ⟨A_i, A_j⟩ W ⟨G_i, G_j⟩ with W = diag(keep, add), and α = W ⟨G_i, G_j⟩ γ / ‖G‖². All terms are at least 0,
/// being inner products of positive semidefinite matrices, so A and G are positive semidefinite as well. A keeps the
/// size of A_1, so that neither factor grows or shrinks without bound.
template <class T>
KroneckerPair<T> nearest(double keep, const KroneckerPair<T>& old, double add, const KroneckerPair<T>& added) {
  const double aa = inner_product(old.a, old.a), ab = inner_product(old.a, added.a),
               bb = inner_product(added.a, added.a);
  const double gg = inner_product(old.g, old.g), gh = inner_product(old.g, added.g),
               hh = inner_product(added.g, added.g);
  if (add * std::sqrt(bb * hh) == 0) return scaled(keep, old);
  if (keep * std::sqrt(aa * gg) == 0) return scaled(add, added);
  const double p = keep * (aa * keep * gg + ab * add * gh), q = keep * (aa * keep * gh + ab * add * hh);
  const double r = add * (ab * keep * gg + bb * add * gh), s = add * (ab * keep * gh + bb * add * hh);
  const double half = (p - s) / 2, root = std::sqrt(half * half + q * r);
  // K - top has the rows (-(root - half), q) and (r, -(root + half)); the larger pivot is the accurate one.
  const double first = half > 0 ? root + half : q, second = half > 0 ? r : root - half;
  const double gamma = first / (first + second), delta = second / (first + second);
  const double g = gamma * gamma * gg + 2 * gamma * delta * gh + delta * delta * hh;
  const double alpha = keep * (gg * gamma + gh * delta) / g, beta = add * (gh * gamma + hh * delta) / g;
  const double size = std::sqrt((alpha * alpha * aa + 2 * alpha * beta * ab + beta * beta * bb) / aa);
  return {combination(alpha / size, old.a, beta / size, added.a),
          combination(gamma * size, old.g, delta * size, added.g)};
}

/// `KroneckerSum::additive` of keep · A_1 ⊗ G_1 and add · A_2 ⊗ G_2. It does not matter how the weights are divided
/// between A and G.
template <class T>
KroneckerPair<T> additive(double keep, const KroneckerPair<T>& old, double add, const KroneckerPair<T>& added) {
  const double a = trace(old.a), b = trace(added.a), g = trace(old.g), h = trace(added.g);
  if (add * b * h == 0) return scaled(keep, old);
  if (keep * a * g == 0) return scaled(add, added);
  const double pi = std::sqrt(keep * g * b / (add * h * a));
  return {combination(1, old.a, 1 / pi, added.a), combination(keep, old.g, add * pi, added.g)};
}

}  // namespace detail
}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
