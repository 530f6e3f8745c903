// SPDX-License-Identifier: MIT
// The quadratic penalty that a Kronecker-factored importance defines.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/importance/merge.hpp>
#include <lifelong/nn/kronecker/factors.hpp>
#include <lifelong/nn/kronecker/state.hpp>
#include <lifelong/nn/kronecker/sum.hpp>
#include <lifelong/nn/product/dot.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// λ/2 Σ_layers Σ_k ⟨ΔW, G_k ΔW A_k⟩ = λ/2 Σ_layers vec(ΔW)ᵀ (Σ_k A_k ⊗ G_k) vec(ΔW), with gradient λ Σ_k G_k ΔW A_k,
/// summed over the tasks k that have ended. ΔW = W - W* is the move since the last task ended, with the bias as the
/// last column. Blocks of parameters without factors add λ/2 Σ_i Σ_k F_ki (θ_i - θ*_i)² with the same λ, merge weights
/// and anchor, whatever the `sum`: diagonals add up exactly. It is the quadratic penalty whose curvature is block
/// diagonal by layers rather than diagonal: online structured Laplace (Ritter, Botev & Barber 2018; the anchor is the
/// last task's, as in their recursion). With importances as means over samples and a mean loss, λ = 1 is the Laplace
/// approximation of the posterior if tasks are equally large.
///
/// A step costs 2 O I (O + I) operations per layer of O x I, however large the batch is. The memory is O² + I² values
/// per layer, one value per parameter without factors, θ*, and three work arrays of the size of the largest W. With
/// `KroneckerSum::exact` the operations and the values per layer are multiplied by the number of tasks.
struct KroneckerPenalty {
  double strength = 1;  ///< λ; multiplies the ½ as well
  KroneckerSum sum = KroneckerSum::nearest;

  template <class T>
  using State = KroneckerState<T>;

  /// \throws InvalidArgument unless λ >= 0 and finite.
  void validate() const { lifelong::detail::require_at_least("KroneckerPenalty.strength", strength, 0); }

