// SPDX-License-Identifier: MIT
// Layers with a state that passes along the positions of a sample: the passes, their gradients and moments, for any
// cell.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>
#include <lifelong/nn/product/sequence_product.hpp>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of Eigen's AVX-512 by GCC 12, its bug 105593
#endif

namespace lifelong::nn {

/// One sample at one position, for a cell. Each pointer is to `hidden` values per gate, state or kept value.
template <class T>
struct CellStep {
  std::size_t hidden;
  T* gates;              ///< W_ih x_t + b_ih, which the forward step replaces by the activated gates
  const T* before;       ///< h_{t-1}
  const T* kept_before;  ///< what the forward step of position t-1 kept; zeros at the first position
  T* kept;               ///< what the forward step of this position keeps
};

namespace detail {

/// Part k of values in parts of `hidden` each, as an Eigen array.
template <class T>
auto part_of(T* values, std::size_t k, std::size_t hidden) {
  using Array = Eigen::Array<std::remove_const_t<T>, Eigen::Dynamic, 1>;
  using Part = Eigen::Map<std::conditional_t<std::is_const_v<T>, const Array, Array>>;
  return Part(values + k * hidden, static_cast<Eigen::Index>(hidden));
}

/// σ(x), elementwise.
template <class Expression>
auto logistic(const Eigen::ArrayBase<Expression>& x) {
  using T = typename Expression::Scalar;
  return (T(1) + (-x.derived()).exp()).inverse();
}

}  // namespace detail

/// A recurrent layer, which maps {positions, in} to {positions, hidden}: h_t = cell(x_t, h_{t-1}) with h_0 = 0, and
/// with what PyTorch calls `batch_first`. The parameters are those of PyTorch's, for one layer and one direction:
/// `weight_ih_l0` {G·hidden, in}, `weight_hh_l0` {G·hidden, hidden}, `bias_ih_l0`, `bias_hh_l0` {G·hidden} for a cell
/// of G gates, all drawn from U(-1/√hidden, 1/√hidden).
///
/// Moments are exact. Backpropagation through time gives the deltas of all gates at all positions, with one backward
/// pass per cotangent: D_n for the terms with x and E_n for the terms with h. A sample's gradient of a weight is the
/// sum over its positions, D_nᵀ X_n and E_nᵀ H_n, where H_n are the states before each step; it is formed before m is
/// applied to it. Activations and deltas take N · positions · (3 G + 3) · hidden values; no array is N x P.
///
/// A `Cell` has a `name`, the number of its `gates`, the number of values `kept` per hidden unit from the forward to
/// the backward pass, `shares_deltas`, which says that D is E, and two static functions on a `CellStep`:
/// - `forward(step, recurrent, h)` with `recurrent` = W_hh h_{t-1} + b_hh writes h_t;
/// - `backward(step, dh, carry, d, e)` writes the deltas d and e of the gates' two parts, replaces dh = ∂/∂h_t by the
///   part of ∂/∂h_{t-1} that does not go through the gates, and may carry values of its own to position t-1 (zeros
///   at first).
template <class Cell>
struct Recurrent {
  std::size_t in = 0;
  std::size_t hidden = 0;
  std::size_t positions = 0;  ///< per sample, found by `connect`

  static constexpr bool in_place = false;
  static constexpr Lengths lengths = Lengths::kept;

  /// This layer does not know the number of positions.
  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return Cell::name + ("(in " + std::to_string(in) + ", hidden " + std::to_string(hidden) + ")");
  }

