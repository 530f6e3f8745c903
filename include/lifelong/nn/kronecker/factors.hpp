// SPDX-License-Identifier: MIT
// The two small matrices per layer whose Kronecker product stands for the layer's Fisher information.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lifelong/backend/loop.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/sample_sum.hpp>
#include <lifelong/nn/kronecker/convolution.hpp>
#include <lifelong/nn/layer/heads.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/product.hpp>
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

/// F ≈ A ⊗ G for one weight matrix: the element of F that belongs to W_oi and W_pj is about G_op A_ij. Both are
/// symmetric.
template <class T>
struct KroneckerFactors {
  KroneckerSite site;
  AlignedVector<T> a;  ///< A, columns x columns: second moments of the inputs
  AlignedVector<T> g;  ///< G, rows x rows: second moments of the gradients of the outputs
};

namespace detail {

/// Adds the lower triangle of Xᵀ X to C, and some of the upper one; `mirror` completes that at the end. Results are
/// bitwise equal for any number of threads.
template <class T, class Backend, class V = Packet<T>>
void add_gram(const Backend& backend, Rows<const T> x, Rows<T> c) {
  const Panels<V> panels(x.width);
  constexpr std::size_t most = PieceLimits<T>::packed_rows;
  const std::size_t pieces = (x.width + most - 1) / most;
  const std::size_t tiles = (x.width + tile_rows - 1) / tile_rows;
  parallel_for(backend, pieces, x.width * x.size(), [&](std::size_t index) {
    const std::size_t i = pieces - 1 - index;  // the longest first
    const std::size_t row = i * tiles / pieces * tile_rows;
    const std::size_t end = std::min(x.width, (i + 1) * tiles / pieces * tile_rows);
    std::size_t last = panels.count();
    while (last > 1 && panels.begin(last - 1) >= end) --last;
    Piece<V> piece;
    piece.compute(as_left<T>(Transposed<T>{x}), as_right<T>(x), c, x.count, panels, row, end - row, 0, last, Add{});
  });
}

/// Completes a lower triangle, and multiplies all values by `scale`.
template <class T>
void mirror(Rows<T> c, T scale) {
  for (std::size_t i = 0; i < c.count; ++i)
    for (std::size_t j = 0; j <= i; ++j) c.row(j)[i] = c.row(i)[j] *= scale;
}

[[noreturn]] inline void refuse_factors(const std::string& layer, const std::string& block) {
  lifelong::detail::raise<InvalidArgument>("layer " + layer +
                                           " has no Kronecker factors: only Linear and Conv2d have them, and " + block +
                                           " is of another kind");
}

/// The weight matrices of a network, in the order of its blocks.
/// \throws InvalidArgument, which names the layer, for the first layer whose parameters are of another kind.
inline std::vector<KroneckerSite> kronecker_sites(const Layout& layout) {
  constexpr std::string_view weight = ".weight", bias = ".bias";
  std::vector<KroneckerSite> sites;
  for (const Block& block : layout.blocks()) {
    const std::string_view name = block.name, layer = name.substr(0, name.rfind('.'));
    const bool product = block.kind == BlockKind::linear || block.kind == BlockKind::convolution;
    if (product && name.ends_with(weight)) {
      const std::size_t rows = block.shape.front();
      sites.push_back({std::string(layer), block.offset, 0, false, rows, block.size / rows});
    } else if (product && name.ends_with(bias) && !sites.empty() && sites.back().name == layer) {
      KroneckerSite& site = sites.back();
      site.bias = block.offset;
      site.has_bias = true;
      ++site.columns;
    } else {
      refuse_factors(std::string(layer), block.name);
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

}  // namespace detail

/// Sums up the factors of all layers of a network over batches. With inputs x_nt and gradients d_nkt of the outputs,
/// for samples n, cotangents k and positions t = 1 .. T of a layer (T = 1 for a Linear on {features}), it is
///
///     A = 1/N Σ_n Σ_t x_nt x_ntᵀ,   G = 1/(N T) Σ_n Σ_k Σ_t d_nkt d_nktᵀ,
///
/// where x_nt has a last element 1 if there is a bias; with weights, sample n counts w_n times in both sums and N is
/// Σ_n w_n. Martens & Grosse 2015; positions as in Grosse & Martens 2016, where x_nt are the patches of a convolution
/// (KFC: Ω = A, Γ = G). The groups of a convolution are weight matrices of their own. It costs a backward pass and half
/// of O² T products per sample and cotangent, and I² T / 2 products per sample. Batches with weights are cut where the
/// weight changes, so sort them by weight if speed matters.
template <class T>
class KroneckerAccumulator {
 public:
  /// \throws InvalidArgument, which names the layer, for one with parameters but without factors; OutOfMemory.
  explicit KroneckerAccumulator(const Layout& layout) {
    for (KroneckerSite& site : detail::kronecker_sites(layout)) sums_.push_back(Sum(std::move(site)));
  }

  /// Adds the samples of `batch` and the cotangents of `functional`. Changes nothing in the network but work arrays.
  /// \throws InvalidArgument as the constructor, and what `Network::backpropagate` throws.
  template <class Network, class Functional>
  void add(Network& network, const Batch<T>& batch, const Functional& functional) {
    constexpr std::size_t most = PartialSum::part_size;
    lifelong::detail::check_sizes(batch);
    for (std::size_t first = 0; first < batch.size;) {
      const Batch<T> part = equally_weighted(batch.slice(first, std::min(most, batch.size - first)));
      if (pending_ + part.size > most) fold_in();
      root_of_weight_ = part.weights.empty() ? T(1) : std::sqrt(part.weights[0]);
      add_part(network, part, functional);
      pending_ += part.size;
      weight_ += part.weight();
      first += part.size;
    }
  }

  /// Returns the means, in the order of θ, and empties the sums.
  [[nodiscard]] std::vector<KroneckerFactors<T>> take_means() {
    std::vector<KroneckerFactors<T>> means;
    const T samples = static_cast<T>(weight_);
    for (Sum& sum : sums_) {
      sum.finish();
      const KroneckerSite& site = sum.factors.site;
      detail::mirror(Rows<T>{sum.factors.a.data(), site.columns, site.columns}, 1 / samples);
      detail::mirror(Rows<T>{sum.factors.g.data(), site.rows, site.rows},
                     1 / (samples * static_cast<T>(sum.positions)));
      means.push_back(std::move(sum.factors));
    }
    sums_.clear();
    return means;
  }

 private:
  using PartialSum = lifelong::detail::SampleSum<T, backend::Serial>;

  /// The first samples of a batch, as many as have the same weight.
  static Batch<T> equally_weighted(const Batch<T>& batch) {
    std::size_t count = 1;
    while (count < batch.size && (batch.weights.empty() || batch.weights[count] == batch.weights[0])) ++count;
    return batch.slice(0, count);
  }

  void fold_in() {
    for (Sum& sum : sums_) sum.fold_in();
    pending_ = 0;
  }

  /// Adds a batch of which T can sum up all samples.
  template <class Network, class Functional>
  void add_part(Network& network, const Batch<T>& batch, const Functional& functional) {
    for (Sum& sum : sums_) sum.rows = sum.cotangents = 0;
    network.backpropagate(
        batch, functional,
        [&]<class L>(std::size_t, const L& layer, const Flow<T>& flow, Rows<const T> x, Rows<const T> dy) {
          if constexpr (detail::makes_outer_products<L, T, decltype(network.backend())>) {
            const std::size_t first = first_of(flow.theta.data() - network.parameters().data());
            detail::for_each_outer_product(layer, network.backend(), flow, x, dy,
                                           [&](std::size_t k, Rows<const T> inputs, Rows<const T> deltas) {
                                             take(network.backend(), first + k, inputs, deltas);
                                           });
            finish_pass(x.count);
          }
        });
    for (const Sum& sum : sums_)
      if (batch.size > 0 && sum.cotangents == 0)
        detail::refuse_factors(sum.factors.site.name, sum.factors.site.name + ".weight");
  }

  struct Sum {
    explicit Sum(KroneckerSite its_site) : factors{std::move(its_site), {}, {}} {
      const KroneckerSite& site = factors.site;
      const auto message = [&] {
        return "the Kronecker factors of layer " + site.name + ", squares of side " + std::to_string(site.columns) +
               " and " + std::to_string(site.rows) + ", do not fit into memory";
      };
      const std::size_t most = 0xFFFFFFFF;  // whose square can still be counted
      if (site.columns > most || site.rows > most) lifelong::detail::raise<OutOfMemory>(message());
      lifelong::detail::with_memory(
          [&] {
            factors.a.resize(site.columns * site.columns);
            factors.g.resize(site.rows * site.rows);
          },
          message);
    }
    void fold_in() {
      on_all([](auto& sum, const auto& loop, std::span<T> part) { sum.fold_in(loop, part); });
    }
    void finish() {
      on_all([](auto& sum, const auto& loop, std::span<T> part) { sum.finish(loop, part); });
    }
    template <class Call>
    void on_all(const Call& call) {
      const lifelong::detail::OwnLoop<T, backend::Serial> of_a({}, factors.a.size()), of_g({}, factors.g.size());
      call(a_sum, of_a.loop, std::span<T>(factors.a));
      call(g_sum, of_g.loop, std::span<T>(factors.g));
    }

    KroneckerFactors<T> factors;  ///< the sums over the samples since the last `fold_in`; at the end, over all of them
    PartialSum a_sum, g_sum;
    std::size_t positions = 1;   ///< T
    std::size_t rows = 0;        ///< rows added for the present cotangent
    std::size_t cotangents = 0;  ///< cotangents added of the present batch
  };

  /// The first weight matrix of the layer whose parameters begin at `offset`.
  [[nodiscard]] std::size_t first_of(std::ptrdiff_t offset) const {
    std::size_t l = 0;
    while (sums_[l].factors.site.weight != static_cast<std::size_t>(offset)) ++l;
    return l;
  }

  template <class Backend>
  void take(const Backend& backend, std::size_t l, Rows<const T> inputs, Rows<const T> deltas) {
    if (sums_[l].factors.site.rows != deltas.width) split(l, deltas.width);
    Sum& sum = sums_[l];
    const KroneckerSite& site = sum.factors.site;
    if (sum.cotangents == 0)
      detail::add_gram(backend, weighted(inputs, site), Rows<T>{sum.factors.a.data(), site.columns, site.columns});
    detail::add_gram(backend, deltas, Rows<T>{sum.factors.g.data(), site.rows, site.rows});
    sum.rows += deltas.count;
  }

  /// Ends the pass of the present cotangent, for which all layers have now added their rows.
  void finish_pass(std::size_t samples) {
    for (Sum& sum : sums_) {
      if (sum.rows == 0) continue;
      sum.positions = sum.rows / samples;
      sum.rows = 0;
      ++sum.cotangents;
    }
  }

  /// Replaces a site by one site for each `rows` of its rows.
  void split(std::size_t at, std::size_t rows) {
    const KroneckerSite whole = sums_[at].factors.site;
    std::vector<Sum> groups;
    for (std::size_t row = 0; row < whole.rows; row += rows)
      groups.push_back(Sum(
          {whole.name, whole.weight + row * whole.inputs(), whole.bias + row, whole.has_bias, rows, whole.columns}));
    const auto place = sums_.erase(sums_.begin() + static_cast<std::ptrdiff_t>(at));
    sums_.insert(place, std::make_move_iterator(groups.begin()), std::make_move_iterator(groups.end()));
  }

  /// The rows, each with a 1 appended where there is a bias, times the root of the samples' weight.
  Rows<const T> weighted(Rows<const T> x, const KroneckerSite& site) {
    if (!site.has_bias && root_of_weight_ == 1) return x;
    const Rows<T> longer{(detail::grow(longer_, x.count * site.columns), longer_.data()), x.count, site.columns};
    for (std::size_t n = 0; n < x.count; ++n) {
      const std::span<const T> from = x.row(n);
      const std::span<T> to = longer.row(n);
      for (std::size_t k = 0; k < x.width; ++k) to[k] = root_of_weight_ * from[k];
      if (site.has_bias) to[x.width] = root_of_weight_;
    }
    return longer;
  }

  std::vector<Sum> sums_;
  AlignedVector<T> longer_;
  std::size_t pending_ = 0;
  double weight_ = 0;     // of all samples
  T root_of_weight_ = 1;  // of each sample of the part that is being added
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
