// SPDX-License-Identifier: MIT
// What a Kronecker-factored penalty remembers.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/nn/kronecker/factors.hpp>
#include <lifelong/nn/kronecker/sum.hpp>
#include <lifelong/nn/layer/layer.hpp>

namespace lifelong::nn {

/// The state of a `KroneckerPenalty`, which is empty before the first task has ended.
template <class T>
struct KroneckerState {
  /// A weight matrix and its importance Σ_k A_k ⊗ G_k.
  struct Layer {
    KroneckerSite site;
    std::vector<KroneckerPair<T>> pairs;
  };
  /// A block of parameters without factors and its importance Σ_k F_k.
  struct Diagonal {
    std::size_t first = 0;  ///< index of its first parameter
    AlignedVector<T> importance;
  };
  std::vector<Layer> layers;
  std::vector<Diagonal> diagonals;
  AlignedVector<T> anchor;                   ///< θ*, as long as the parameters
  AlignedVector<T> move, product, gradient;  ///< work arrays of the size of the largest W
  std::vector<double> row_values;            ///< work array with one value for each row or piece

  /// Makes room for parameters that are appended. They have no importance before a task has ended.
  void resize(std::size_t parameters) {
    parameters_ = parameters;
    if (!layers.empty()) anchor.resize(parameters);
  }
  /// Makes room, so that such a `resize` does not fail.
  void reserve(std::size_t parameters) {
    if (!layers.empty()) anchor.reserve(parameters);
  }

  /// Visits counts first, then what they count; see `PolicyState`. \throws FormatError for numbers and arrays that do
  /// not belong together, which a visitor may have written.
  template <class Array, class Number>
  void visit(const Array& array, const Number& number) {
    std::size_t count = layers.size();
    number("layers", count);
    resize_to(layers, count);
    for (std::size_t l = 0; l < count; ++l) visit_layer(std::to_string(l), layers[l], array, number);
    std::size_t blocks = diagonals.size();
    number("diagonals", blocks);
    if (count == 0 && blocks > 0) refuse("there are diagonals but no factors");
    resize_to(diagonals, blocks);
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::string name = "diagonal." + std::to_string(b);
      number(name + ".first", diagonals[b].first);
      array(name + ".importance", diagonals[b].importance);
    }
    if (count > 0) array("anchor", anchor);
    if (count > 0 && anchor.size() != parameters_)
      refuse("the anchor has " + std::to_string(anchor.size()) + " values, but there are " +
             std::to_string(parameters_) + " parameters");
    require_sites_within(anchor.size());
    require_diagonals_within(anchor.size());
    for (const Layer& layer : layers) reserve_work(layer.site);
    for (const Diagonal& block : diagonals) reserve_work(block.importance.size());
  }

  /// Bytes of all arrays.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t count = anchor.size() + move.size() + product.size() + gradient.size();
    for (const Layer& layer : layers)
      for (const KroneckerPair<T>& pair : layer.pairs) count += pair.a.size() + pair.g.size();
    for (const Diagonal& block : diagonals) count += block.importance.size();
    return count * sizeof(T) + row_values.size() * sizeof(double);
  }

  /// Makes room in the work arrays for a weight matrix.
  void reserve_work(const KroneckerSite& site) {
    for (AlignedVector<T>* each : {&move, &product, &gradient}) detail::grow(*each, site.rows * site.columns);
    detail::grow(row_values, site.rows);
  }
  /// The same for a block of `parameters` parameters with a diagonal.
  void reserve_work(std::size_t parameters) { detail::grow(row_values, pieces(parameters)); }

  /// Parameters of a diagonal whose values are summed up by themselves, so that sums have the same order for any number
  /// of threads.
  static constexpr std::size_t piece = 1024;
  static constexpr std::size_t pieces(std::size_t parameters) { return parameters / piece + (parameters % piece != 0); }

 private:
  /// There are few layers and pairs, so a larger count can only come from a broken file.
  static constexpr std::size_t most = std::size_t{1} << 16;

  [[noreturn]] static void refuse(const std::string& what) {
    lifelong::detail::raise<FormatError>("the state of a KroneckerPenalty: " + what);
  }
  template <class Values>
  static void resize_to(Values& values, std::size_t count) {
    if (count > most) refuse(std::to_string(count) + " layers, pairs or blocks are too many");
    values.resize(count);
  }

  template <class Array, class Number>
  static void visit_layer(const std::string& name, Layer& layer, const Array& array, const Number& number) {
    KroneckerSite& site = layer.site;
    std::size_t bias = site.has_bias ? 1 : 0, count = layer.pairs.size();
    number(name + ".weight", site.weight);
    number(name + ".has_bias", bias);
    number(name + ".bias", site.bias);
    number(name + ".rows", site.rows);
    number(name + ".columns", site.columns);
    number(name + ".pairs", count);
    site.has_bias = bias != 0;
    if (count == 0) refuse("layer " + name + " has no factors");
    resize_to(layer.pairs, count);
    for (std::size_t k = 0; k < count; ++k) {
      const std::string pair = name + "." + std::to_string(k);
      array(pair + ".a", layer.pairs[k].a);
      array(pair + ".g", layer.pairs[k].g);
      require_square(layer.pairs[k].a, site.columns, pair + ".a");
      require_square(layer.pairs[k].g, site.rows, pair + ".g");
    }
  }

  static void require_square(const AlignedVector<T>& values, std::size_t side, const std::string& name) {
    if (side == 0 || values.size() / side != side || values.size() % side != 0)
      refuse(name + " has " + std::to_string(values.size()) + " values, not those of a square of side " +
             std::to_string(side));
  }
  void require_diagonals_within(std::size_t parameters) const {
    for (const Diagonal& block : diagonals)
      if (block.first > parameters || block.importance.size() > parameters - block.first)
        refuse("a diagonal of " + std::to_string(block.importance.size()) + " values from parameter " +
               std::to_string(block.first) + " on does not lie within the " + std::to_string(parameters) +
               " parameters");
  }
  void require_sites_within(std::size_t parameters) const {
    for (const Layer& layer : layers) {
      const KroneckerSite& site = layer.site;
      const bool weights = site.columns > (site.has_bias ? 1 : 0) && site.weight <= parameters &&
                           site.rows <= (parameters - site.weight) / site.inputs();
      const bool biases = !site.has_bias || (site.bias <= parameters && site.rows <= parameters - site.bias);
      if (!weights || !biases)
        refuse("a weight matrix of " + std::to_string(site.rows) + " x " + std::to_string(site.columns) +
               " does not lie within the " + std::to_string(parameters) + " parameters");
    }
  }

  std::size_t parameters_ = 0;
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
