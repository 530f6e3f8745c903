// SPDX-License-Identifier: MIT
// Which parameters of a network have Kronecker factors: the weight matrices whose gradients are sums of outer products.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/nn/kronecker/convolution.hpp>
#include <lifelong/nn/layer/heads.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// Where a weight matrix W lies in θ. A bias counts as its last column, which belongs to a constant input 1: W has O x
/// I weights and the bias behind them.
struct KroneckerSite {
  std::string name;         ///< of the layer: its blocks are `name.weight` and `name.bias`
  std::size_t weight = 0;   ///< index of the first weight; they are row-major
  std::size_t bias = 0;     ///< index of the first bias
  bool has_bias = false;    ///< whether there are biases
  std::size_t rows = 0;     ///< O
  std::size_t columns = 0;  ///< I, or I + 1 with a bias

  /// I.
  [[nodiscard]] std::size_t inputs() const { return has_bias ? columns - 1 : columns; }
  /// True if both stand for the same parameters.
  friend bool operator==(const KroneckerSite& a, const KroneckerSite& b) {
    return a.weight == b.weight && a.has_bias == b.has_bias && (!a.has_bias || a.bias == b.bias) && a.rows == b.rows &&
           a.columns == b.columns;
  }
};

/// Whether a block of a network has Kronecker factors, or a diagonal.
struct KroneckerBlock {
  std::string name;
  bool factored = false;
  friend bool operator==(const KroneckerBlock&, const KroneckerBlock&) = default;
};

namespace detail {

/// The weight matrices of a network by the names and kinds of its blocks, in their order.
inline std::vector<KroneckerSite> kronecker_sites(const Layout& layout) {
  constexpr std::string_view weight = ".weight", bias = ".bias";
  std::vector<KroneckerSite> sites;
  for (const Block& block : layout.blocks()) {
    const std::string_view name = block.name, layer = name.substr(0, name.rfind('.'));
    if (block.kind != BlockKind::linear && block.kind != BlockKind::convolution) continue;
    if (name.ends_with(weight) && block.shape.size() > 1 && block.size > 0) {
      const std::size_t rows = block.shape.front();
      sites.push_back({std::string(layer), block.offset, 0, false, rows, block.size / rows});
    } else if (name.ends_with(bias) && !sites.empty() && sites.back().name == layer &&
               sites.back().rows == block.size) {
      KroneckerSite& site = sites.back();
      site.bias = block.offset;
      site.has_bias = true;
      ++site.columns;
    }
  }
  return sites;
}

/// Calls `take(k, X, D)` for each of the layer's weight matrices k, with the rows whose outer products d xᵀ sum up to
/// its gradient, as often as it takes to cover all samples. A layer with its own way of doing this has a member of this
/// name without the first parameter. X and D may lie in `flow.scratch`.
template <class L, class T, class Backend, class Take>
requires requires(const L& layer, const Backend& backend, const Flow<T>& flow, Rows<const T> x, const Take& take) {
  layer.for_each_outer_product(backend, flow, x, x, take);
}
void for_each_outer_product(const L& layer, const Backend& backend, const Flow<T>& flow, Rows<const T> x,
                            Rows<const T> dy, const Take& take) {
  layer.for_each_outer_product(backend, flow, x, dy, take);
}

template <class T, class Backend, class Take>
void for_each_outer_product(const Linear& layer, const Backend&, const Flow<T>&, Rows<const T> x, Rows<const T> dy,
                            const Take& take) {
  const std::size_t count = x.size() / layer.in;
  take(std::size_t{0}, Rows<const T>{x.data, count, layer.in}, Rows<const T>{dy.data, count, layer.out});
}

template <class T, class Backend, class Take>
void for_each_outer_product(const Heads& layer, const Backend&, const Flow<T>& flow, Rows<const T> x, Rows<const T> dy,
                            const Take& take) {
  for (std::size_t h = 0; h < layer.widths.size(); ++h) {
    const std::size_t first = layer.range(h).first, width = layer.widths[h];
    detail::grow(flow.scratch, dy.count * width);
    const Rows<T> own{flow.scratch.data(), dy.count, width};
    for (std::size_t n = 0; n < dy.count; ++n) std::copy_n(dy.row(n).data() + first, width, own.row(n).data());
    take(h, x, Rows<const T>(own));
  }
}

/// A layer whose gradient is a sum of outer products.
template <class L, class T, class Backend>
concept makes_outer_products = requires(const L& layer, const Backend& backend, const Flow<T>& flow, Rows<const T> x,
                                        void (*take)(std::size_t, Rows<const T>, Rows<const T>)) {
  for_each_outer_product(layer, backend, flow, x, x, take);
};

/// The sites among the parameters [offset, offset + size).
inline std::vector<KroneckerSite> sites_within(const std::vector<KroneckerSite>& sites, std::size_t offset,
                                               std::size_t size) {
  std::vector<KroneckerSite> within;
  for (const KroneckerSite& site : sites)
    if (site.weight >= offset && site.weight - offset < size) within.push_back(site);
  return within;
}

/// The sites of one layer, as the outer products that it makes show.
class LayerSites {
 public:
  explicit LayerSites(std::vector<KroneckerSite> sites) : sites_(std::move(sites)), taken_(sites_.size()) {}

