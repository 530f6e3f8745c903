// SPDX-License-Identifier: MIT
// Multi-head self-attention.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/core/softmax.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/dot.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>
#include <lifelong/nn/product/sequence_product.hpp>

namespace lifelong::nn {

/// Self-attention over the positions of a sample, which keeps {positions, embedding}: with (q_t, k_t, v_t) = W_in x_t +
/// b_in, each cut into `heads` parts of embedding / heads values, a head makes
///   c_i = Σ_j a_ij v_j,  a_ij = softmax_j(q_i · k_j / √(embedding / heads)),
/// and y_t = W_out c_t + b_out of all heads side by side. With `causal`, position i sees the positions j <= i only.
/// Of sequences of unequal length, padding is seen by no position. Vaswani 2017.
///
/// The parameters are those of PyTorch's `MultiheadAttention(embedding, heads)`: `in_proj_weight` {3 embedding,
/// embedding}, `in_proj_bias` {3 embedding}, `out_proj.weight` {embedding, embedding}, `out_proj.bias` {embedding},
/// with its initial values: U(-√(6/(4 embedding)), ...) and U(-1/√embedding, ...) for the weights, zeros for the
/// biases.
///
/// The softmax does not see the bias of the keys, which adds the same to all q_i · k_j of a position i. So its gradient
/// is 0 and is not computed: rounding errors would be no importance, and Adam could make full steps of them.
///
/// Moments are exact: a sample's gradient of W_in and W_out is formed over its positions before m is applied, see
/// `sequence_product`. A batch of N samples keeps N · (heads · positions² + 8 · positions · embedding) values. Threads
/// take samples.
struct MultiHeadAttention {
  std::size_t embedding = 0;
  std::size_t heads = 0;
  bool causal = false;
  std::size_t positions = 0;  ///< per sample, found by `connect`

  static constexpr bool in_place = false;
  static constexpr Lengths lengths = Lengths::kept;

  /// This layer does not know the number of positions.
  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "MultiHeadAttention(embedding " + std::to_string(embedding) + ", heads " + std::to_string(heads) +
           (causal ? ", causal)" : ")");
  }

