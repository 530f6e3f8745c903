// SPDX-License-Identifier: MIT
// The two small matrices per layer whose Kronecker product stands for the layer's Fisher information, and the diagonal
// of what has none.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
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
#include <lifelong/core/moment.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/importance/sample_sum.hpp>
#include <lifelong/nn/kronecker/sites.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// F ≈ A ⊗ G for one weight matrix: the element of F that belongs to W_oi and W_pj is about G_op A_ij. Both are
/// symmetric.
template <class T>
struct KroneckerFactors {
  KroneckerSite site;
  AlignedVector<T> a;  ///< A, columns x columns: second moments of the inputs
  AlignedVector<T> g;  ///< G, rows x rows: second moments of the gradients of the outputs
};

/// The diagonal of F for a block of parameters that has no factors.
template <class T>
struct KroneckerDiagonal {
  std::string name;         ///< of the block
  std::size_t first = 0;    ///< index of its first parameter
  AlignedVector<T> values;  ///< F_i
};

/// What a `KroneckerFisher` estimates: each parameter is in a weight matrix of `layers` or in a block of `diagonals`.
/// Both are in the order of θ.
template <class T>
struct KroneckerEstimate {
  std::vector<KroneckerFactors<T>> layers;
  std::vector<KroneckerDiagonal<T>> diagonals;
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

}  // namespace detail

/// Sums up the factors of all layers of a network that have some, and the diagonal of all others, over batches. With
/// inputs x_nt and gradients d_nkt of the outputs, for samples n, cotangents k and positions t = 1 .. T of a layer (T =
/// 1 for a Linear on {features}), it is
///
///     A = 1/N Σ_n Σ_t x_nt x_ntᵀ,   G = 1/(N T) Σ_n Σ_k Σ_t d_nkt d_nktᵀ,
///
/// where x_nt has a last element 1 if there is a bias; with weights, sample n counts w_n times in both sums and N is
/// Σ_n w_n. Martens & Grosse 2015; positions as in Grosse & Martens 2016, where x_nt are the patches of a convolution
/// (KFC: Ω = A, Γ = G). The groups of a convolution are weight matrices of their own. It costs a backward pass and half
/// of O² T products per sample and cotangent, and I² T / 2 products per sample. Batches with weights are cut where the
/// weight changes, so sort them by weight if speed matters.
///
/// The diagonal is that of `importance::Fisher`, 1/N Σ_n w_n Σ_k (∂⟨v_nk, f(x_n)⟩/∂θ_i)². Where there are blocks
/// without factors it costs a second pass, `Network::accumulate_moment`, and an array as long as θ (three for more than
/// 1024 samples in float).
template <class T>
class KroneckerAccumulator {
 public:
  /// Begins with what `kronecker_blocks(network)` tells.
  /// \throws InvalidArgument if no layer has factors, or if a layer mixes samples; OutOfMemory.
  template <class Network>
  requires requires(Network& network) { network.layout(); }
  explicit KroneckerAccumulator(Network& network)
      : KroneckerAccumulator(std::as_const(network).layout(), detail::kronecker_sites_of(network)) {}

  /// Begins with these weight matrices among the blocks of `layout`. \throws InvalidArgument if there are none,
  /// OutOfMemory.
  KroneckerAccumulator(const Layout& layout, const std::vector<KroneckerSite>& sites) {
    detail::require_factored(sites);
    for (const KroneckerSite& site : sites) sums_.push_back(Sum(site));
    for (const Block& block : layout.blocks())
      if (block.size > 0 && !detail::is_factored(block, sites)) blocks_.push_back(block);
    if (blocks_.empty()) return;
    lifelong::detail::with_memory([&] { diagonal_.resize(layout.size()); },
                                  [&] {
                                    return "the diagonal of the Fisher information of " + blocks_.front().name +
                                           ", in an array for " + std::to_string(layout.size()) +
                                           " parameters, does not fit into memory";
                                  });
  }