  /// Notes that the layer makes outer products for its weight matrix k. One with fewer rows than the matrix belongs to
  /// a group of a convolution: the matrix is split.
  void take(std::size_t k, std::size_t inputs, std::size_t rows) {
    if (k < sites_.size() && rows > 0 && rows < sites_[k].rows && sites_[k].rows % rows == 0) split(k, rows);
    if (k < sites_.size() && sites_[k].inputs() == inputs && sites_[k].rows == rows)
      taken_[k] = true;
    else
      fits_ = false;
  }
  /// The sites if outer products for all were made, and for nothing else. Otherwise none: what the names of a layer's
  /// blocks say is not what the layer does.
  [[nodiscard]] std::vector<KroneckerSite> found() && {
    const bool all = fits_ && std::find(taken_.begin(), taken_.end(), false) == taken_.end();
    return all ? std::move(sites_) : std::vector<KroneckerSite>();
  }

 private:
  /// Replaces a site by one site for each `rows` of its rows.
  void split(std::size_t at, std::size_t rows) {
    const KroneckerSite whole = sites_[at];
    std::vector<KroneckerSite> split(sites_.begin(), sites_.begin() + static_cast<std::ptrdiff_t>(at));
    for (std::size_t row = 0; row < whole.rows; row += rows)
      split.push_back(
          {whole.name, whole.weight + row * whole.inputs(), whole.bias + row, whole.has_bias, rows, whole.columns});
    split.insert(split.end(), sites_.begin() + static_cast<std::ptrdiff_t>(at) + 1, sites_.end());
    sites_ = std::move(split);
    taken_.resize(sites_.size());
  }

  std::vector<KroneckerSite> sites_;
  std::vector<bool> taken_;
  bool fits_ = true;
};

/// A functional whose one cotangent is 0: its backward pass visits the layers and means nothing else.
struct ZeroCotangent {
  [[nodiscard]] static std::size_t cotangents(std::size_t) { return 1; }
  template <class T>
  void prepare(std::span<T>, const SampleContext<T>&) const {}
  template <class T>
  void cotangent(std::size_t, std::span<const T>, const SampleContext<T>&, std::span<T> delta) const {
    std::fill(delta.begin(), delta.end(), T(0));
  }
};

/// The weight matrices of a network for which its layers make outer products, in the order of θ. The layers are asked
/// by a pass over one sample of zeros. \throws InvalidArgument if a layer mixes samples.
template <class Network>
std::vector<KroneckerSite> kronecker_sites_of(Network& network) {
  using T = typename Network::value_type;
  const std::vector<KroneckerSite> named = kronecker_sites(std::as_const(network).layout());
  std::vector<KroneckerSite> found;
  const AlignedVector<T> zeros(network.inputs());
  const Batch<T> one{.size = 1, .features = network.inputs(), .inputs = zeros};
  network.backpropagate(
      one, ZeroCotangent{},
      [&]<class L>(std::size_t, const L& layer, const Flow<T>& flow, Rows<const T> x, Rows<const T> dy) {
        if constexpr (makes_outer_products<L, T, decltype(network.backend())>) {
          const auto offset = static_cast<std::size_t>(flow.theta.data() - network.parameters().data());
          LayerSites own(sites_within(named, offset, flow.theta.size()));
          for_each_outer_product(layer, network.backend(), flow, x, dy,
                                 [&](std::size_t k, Rows<const T> inputs, Rows<const T> deltas) {
                                   own.take(k, inputs.width, deltas.width);
                                 });
          const std::vector<KroneckerSite> sites = std::move(own).found();
          found.insert(found.end(), sites.begin(), sites.end());
        }
      });
  std::sort(found.begin(), found.end(),
            [](const KroneckerSite& a, const KroneckerSite& b) { return a.weight < b.weight; });
  return found;
}

/// Whether a block belongs to one of the weight matrices.
inline bool is_factored(const Block& block, const std::vector<KroneckerSite>& sites) {
  const auto has = [&](std::size_t i) { return i >= block.offset && i - block.offset < block.size; };
  return std::any_of(sites.begin(), sites.end(),
                     [&](const KroneckerSite& site) { return has(site.weight) || (site.has_bias && has(site.bias)); });
}

/// \throws InvalidArgument if there are no weight matrices with factors.
inline void require_factored(const std::vector<KroneckerSite>& sites) {
  if (sites.empty())
    lifelong::detail::raise<InvalidArgument>(
        "KroneckerFisher: no layer of this network has Kronecker factors, as Linear, Heads and Conv2d have them: use "
        "Fisher, whose importances are a diagonal");
}

}  // namespace detail

/// Tells for each block of a network, in their order, whether `KroneckerFisher` gives it factors: weights and biases of
/// Linear, Heads and Conv2d, also inside residual and transformer blocks, and of layers of your own with
/// `for_each_outer_product`. All others keep the diagonal of the Fisher information. Changes nothing in the network but
/// work arrays; costs a pass over one sample. \throws InvalidArgument if a layer mixes samples.
template <class Network>
[[nodiscard]] std::vector<KroneckerBlock> kronecker_blocks(Network& network) {
  const std::vector<KroneckerSite> sites = detail::kronecker_sites_of(network);
  std::vector<KroneckerBlock> blocks;
  for (const Block& block : std::as_const(network).layout().blocks())
    blocks.push_back({block.name, detail::is_factored(block, sites)});
  return blocks;
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
