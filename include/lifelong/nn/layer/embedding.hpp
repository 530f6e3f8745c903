// SPDX-License-Identifier: MIT
// A row of parameters for each token.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// y_p = W[x_p], PyTorch's `Embedding`. It maps {positions}, whose values are token numbers 0 .. tokens-1, to
/// {positions, features}. The parameter is `weight` {tokens, features}, standard normal at first. In a float, token
/// numbers below 2^24 are exact.
///
/// A token that a sample has several times has one gradient, the sum over its positions, and m is applied to that, so
/// moments are exact. The positions of each sample are sorted by token, so no memory grows with samples times tokens.
struct Embedding {
  std::size_t tokens = 0;
  std::size_t features = 0;
  std::size_t positions = 0;  ///< per sample, found by `connect`

  static constexpr bool in_place = false;
  static constexpr Lengths lengths = Lengths::kept;
  static constexpr bool reads_tokens = true;

  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "Embedding(tokens " + std::to_string(tokens) + ", features " + std::to_string(features) + ")";
  }

  /// \throws InvalidArgument without tokens or features or for more than 2^32 tokens, ShapeMismatch unless it is given
  /// {positions}.
  Shape connect(Shape in) {
    if (tokens == 0 || features == 0)
      lifelong::detail::raise<InvalidArgument>(name() + " must have at least 1 token and 1 feature");
    if (tokens - 1 > most_index) lifelong::detail::raise<InvalidArgument>(name() + " has more than 2^32 tokens");
    if (in.rank() != 1)
      lifelong::detail::raise<ShapeMismatch>(name() + " takes one token number per position but is given " + in.text());
    positions = in.size();
    return {positions, features};
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight", {tokens, features}, BlockKind::embedding);
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<T>(random.normal(first + i));
  }

  /// \throws InvalidArgument for a value that is not the number of a token, or for 2^32 positions or more in a batch.
  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    read_tokens(flow.memory.indices(), Sequences(flow, x, positions), x);
    const std::uint32_t* token = flow.memory.indices().data();
    detail::for_each_range(backend, x.size(), 2 * features, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r)
        std::copy_n(flow.theta.data() + token[r] * features, features, y.data + r * features);
    });
  }

  /// Token numbers have no gradient: dx = 0.
  template <class T, class Backend, class Moment>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> out) const {
    if (dx.data != nullptr) std::fill_n(dx.data, dx.size(), T(0));
    if (out.empty()) return;
    const Sequences samples(flow, x, positions);
    if (pass.first()) sort_positions(flow.memory.indices(), samples);
    if (pass.first() && !pass.add) std::fill(out.begin(), out.end(), T(0));
    const std::uint32_t *token = flow.memory.indices().data(), *order = token + x.size();
    detail::for_each_range(backend, features, 4 * x.size() + 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = 0, next = 0, n = 0; i < x.size(); i = next) {
        while (i >= samples.end(n)) ++n;
        for (next = i + 1; next < samples.end(n) && token[order[next]] == token[order[i]];) ++next;
        T* to = out.data() + token[order[i]] * features;
        detail::for_each_packet<T>(begin, end, [&]<class V>(std::size_t f) {
          V sum(T(0));
          for (std::size_t k = i; k < next; ++k) sum = sum + load<V>(dy.data + order[k] * features, f);
          store<V>(to, f, load<V>(to, f) + pass.moment(sum));
        });
      }
    });
  }

 private:
  static constexpr std::size_t most_index = 0xFFFFFFFF;

  [[nodiscard]] std::string name() const {
    return "Embedding{" + std::to_string(tokens) + ", " + std::to_string(features) + "}";
  }

  /// Writes the tokens to the first N · positions indices.
  template <class T>
  void read_tokens(std::vector<std::uint32_t>& indices, const Sequences& samples, Rows<const T> x) const {
    if (x.size() > most_index)
      lifelong::detail::raise<InvalidArgument>(name() + " is given a batch of " + std::to_string(x.count) + " x " +
                                               std::to_string(x.width) + " positions, more than 2^32 - 1");
    detail::grow(indices, 2 * x.size());
    for (std::size_t r = 0, n = 0; r < x.size(); ++r) {
      while (r >= samples.end(n)) ++n;
      const T value = x.data[r];
      if (!(value >= 0 && value < static_cast<T>(tokens)) || static_cast<T>(static_cast<std::uint32_t>(value)) != value)
        lifelong::detail::raise<InvalidArgument>(
            name() + " has no token " + lifelong::detail::text(static_cast<double>(value)) + ", which is at position " +
            std::to_string(r - samples.begin(n)) + " of sample " + std::to_string(n));
      indices[r] = static_cast<std::uint32_t>(value);
    }
  }

  /// Writes the positions of all samples to the indices behind them, those of each sample sorted by token.
  static void sort_positions(std::vector<std::uint32_t>& indices, const Sequences& samples) {
    const std::uint32_t* token = indices.data();
    std::uint32_t* order = indices.data() + samples.rows();
    for (std::size_t r = 0; r < samples.rows(); ++r) order[r] = static_cast<std::uint32_t>(r);
    for (std::size_t n = 0; n < samples.count; ++n)
      std::sort(order + samples.begin(n), order + samples.end(n), [token](std::uint32_t a, std::uint32_t b) {
        return token[a] != token[b] ? token[a] < token[b] : a < b;
      });
  }
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