  /// Adds the samples of `batch` and the cotangents of `functional`. Changes nothing in the network but work arrays.
  /// \throws InvalidArgument, which names the layer, for one that makes no outer products, though it began with them;
  /// what `Network::backpropagate` throws.
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
    add_diagonal(network, batch, functional);
  }

  /// Returns the means, in the order of θ, and empties the sums.
  [[nodiscard]] KroneckerEstimate<T> take_means() {
    KroneckerEstimate<T> means;
    const T samples = static_cast<T>(weight_);
    for (Sum& sum : sums_) {
      sum.finish();
      const KroneckerSite& site = sum.factors.site;
      detail::mirror(Rows<T>{sum.factors.a.data(), site.columns, site.columns}, 1 / samples);
      detail::mirror(Rows<T>{sum.factors.g.data(), site.rows, site.rows},
                     1 / (samples * static_cast<T>(sum.positions)));
      means.layers.push_back(std::move(sum.factors));
    }
    sums_.clear();
    take_diagonals(1 / samples, means.diagonals);
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

  template <class Network, class Functional>
  void add_diagonal(Network& network, const Batch<T>& batch, const Functional& functional) {
    if (blocks_.empty()) return;
    const std::span<T> out(diagonal_);
    const backend::Serial serial;
    const lifelong::detail::OwnLoop<T, backend::Serial> own(serial, out.size());
    diagonal_sum_.add(own.loop, out, batch.size, [&](std::size_t first, std::size_t count) {
      network.accumulate_moment(batch.slice(first, count), functional, moment::Square{}, out);
    });
  }

  void take_diagonals(T scale, std::vector<KroneckerDiagonal<T>>& to) {
    const backend::Serial serial;
    const lifelong::detail::OwnLoop<T, backend::Serial> own(serial, diagonal_.size());
    diagonal_sum_.finish(own.loop, std::span<T>(diagonal_));
    for (const Block& block : blocks_) {
      const auto begin = diagonal_.begin() + static_cast<std::ptrdiff_t>(block.offset);
      to.push_back({block.name, block.offset, {begin, begin + static_cast<std::ptrdiff_t>(block.size)}});
      for (T& value : to.back().values) value *= scale;
    }
    blocks_.clear();
    diagonal_.clear();
  }

  /// Adds a batch of which T can sum up all samples.
  template <class Network, class Functional>
  void add_part(Network& network, const Batch<T>& batch, const Functional& functional) {
    for (Sum& sum : sums_) sum.rows = sum.cotangents = 0;
    network.backpropagate(
        batch, functional,
        [&]<class L>(std::size_t, const L& layer, const Flow<T>& flow, Rows<const T> x, Rows<const T> dy) {
          if constexpr (detail::makes_outer_products<L, T, decltype(network.backend())>) {
            const auto offset = static_cast<std::size_t>(flow.theta.data() - network.parameters().data());
            const std::size_t first = first_from(offset);
            if (first == sums_.size() || sums_[first].factors.site.weight - offset >= flow.theta.size()) return;
            detail::for_each_outer_product(layer, network.backend(), flow, x, dy,
                                           [&](std::size_t k, Rows<const T> inputs, Rows<const T> deltas) {
                                             take(network.backend(), first + k, inputs, deltas);
                                           });
            finish_pass(x.count);
          }
        });
    for (const Sum& sum : sums_)
      if (batch.size > 0 && sum.cotangents == 0)
        lifelong::detail::raise<InvalidArgument>("layer " + sum.factors.site.name +
                                                 " was to have Kronecker factors but makes no outer products");
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
      const backend::Serial serial;
      const lifelong::detail::OwnLoop<T, backend::Serial> of_a(serial, factors.a.size()),
          of_g(serial, factors.g.size());
      call(a_sum, of_a.loop, std::span<T>(factors.a));
      call(g_sum, of_g.loop, std::span<T>(factors.g));
    }

    KroneckerFactors<T> factors;  ///< the sums over the samples since the last `fold_in`; at the end, over all of them
    PartialSum a_sum, g_sum;
    std::size_t positions = 1;   ///< T
    std::size_t rows = 0;        ///< rows added for the present cotangent
    std::size_t cotangents = 0;  ///< cotangents added of the present batch
  };

  /// The first weight matrix from parameter `offset` on.
  [[nodiscard]] std::size_t first_from(std::size_t offset) const {
    std::size_t l = 0;
    while (l < sums_.size() && sums_[l].factors.site.weight < offset) ++l;
    return l;
  }

  template <class Backend>
  void take(const Backend& backend, std::size_t l, Rows<const T> inputs, Rows<const T> deltas) {
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
  std::vector<Block> blocks_;  // without factors
  AlignedVector<T> diagonal_;  // as long as θ if there are such blocks; the other elements are left aside
  PartialSum diagonal_sum_;
  AlignedVector<T> longer_;
  std::size_t pending_ = 0;
  double weight_ = 0;     // of all samples
  T root_of_weight_ = 1;  // of each sample of the part that is being added
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