  /// \throws InvalidArgument if a side is 0, ShapeMismatch unless given {positions, in}.
  Shape connect(Shape given) {
    const std::string name = Cell::name + ("{" + std::to_string(in) + ", " + std::to_string(hidden) + "}");
    if (in == 0 || hidden == 0)
      lifelong::detail::raise<InvalidArgument>(name + " must have at least 1 input and 1 hidden unit");
    if (given.rank() != 2 || given.last() != in || given.size() == 0)
      lifelong::detail::raise<ShapeMismatch>(name + " takes positions x " + std::to_string(in) + " but is given " +
                                             given.text());
    positions = given[0];
    return {positions, hidden};
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight_ih_l0", {gates(), in}, BlockKind::recurrent);
    layout.add(prefix + ".weight_hh_l0", {gates(), hidden}, BlockKind::recurrent);
    layout.add(prefix + ".bias_ih_l0", {gates()}, BlockKind::recurrent);
    layout.add(prefix + ".bias_hh_l0", {gates()}, BlockKind::recurrent);
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    const double bound = 1 / std::sqrt(static_cast<double>(hidden));
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<T>((2 * random.uniform(first + i) - 1) * bound);
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    const Parameters<const T> theta = split(flow.theta);
    const Sequences samples(flow, x, positions);
    const Walk<T> walk = reserve(flow.memory, samples);
    product(backend, apart(x, in), Transposed<T>{theta.input_weight}, walk.gates, in,
            StartFromRow<T>{theta.input_bias});
    detail::grow(flow.scratch, samples.count * (gates() + hidden));
    const Rows<T> recurrent{flow.scratch.data(), samples.count, gates()};
    for_each_sample(backend, samples.count, [&](std::size_t n) {
      std::fill_n(walk.before.row(samples.begin(n)).data(), hidden, T(0));
      std::fill_n(kept_before(walk, samples, n, 0), Cell::kept * hidden, T(0));
    });
    for (std::size_t t = 0; t < longest(samples); ++t) {
      product(backend, at(samples, Rows<const T>(walk.before), t, recurrent.data + recurrent.size()),
              Transposed<T>{theta.hidden_weight}, recurrent, hidden, StartFromRow<T>{theta.hidden_bias});
      for_each_sample(backend, samples.count, [&](std::size_t n) {
        if (t >= samples.length(n)) return;
        T* h = y.data + (samples.begin(n) + t) * hidden;
        Cell::forward(step(walk, samples, n, t), recurrent.row(n).data(), h);
        if (t + 1 < samples.length(n)) std::copy_n(h, hidden, walk.before.row(samples.begin(n) + t + 1).data());
      });
    }
  }

