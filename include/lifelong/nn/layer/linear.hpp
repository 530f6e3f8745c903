// SPDX-License-Identifier: MIT
// The fully connected layer.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>
#include <lifelong/nn/product/sequence_product.hpp>
#include <lifelong/nn/product/shared_product.hpp>

namespace lifelong::nn {

/// y = W x + b on the last axis, with W of `out` x `in`: it maps {in} to {out} and {positions, in} to {positions, out}.
/// The parameters are those of PyTorch's `Linear`: `weight` {out, in} row-major, then `bias` {out}, both drawn from
/// U(-1/√in, 1/√in).
///
/// With one position per sample a sample's gradient is the outer product d xᵀ, and m(d xᵀ) = m(d) m(x)ᵀ for the moments
/// of `lifelong::moment`. So Σ_n Σ_k m(d_nk x_nᵀ) = (Σ_k m(D_k))ᵀ m(X), exactly, which is one product however many
/// passes there are. With several positions m is applied to each sample's and cotangent's D_nkᵀ X_n, see
/// `shared_product`.
struct Linear {
  std::size_t in = 0;
  std::size_t out = 0;
  std::size_t positions = 1;  ///< per sample, found by `connect`

  static constexpr bool in_place = false;
  static constexpr Lengths lengths = Lengths::kept;

  [[nodiscard]] Shape expected() const { return {in}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Linear(in " + std::to_string(in) + ", out " + std::to_string(out) + ")";
  }

  /// \throws InvalidArgument if a side is 0, ShapeMismatch unless the last extent is `in`.
  Shape connect(Shape given) {
    const std::string name = "Linear{" + std::to_string(in) + ", " + std::to_string(out) + "}";
    if (in == 0 || out == 0)
      lifelong::detail::raise<InvalidArgument>(name + " must have at least 1 input and 1 output");
    if (given.last() != in)
      lifelong::detail::raise<ShapeMismatch>(name + " takes " + std::to_string(in) + " inputs but is given " +
                                             given.text());
    positions = given.size() / in;
    return given.with_last(out);
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight", {out, in}, BlockKind::linear);
    layout.add(prefix + ".bias", {out}, BlockKind::linear);
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<T>((2 * random.uniform(first + i) - 1) * bound);
  }

  /// Y = X Wᵀ + b.
  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    product(backend, apart(x, in), Transposed<T>{weight(flow.theta)}, apart(y, out), in,
            StartFromRow<T>{flow.theta.data() + in * out});
  }

  /// Computes dX = dY W, then the gradients of W and b.
  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> gradient) const {
    if (dx.data != nullptr)
      product(backend, apart(Rows<const T>(dy), out), weight(flow.theta), apart(dx, in), out, Add{false});
    if (gradient.empty()) return;
    if (!flow.starts.empty())
      accumulate_sequences(backend, pass, flow, x, Rows<const T>(dy), gradient);
    else if (positions == 1 || std::same_as<Moment, moment::Sum>)
      accumulate_outer(backend, pass, flow, apart(x, in), apart(dy, out), gradient);
    else
      accumulate_shared(backend, pass, flow, x, Rows<const T>(dy), gradient);
  }

 private:
  /// One row per position.
  template <class T>
  static Rows<T> apart(Rows<T> samples, std::size_t features) {
    return {samples.data, samples.size() / features, features};
  }

  /// Folds S = Σ_k m(dY_k); the last pass sets weight = Sᵀ m(X) and bias = Σ_n S_n. A single pass needs no array for S.
  template <class T, class Backend, class Moment>
  void accumulate_outer(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x,
                        Rows<T> dy, std::span<T> gradient) const {
    if (pass.cotangents > 1) {
      fold(backend, pass, dy, flow.memory.array(0));
      if (!pass.last()) return;
      dy.data = flow.memory.array(0).data();
    } else if constexpr (!std::same_as<Moment, moment::Sum>) {
      apply(backend, pass.moment, Rows<const T>(dy), dy.data);
    }
    if constexpr (!std::same_as<Moment, moment::Sum>) {
      detail::grow(flow.scratch, x.size());
      apply(backend, pass.moment, x, flow.scratch.data());
      x.data = flow.scratch.data();
    }
    multiply(backend, pass.add, x, Rows<const T>(dy), gradient);
  }

  /// weight (+)= Σ_n m(D_nᵀ X_n) and bias (+)= Σ_n m(D_nᵀ 1).
  template <class T, class Backend, class Moment>
  void accumulate_shared(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x,
                         Rows<const T> dy, std::span<T> gradient) const {
    const bool add = pass.add || !pass.first();
    const Positions<T> its_x{x.data, in, x.width, in}, its_dy{dy.data, out, dy.width, out};
    shared_product(backend, pass.moment, x.count, positions, its_dy, its_x, add, Elements<T>{gradient.data(), in, 1},
                   flow.scratch);
    shared_sum(backend, pass.moment, x.count, positions, its_dy, add, gradient.last(out));
  }

  /// The same for samples of unequal length.
  template <class T, class Backend, class Moment>
  void accumulate_sequences(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x,
                            Rows<const T> dy, std::span<T> gradient) const {
    const Sequences samples(flow, x, positions);
    sequence_product(backend, pass, samples, dy, x, weight(gradient), flow.scratch);
    sequence_sum(backend, pass, samples, dy, 0, gradient.last(out));
  }

  template <class T>
  Rows<T> weight(std::span<T> own) const {
    return {own.data(), out, in};
  }

  /// to = m(from), in place if they are the same.
  template <class T, class Backend, class Moment>
  static void apply(const Backend& backend, const Moment& moment, Rows<const T> from, T* to) {
    detail::for_each_element<T>(backend, from.size(), [&, source = from.data]<class V>(std::size_t i) {
      store<V>(to, i, moment(load<V>(source, i)));
    });
  }

  /// S = m(dY) at the first pass, S += m(dY) after.
  template <class T, class Backend, class Moment>
  static void fold(const Backend& backend, const Pass<Moment>& pass, Rows<T> dy, AlignedVector<T>& kept) {
    detail::grow(kept, dy.size());
    T* sum = kept.data();
    if (pass.first()) return apply(backend, pass.moment, Rows<const T>(dy), sum);
    detail::for_each_element<T>(backend, dy.size(), [&, source = dy.data]<class V>(std::size_t i) {
      store<V>(sum, i, load<V>(sum, i) + pass.moment(load<V>(source, i)));
    });
  }

  /// weight (+)= Sᵀ X, bias (+)= Sᵀ 1.
  template <class T, class Backend>
  void multiply(const Backend& backend, bool add, Rows<const T> x, Rows<const T> s, std::span<T> gradient) const {
    product(backend, Transposed<T>{s}, x, weight(gradient), x.count, Add{add});
    shared_sum(backend, moment::Sum{}, s.count, 1, Positions<T>{s.data, out, out}, add, gradient.last(out));
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