  /// \throws InvalidArgument for a setting that is no number in the parameters' type T: too large, or rounded to 0.
  template <class T>
  void validate_as() const {
    lifelong::detail::setting<T>("KroneckerPenalty.strength", strength);
  }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "KroneckerPenalty(strength " + lifelong::detail::exact_text(strength) + ", sum " + text(sum) +
           ", anchor last)";
  }

  /// Overwrites `out` with the gradient at θ, 0 where there is no importance, and returns the value. Results are
  /// bitwise equal for any number of threads.
  template <class T, class Backend>
  double gradient(KroneckerState<T>& state, const Backend& backend, std::span<const T> theta, std::span<T> out) const {
    std::fill(out.begin(), out.end(), T(0));
    double value = 0;
    for (const auto& layer : state.layers) {
      subtract(state, layer.site, backend, theta);
      multiply(state, layer, backend);
      value += write(state, layer.site, backend, out);
    }
    for (const auto& block : state.diagonals) value += write(state, block, backend, theta, out);
    return strength / 2 * value;
  }

  /// Σ ← keep Σ + add A ⊗ G with the factors of the task that just ended, the same for its diagonals, and θ* ← θ.
  /// Layers and blocks that the tasks before did not have, such as new heads, begin with this task.
  /// \throws NumericError, which names the layer or block, if a factor or diagonal is not finite, ShapeMismatch if the
  /// layers or blocks do not begin with those of the tasks before. Then nothing has changed.
  template <class T>
  void absorb(KroneckerState<T>& state, const KroneckerEstimate<T>& task, std::span<const T> theta,
              importance::MergeWeights weights) const {
    const std::vector<KroneckerFactors<T>>& estimate = task.layers;
    for (const KroneckerFactors<T>& factors : estimate) {
      require_finite<T>(factors.a, "A", factors.site);
      require_finite<T>(factors.g, "G", factors.site);
    }
    for (const KroneckerDiagonal<T>& block : task.diagonals) require_finite<T>(block.values, block.name);
    require_known_sites(state, estimate);
    require_known_diagonals(state, task.diagonals);
    std::vector<typename KroneckerState<T>::Layer> layers;
    for (std::size_t l = 0; l < estimate.size(); ++l)
      layers.push_back({estimate[l].site, merged<T>(l < state.layers.size() ? &state.layers[l].pairs : nullptr,
                                                    {estimate[l].a, estimate[l].g}, weights)});
    require_finite(layers);
    auto diagonals = merged(state.diagonals, task.diagonals, weights);
    AlignedVector<T> anchor(theta.begin(), theta.end());
    for (const auto& layer : layers) state.reserve_work(layer.site);
    for (const auto& block : diagonals) state.reserve_work(block.importance.size());
    state.layers = std::move(layers);
    state.diagonals = std::move(diagonals);
    state.anchor = std::move(anchor);
  }

  /// Checks a task's importance before it is merged. \throws NumericError if all of it is 0.
  template <class T>
  void require_some(const KroneckerEstimate<T>& estimate) const {
    const auto is_zero = [](const auto& values) {
      return std::all_of(values.begin(), values.end(), [](T value) { return value == 0; });
    };
    for (const KroneckerFactors<T>& factors : estimate.layers)
      if (!is_zero(factors.a) && !is_zero(factors.g)) return;
    for (const KroneckerDiagonal<T>& block : estimate.diagonals)
      if (!is_zero(block.values)) return;
    lifelong::detail::raise<NumericError>(
        "consolidate: the importance of every layer is 0, so nothing of this task would be protected. Does the "
        "importance "
        "fit the outputs of the network and its loss, and does the scope leave any layer?");
  }

 private:
  template <class T>
  using Pairs = std::vector<KroneckerPair<T>>;

  template <class T>
  [[nodiscard]] Pairs<T> merged(const Pairs<T>* old, KroneckerPair<T> added, importance::MergeWeights weights) const {
    Pairs<T> pairs;
    if (sum == KroneckerSum::exact || old == nullptr) {
      if (old != nullptr && weights.keep > 0)
        for (const KroneckerPair<T>& pair : *old) pairs.push_back(detail::scaled(weights.keep, pair));
      pairs.push_back(detail::scaled(weights.add, std::move(added)));
    } else if (sum == KroneckerSum::nearest) {
      pairs.push_back(detail::nearest(weights.keep, old->front(), weights.add, added));
    } else {
      pairs.push_back(detail::additive(weights.keep, old->front(), weights.add, added));
    }
    return pairs;
  }

  /// Σ_k F_k of each block. \throws NumericError, which names the block, if it is too large for T.
  template <class Diagonals, class T>
  static Diagonals merged(const Diagonals& old, const std::vector<KroneckerDiagonal<T>>& added,
                          importance::MergeWeights weights) {
    Diagonals sums;
    for (std::size_t b = 0; b < added.size(); ++b) {
      const AlignedVector<T>& values = added[b].values;
      sums.push_back({added[b].first, b < old.size()
                                          ? detail::combination(weights.keep, old[b].importance, weights.add, values)
                                          : detail::combination(0, values, weights.add, values)});
      require_finite<T>(sums.back().importance, added[b].name);
    }
    return sums;
  }

  template <class T>
  static void require_finite(std::span<const T> values, const std::string& block) {
    const std::size_t i = lifelong::detail::first_not_finite(values);
    if (i < values.size())
      lifelong::detail::raise<NumericError>("the importance of " + block + "[" + std::to_string(i) + "] is " +
                                            lifelong::detail::text(static_cast<double>(values[i])));
  }

  /// Merged factors may have overflowed.
  template <class Layer>
  static void require_finite(const std::vector<Layer>& layers) {
    for (const Layer& layer : layers)
      for (const auto& pair : layer.pairs) {
        require_finite<typename std::remove_cvref_t<decltype(pair.a)>::value_type>(pair.a, "A", layer.site);
        require_finite<typename std::remove_cvref_t<decltype(pair.g)>::value_type>(pair.g, "G", layer.site);
      }
  }

  template <class T>
  static void require_finite(std::span<const T> values, const char* factor, const KroneckerSite& site) {
    for (const T value : values)
      if (!lifelong::detail::is_finite(value))
        lifelong::detail::raise<NumericError>(std::string("the importance of layer ") + site.name + ": its factor " +
                                              factor + " holds " + lifelong::detail::text(static_cast<double>(value)));
  }

  template <class T>
  static void require_known_sites(const KroneckerState<T>& state, const std::vector<KroneckerFactors<T>>& estimate) {
    bool same = state.layers.size() <= estimate.size();
    for (std::size_t l = 0; same && l < state.layers.size(); ++l) same = state.layers[l].site == estimate[l].site;
    if (!same)
      lifelong::detail::raise<ShapeMismatch>(
          "the layers of a Kronecker-factored importance do not begin with those of the tasks before");
  }

  template <class T>
  static void require_known_diagonals(const KroneckerState<T>& state,
                                      const std::vector<KroneckerDiagonal<T>>& estimate) {
    bool same = state.diagonals.size() <= estimate.size();
    for (std::size_t b = 0; same && b < state.diagonals.size(); ++b)
      same = state.diagonals[b].first == estimate[b].first &&
             state.diagonals[b].importance.size() == estimate[b].values.size();
    if (!same)
      lifelong::detail::raise<ShapeMismatch>(
          "the blocks without Kronecker factors do not begin with those of the tasks before");
  }

  template <class Backend, class Body>
  static void for_each_row(const Backend& backend, const KroneckerSite& site, const Body& body) {
    detail::for_each_range(backend, site.rows, 4 * site.columns, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) body(row);
    });
  }

  /// move = W - W*.
  template <class T, class Backend>
  static void subtract(KroneckerState<T>& state, const KroneckerSite& site, const Backend& backend,
                       std::span<const T> theta) {
    const Rows<T> move{state.move.data(), site.rows, site.columns};
    const auto difference = [&](std::size_t i) { return theta[i] - state.anchor[i]; };
    for_each_row(backend, site, [&](std::size_t row) {
      T* to = move.row(row).data();
      const std::size_t inputs = site.inputs(), first = site.weight + row * inputs;
      for (std::size_t i = 0; i < inputs; ++i) to[i] = difference(first + i);
      if (site.has_bias) to[inputs] = difference(site.bias + row);
    });
  }

  /// gradient = Σ_k G_k move A_k.
  template <class T, class Backend>
  static void multiply(KroneckerState<T>& state, const typename KroneckerState<T>::Layer& layer,
                       const Backend& backend) {
    const std::size_t rows = layer.site.rows, columns = layer.site.columns;
    const Rows<T> move{state.move.data(), rows, columns}, product{state.product.data(), rows, columns},
        gradient{state.gradient.data(), rows, columns};
    for (const KroneckerPair<T>& pair : layer.pairs) {
      nn::product(backend, Rows<const T>(move), Rows<const T>{pair.a.data(), columns, columns}, product, columns,
                  Add{false});
      nn::product(backend, Rows<const T>{pair.g.data(), rows, rows}, Rows<const T>(product), gradient, rows,
                  Add{&pair != layer.pairs.data()});
    }
  }

  /// out = λ gradient; returns ⟨move, gradient⟩.
  template <class T, class Backend>
  double write(KroneckerState<T>& state, const KroneckerSite& site, const Backend& backend, std::span<T> out) const {
    const T lambda = static_cast<T>(strength);
    for_each_row(backend, site, [&](std::size_t row) {
      const T* from = state.gradient.data() + row * site.columns;
      const T* move = state.move.data() + row * site.columns;
      state.row_values[row] = static_cast<double>(detail::dot(move, from, 1, site.columns));
      const std::size_t inputs = site.inputs(), first = site.weight + row * inputs;
      for (std::size_t i = 0; i < inputs; ++i) out[first + i] = lambda * from[i];
      if (site.has_bias) out[site.bias + row] = lambda * from[inputs];
    });
    double value = 0;
    for (std::size_t row = 0; row < site.rows; ++row) value += state.row_values[row];
    return value;
  }

  /// out = λ F (θ - θ*) for a block with a diagonal; returns Σ_i F_i (θ_i - θ*_i)².
  template <class T, class Backend>
  double write(KroneckerState<T>& state, const typename KroneckerState<T>::Diagonal& block, const Backend& backend,
               std::span<const T> theta, std::span<T> out) const {
    constexpr std::size_t piece = KroneckerState<T>::piece;
    const T lambda = static_cast<T>(strength);
    const std::size_t size = block.importance.size(), pieces = state.pieces(size);
    detail::for_each_range(backend, pieces, 4 * piece, [&](std::size_t begin, std::size_t end) {
      for (std::size_t p = begin; p < end; ++p) {
        state.row_values[p] = 0;
        for (std::size_t k = p * piece; k < std::min(size, (p + 1) * piece); ++k) {
          const std::size_t i = block.first + k;
          const T move = theta[i] - state.anchor[i], gradient = block.importance[k] * move;
          state.row_values[p] += static_cast<double>(move * gradient);
          out[i] = lambda * gradient;
        }
      }
    });
    double value = 0;
    for (std::size_t p = 0; p < pieces; ++p) value += state.row_values[p];
    return value;
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