  /// Computes the deltas by backpropagation through time, dX = D W_ih, then the gradients of the parameters.
  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> out) const {
    const Parameters<const T> theta = split(flow.theta);
    const Sequences samples(flow, x, positions);
    const Walk<T> walk = reserve(flow.memory, samples);
    walk_back(backend, walk, samples, theta.hidden_weight, dy.data, flow.scratch);
    if (dx.data != nullptr)
      product(backend, Rows<const T>(walk.d), theta.input_weight, apart(dx, in), gates(), Add{false});
    if (out.empty()) return;
    const Parameters<T> gradient = split(out);
    const Rows<const T> d = walk.d, e = walk.e;
    sequence_product(backend, pass, samples, d, apart(x, in), gradient.input_weight, flow.scratch);
    sequence_sum(backend, pass, samples, d, 0, std::span<T>(gradient.input_bias, gates()));
    sequence_product(backend, pass, samples, e, Rows<const T>(walk.before), gradient.hidden_weight, flow.scratch);
    sequence_sum(backend, pass, samples, e, 0, std::span<T>(gradient.hidden_bias, gates()));
  }

 private:
  [[nodiscard]] std::size_t gates() const { return Cell::gates * hidden; }

  template <class T>
  struct Parameters {
    Rows<T> input_weight, hidden_weight;
    T *input_bias, *hidden_bias;
  };

  template <class T>
  Parameters<T> split(std::span<T> own) const {
    T* const hidden_weight = own.data() + gates() * in;
    T* const bias = hidden_weight + gates() * hidden;
    return {{own.data(), gates(), in}, {hidden_weight, gates(), hidden}, bias, bias + gates()};
  }

  /// What is kept of a forward pass, and the deltas of a backward pass, one row per sample and position.
  template <class T>
  struct Walk {
    Rows<T> gates;   ///< the activated gates
    Rows<T> before;  ///< h_{t-1}
    Rows<T> kept;    ///< each sample has one more row in front, of zeros
    Rows<T> d, e;    ///< deltas of the gates
  };

  template <class T>
  Walk<T> reserve(LayerMemory<T>& memory, const Sequences& samples) const {
    const std::size_t steps = samples.rows();
    const auto rows = [&](std::size_t k, std::size_t count, std::size_t width) {
      detail::grow(memory.array(k), count * width);
      return Rows<T>{memory.array(k).data(), count, width};
    };
    const Rows<T> d = rows(3, steps, gates());
    return {rows(0, steps, gates()), rows(1, steps, hidden), rows(2, steps + samples.count, Cell::kept * hidden), d,
            Cell::shares_deltas ? d : rows(4, steps, gates())};
  }

  template <class T>
  static T* kept_before(const Walk<T>& walk, const Sequences& samples, std::size_t n, std::size_t t) {
    return walk.kept.row(samples.begin(n) + n + t).data();
  }

  template <class T>
  CellStep<T> step(const Walk<T>& walk, const Sequences& samples, std::size_t n, std::size_t t) const {
    const std::size_t row = samples.begin(n) + t;
    return {hidden, walk.gates.row(row).data(), walk.before.row(row).data(), kept_before(walk, samples, n, t),
            kept_before(walk, samples, n, t + 1)};
  }

  /// One row per position.
  template <class T>
  static Rows<T> apart(Rows<T> samples, std::size_t features) {
    return {samples.data, samples.size() / features, features};
  }

  /// The number of positions of the longest sample.
  static std::size_t longest(const Sequences& samples) {
    if (samples.starts.empty()) return samples.positions;
    std::size_t most = 0;
    for (std::size_t n = 0; n < samples.count; ++n) most = std::max(most, samples.length(n));
    return most;
  }

  /// Position t of every sample as a factor of a product, which reads the first part of each row. Of sequences of
  /// unequal length it is a copy in `room`, with zeros for those that have ended.
  template <class T>
  static Rows<const T> at(const Sequences& samples, Rows<const T> steps, std::size_t t, T* room) {
    if (samples.starts.empty()) return {steps.data + t * steps.width, samples.count, steps.width * samples.positions};
    const Rows<T> copy{room, samples.count, steps.width};
    for (std::size_t n = 0; n < samples.count; ++n)
      if (t < samples.length(n))
        std::copy_n(steps.row(samples.begin(n) + t).data(), steps.width, copy.row(n).data());
      else
        std::fill_n(copy.row(n).data(), steps.width, T(0));
    return copy;
  }

  /// Calls `body(n)` for every sample; a cell takes about 64 operations per gate.
  template <class Backend, class Body>
  void for_each_sample(const Backend& backend, std::size_t samples, const Body& body) const {
    detail::for_each_range(backend, samples, 64 * gates(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t n = begin; n < end; ++n) body(n);
    });
  }

  /// The deltas of all gates, from the last position to the first.
  template <class T, class Backend>
  void walk_back(const Backend& backend, const Walk<T>& walk, const Sequences& samples, Rows<const T> hidden_weight,
                 const T* dy, AlignedVector<T>& scratch) const {
    const std::size_t states = samples.count * hidden;
    detail::grow(scratch, 2 * states + samples.count * gates());
    std::fill_n(scratch.data(), 2 * states, T(0));
    const Rows<T> dh{scratch.data(), samples.count, hidden}, carry{scratch.data() + states, samples.count, hidden};
    for (std::size_t t = longest(samples); t-- > 0;) {
      for_each_sample(backend, samples.count, [&](std::size_t n) {
        if (t >= samples.length(n)) return;
        const std::size_t row = samples.begin(n) + t;
        const std::span<T> own = dh.row(n);
        const T* from_above = dy + row * hidden;
        for (std::size_t j = 0; j < hidden; ++j) own[j] += from_above[j];
        Cell::backward(step(walk, samples, n, t), own.data(), carry.row(n).data(), walk.d.row(row).data(),
                       walk.e.row(row).data());
      });
      if (t > 0)
        product(backend, at(samples, Rows<const T>(walk.e), t, carry.data + states), hidden_weight, dh, gates(), Add{});
    }
  }
};

}  // namespace lifelong::nn

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <lifelong/config/pop_macros.hpp>
