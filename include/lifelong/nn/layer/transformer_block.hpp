// SPDX-License-Identifier: MIT
// A block of a transformer: attention and a small network, each with a path around it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <lifelong/core/layout.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/chain.hpp>
#include <lifelong/nn/layer/activation.hpp>
#include <lifelong/nn/layer/attention.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/layer_norm.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/layer/residual.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// `TransformerBlock{embedding, heads, hidden}`: on every position of {positions, embedding}
///   h = x + attention(norm1(x)),  y = h + linear2(GELU(linear1(norm2(h)))),
/// with `hidden` values between the two `Linear`. It is made of `MultiHeadAttention`, `LayerNorm`, `Linear` and `GELU`
/// in two residual blocks. The names of the parameters are those of PyTorch's `TransformerEncoderLayer(embedding,
/// heads, hidden, dropout=0, activation="gelu", batch_first=True, norm_first=True)`: `self_attn.in_proj_weight`,
/// `linear1.weight`, `norm1.weight`, ... A `MultiHeadAttention` that is `causal` may be given in place of the first two
/// numbers. Xiong 2020.
class TransformerBlock {
 public:
  static constexpr bool in_place = false;
  static constexpr Lengths lengths = Lengths::kept;

  TransformerBlock(std::size_t embedding, std::size_t heads, std::size_t hidden)
      : TransformerBlock(MultiHeadAttention{embedding, heads}, hidden) {}
  TransformerBlock(MultiHeadAttention attention, std::size_t hidden)
      : attention_(attention), hidden_(hidden), chain_(layers(attention, hidden)) {}

  [[nodiscard]] Shape expected() const { return {}; }

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const {
    return "TransformerBlock(embedding " + std::to_string(attention_.embedding) + ", heads " +
           std::to_string(attention_.heads) + ", hidden " + std::to_string(hidden_) +
           (attention_.causal ? ", causal)" : ")");
  }

  /// \throws as its layers.
  Shape connect(Shape in) { return chain_.connect(in); }

  void declare(Layout& layout, const std::string& prefix) const {
    Layout parts;
    chain_.declare(parts, "");
    for (const Block& block : parts.blocks()) layout.add(prefix + "." + name_of(block.name), block.shape, block.kind);
  }
  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    chain_.initialize(own, random, first);
  }
  void freeze(std::span<const ParameterRange> learning, std::size_t first) { chain_.freeze(learning, first); }

  template <class T, class Backend>
  void forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x, Rows<T> y) const {
    const Rows<const T> outputs = chain_.forward(backend, flow, x);
    std::copy_n(outputs.data, outputs.size(), y.data);
  }

  template <class T, class Backend, class Moment, class Hook = detail::NoHook>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<const T>,
                Rows<T> dy, Rows<T> dx, std::span<T> out, const Hook& hook = {}) const {
    chain_.backward(backend, pass, flow, x, dy, dx, out, hook);
  }

 private:
  using Attend = Residual<std::tuple<LayerNorm, MultiHeadAttention>>;
  using Transform = Residual<std::tuple<LayerNorm, Linear, GELU, Linear>>;

  static std::tuple<Attend, Transform> layers(const MultiHeadAttention& attention, std::size_t hidden) {
    const std::size_t embedding = attention.embedding;
    return {residual(LayerNorm{embedding}, attention),
            residual(LayerNorm{embedding}, Linear{embedding, hidden}, GELU{}, Linear{hidden, embedding})};
  }

  /// PyTorch's name of a block of the chain.
  static std::string name_of(const std::string& place) {
    using Names = std::array<std::pair<std::string_view, std::string_view>, 5>;
    constexpr Names names{
        {{"0.0", "norm1"}, {"0.1", "self_attn"}, {"1.0", "norm2"}, {"1.1", "linear1"}, {"1.3", "linear2"}}};
    std::string name = place;
    for (const auto& [number, word] : names)
      if (std::string_view(place).starts_with(number)) name = std::string(word) + place.substr(number.size());
    return name;
  }

  MultiHeadAttention attention_;
  std::size_t hidden_;
  Chain<std::tuple<Attend, Transform>> chain_;
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