  /// \throws InvalidArgument unless the embedding is a positive multiple of the heads, or for 2^32 pairs of positions
  /// of a sample or more; ShapeMismatch unless given {positions, embedding}.
  Shape connect(Shape given) {
    const std::string name = "MultiHeadAttention{" + std::to_string(embedding) + ", " + std::to_string(heads) + "}";
    if (embedding == 0 || heads == 0 || embedding % heads != 0)
      lifelong::detail::raise<InvalidArgument>(name +
                                               " must have an embedding that is a positive multiple of its heads");
    if (given.rank() != 2 || given.last() != embedding || given.size() == 0)
      lifelong::detail::raise<ShapeMismatch>(name + " takes positions x " + std::to_string(embedding) +
                                             " but is given " + given.text());
    positions = given[0];
    detail::require_addressable(pairs());
    return given;
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".in_proj_weight", {3 * embedding, embedding}, BlockKind::attention);
    layout.add(prefix + ".in_proj_bias", {3 * embedding}, BlockKind::attention);
    layout.add(prefix + ".out_proj.weight", {embedding, embedding}, BlockKind::attention);
    layout.add(prefix + ".out_proj.bias", {embedding}, BlockKind::attention);
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    std::fill(own.begin(), own.end(), T(0));
    const auto fill = [&](const Rows<T>& weight, double bound) {
      const auto begin = static_cast<std::uint64_t>(weight.data - own.data());
      for (std::size_t i = 0; i < weight.size(); ++i)
        weight.data[i] = static_cast<T>((2 * random.uniform(first + begin + i) - 1) * bound);
    };
    const Parameters<T> theta = split(own);
    fill(theta.in, std::sqrt(1.5 / static_cast<double>(embedding)));
    fill(theta.out, 1 / std::sqrt(static_cast<double>(embedding)));
  }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    const Parameters<const T> theta = split(flow.theta);
    const Sequences samples(flow, x, positions);
    const Arrays<T> arrays = reserve(flow.memory, samples);
    product(backend, apart(x), Transposed<T>{theta.in}, arrays.projected, embedding, StartFromRow<T>{theta.in_bias});
    for_each_sample(backend, samples, [&](std::size_t n) {
      for (std::size_t h = 0; h < heads; ++h) attend(head(arrays, samples, n, h));
    });
    product(backend, Rows<const T>(arrays.joined), Transposed<T>{theta.out}, apart(y), embedding,
            StartFromRow<T>{theta.out_bias});
  }

  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> out) const {
    const Parameters<const T> theta = split(flow.theta);
    const Sequences samples(flow, x, positions);
    const Arrays<T> arrays = reserve(flow.memory, samples);
    const Rows<const T> d = apart(Rows<const T>(dy));
    product(backend, d, theta.out, arrays.joined_gradient, embedding, Add{false});
    detail::grow(flow.scratch, samples.count * positions);
    for_each_sample(backend, samples, [&](std::size_t n) {
      for (std::size_t h = 0; h < heads; ++h)
        attend_back(head(arrays, samples, n, h), flow.scratch.data() + n * positions);
    });
    const Rows<const T> of_projected = arrays.projected_gradient;
    if (dx.data != nullptr) product(backend, of_projected, theta.in, apart(dx), 3 * embedding, Add{false});
    if (out.empty()) return;
    const Parameters<T> gradient = split(out);
    sequence_product(backend, pass, samples, of_projected, apart(x), gradient.in, flow.scratch);
    sequence_product(backend, pass, samples, d, Rows<const T>(arrays.joined), gradient.out, flow.scratch);
    sequence_sum(backend, pass, samples, d, 0, std::span<T>(gradient.out_bias, embedding));
    for (const std::size_t part : {std::size_t{0}, std::size_t{2}})  // q and v
      sequence_sum(backend, pass, samples, of_projected, part * embedding,
                   std::span<T>(gradient.in_bias + part * embedding, embedding));
    if (pass.first() && !pass.add) std::fill_n(gradient.in_bias + embedding, embedding, T(0));
  }

 private:
  /// One weight for each pair of positions and each head.
  [[nodiscard]] Shape pairs() const { return {heads, positions, positions}; }
  [[nodiscard]] std::size_t head_width() const { return embedding / heads; }

  template <class T>
  struct Parameters {
    Rows<T> in, out;
    T *in_bias, *out_bias;
  };

  template <class T>
  Parameters<T> split(std::span<T> own) const {
    T* const in_bias = own.data() + 3 * embedding * embedding;
    T* const out = in_bias + 3 * embedding;
    return {{own.data(), 3 * embedding, embedding}, {out, embedding, embedding}, in_bias, out + embedding * embedding};
  }

  /// What a forward pass keeps and a backward pass makes, with one row for each position.
  template <class T>
  struct Arrays {
    Rows<T> projected;           ///< q, k, v of all heads
    Rows<T> joined;              ///< c of all heads
    T* weights;                  ///< a_ij, a matrix for each sample and head
    Rows<T> projected_gradient;  ///< ∂/∂(q, k, v)
    Rows<T> joined_gradient;     ///< ∂/∂c
  };

  template <class T>
  Arrays<T> reserve(LayerMemory<T>& memory, const Sequences& samples) const {
    const auto array = [&](std::size_t k, std::size_t size) {
      detail::grow(memory.array(k), size);
      return memory.array(k).data();
    };
    const auto rows = [&](std::size_t k, std::size_t width) {
      return Rows<T>{array(k, samples.rows() * width), samples.rows(), width};
    };
    return {rows(0, 3 * embedding), rows(1, embedding), array(2, detail::values_of(samples.count, pairs())),
            rows(3, 3 * embedding), rows(4, embedding)};
  }

  /// One head of one sample: the first of `length` rows of each array.
  template <class T>
  struct Head {
    std::size_t length;
    const T *q, *k, *v;
    T *c, *weights;
    const T* c_gradient;
    T *q_gradient, *k_gradient, *v_gradient;
  };

  template <class T>
  Head<T> head(const Arrays<T>& arrays, const Sequences& samples, std::size_t n, std::size_t h) const {
    const std::size_t row = samples.begin(n), first = h * head_width();
    T* const q = arrays.projected.data + row * 3 * embedding + first;
    T* const q_gradient = arrays.projected_gradient.data + row * 3 * embedding + first;
    return {samples.length(n),
            q,
            q + embedding,
            q + 2 * embedding,
            arrays.joined.data + row * embedding + first,
            arrays.weights + (n * heads + h) * positions * positions,
            arrays.joined_gradient.data + row * embedding + first,
            q_gradient,
            q_gradient + embedding,
            q_gradient + 2 * embedding};
  }

  /// The number of positions that position i sees.
  [[nodiscard]] std::size_t seen(std::size_t i, std::size_t length) const { return causal ? i + 1 : length; }

  [[nodiscard]] double scale() const { return 1 / std::sqrt(static_cast<double>(head_width())); }

  /// The weights and outputs of a head.
  template <class T>
  void attend(const Head<T>& head) const {
    const std::size_t step = 3 * embedding, width = head_width();
    const T factor = static_cast<T>(scale());
    for (std::size_t i = 0; i < head.length; ++i) {
      const std::size_t count = seen(i, head.length);
      T* a = head.weights + i * head.length;
      for (std::size_t j = 0; j < count; ++j)
        a[j] = factor * detail::dot(head.q + i * step, head.k + j * step, 1, width);
      (void)lifelong::softmax(std::span<T>(a, count));
      weighted_sum(a, count, head.v, step, width, head.c + i * embedding);
    }
  }

  /// With g = ∂/∂c_i: ∂/∂a_ij = g · v_j, and through the softmax ∂/∂(q_i · k_j) = a_ij (∂/∂a_ij - Σ_j a_ij ∂/∂a_ij) /
  /// √width. `scores` has room for a value per position.
  template <class T>
  void attend_back(const Head<T>& head, T* scores) const {
    const std::size_t step = 3 * embedding, width = head_width();
    const T factor = static_cast<T>(scale());
    for (std::size_t i = 0; i < head.length; ++i) {
      std::fill_n(head.k_gradient + i * step, width, T(0));
      std::fill_n(head.v_gradient + i * step, width, T(0));
    }
    for (std::size_t i = 0; i < head.length; ++i) {
      const std::size_t count = seen(i, head.length);
      const T *a = head.weights + i * head.length, *g = head.c_gradient + i * embedding, *q = head.q + i * step;
      T mean(0);
      for (std::size_t j = 0; j < count; ++j) {
        scores[j] = detail::dot(g, head.v + j * step, 1, width);
        mean += a[j] * scores[j];
        add_scaled(a[j], g, width, head.v_gradient + j * step);
      }
      for (std::size_t j = 0; j < count; ++j) {
        scores[j] = factor * a[j] * (scores[j] - mean);
        add_scaled(scores[j], q, width, head.k_gradient + j * step);
      }
      weighted_sum(scores, count, head.k, step, width, head.q_gradient + i * step);
    }
  }

  /// to = Σ_j a_j row_j.
  template <class T>
  static void weighted_sum(const T* a, std::size_t count, const T* rows, std::size_t step, std::size_t width, T* to) {
    detail::for_each_packet<T>(0, width, [&]<class V>(std::size_t f) {
      V sum(T(0));
      for (std::size_t j = 0; j < count; ++j) sum = sum + V(a[j]) * load<V>(rows, j * step + f);
      store<V>(to, f, sum);
    });
  }

  /// to += a x.
  template <class T>
  static void add_scaled(T a, const T* x, std::size_t width, T* to) {
    detail::for_each_packet<T>(0, width,
                               [&]<class V>(std::size_t f) { store<V>(to, f, load<V>(to, f) + V(a) * load<V>(x, f)); });
  }

  /// One row per position.
  template <class T>
  Rows<T> apart(Rows<T> samples) const {
    return {samples.data, samples.size() / embedding, embedding};
  }

  template <class Backend, class Body>
  void for_each_sample(const Backend& backend, const Sequences& samples, const Body& body) const {
    detail::for_each_range(backend, samples.count, 8 * positions * positions * embedding,
                           [&](std::size_t begin, std::size_t end) {
                             for (std::size_t n = begin; n < end; ++n) body(n);
                           });
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
