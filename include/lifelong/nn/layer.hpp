// What a layer is, and how a network walks over its layers.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/rows.hpp>

namespace lifelong::nn {

/// One of the backward passes of a call: Σ_n Σ_k m(∂⟨seed_nk, f(x_n)⟩/∂θ) takes `seeds` passes k over the same inputs.
template <class Moment>
struct Pass {
  Moment moment{};        ///< m, applied to the gradient of each sample and seed
  std::size_t seed = 0;   ///< k
  std::size_t seeds = 1;  ///< passes k = 0 .. seeds-1 of this call
  bool add = false;       ///< whether the result is added to `out` or replaces it

  [[nodiscard]] bool first() const { return seed == 0; }
  [[nodiscard]] bool last() const { return seed + 1 == seeds; }
};

/// Arrays that a network lends a layer. They grow and are reused.
template <class T>
struct LayerMemory {
  AlignedVector<T>& kept;     ///< the layer's own: stays from the first pass of a call to the last
  AlignedVector<T>& scratch;  ///< shared by all layers: contents are lost
};

/// A layer is a value without arrays: shapes and settings. Its parameters are a stretch of the network's vector.
///  - `inputs()`: values per sample it takes, 0 if any; `outputs(inputs)`: values it makes; both after `validate()`;
///  - `declare(layout, prefix)` appends its blocks; `initialize(θ, random, first)` fills them, element i with draw
///    first + i;
///  - `forward(backend, θ, x, y)` overwrites y;
///  - `backward(backend, θ, x, y, dy, dx)` overwrites dx with the gradient of its inputs; if `in_place`, dx is dy;
///  - `accumulate(backend, pass, x, dy, memory, out)` takes in the gradient of θ of one pass; after the last one `out`
///    has Σ_n Σ_k m(·). It may overwrite dy. How it gets there is its own affair: `Linear` folds the passes before one
///    product; a layer that uses a weight at several positions forms each sample's gradient and applies m to that.
template <class L>
concept Layer = std::copyable<L> && requires(const L& layer, Layout& layout, std::size_t n, const std::string& prefix,
                                             const Random& random, std::span<float> out, std::span<const float> own,
                                             Rows<const float> x, Rows<float> d, LayerMemory<float> memory) {
  { L::in_place } -> std::convertible_to<bool>;
  { layer.inputs() } -> std::same_as<std::size_t>;
  { layer.outputs(n) } -> std::same_as<std::size_t>;
  layer.validate();
  layer.declare(layout, prefix);
  layer.initialize(out, random, std::uint64_t{});
  layer.forward(backend::Serial{}, own, x, d);
  layer.backward(backend::Serial{}, own, x, x, d, d);
  layer.accumulate(backend::Serial{}, Pass<moment::Square>{}, x, d, memory, out);
};

namespace detail {

/// Calls `visit(l, layer)` for l = 0, 1, ...; layers are a tuple, or a vector of variants.
template <class... L, class Visit>
void for_each_layer(const std::tuple<L...>& layers, const Visit& visit) {
  [&]<std::size_t... l>(std::index_sequence<l...>) { (visit(l, std::get<l>(layers)), ...); }
  (std::index_sequence_for<L...>{});
}

template <class... L, class Visit>
void for_each_layer(const std::vector<std::variant<L...>>& layers, const Visit& visit) {
  for (std::size_t l = 0; l < layers.size(); ++l) std::visit([&](const auto& layer) { visit(l, layer); }, layers[l]);
}

/// The same from the last layer to the first.
template <class... L, class Visit>
void for_each_layer_backwards(const std::tuple<L...>& layers, const Visit& visit) {
  constexpr std::size_t last = sizeof...(L) - 1;
  [&]<std::size_t... l>(std::index_sequence<l...>) { (visit(last - l, std::get<last - l>(layers)), ...); }
  (std::index_sequence_for<L...>{});
}

template <class... L, class Visit>
void for_each_layer_backwards(const std::vector<std::variant<L...>>& layers, const Visit& visit) {
  for (std::size_t l = layers.size(); l-- > 0;) std::visit([&](const auto& layer) { visit(l, layer); }, layers[l]);
}

/// Makes room for `size` elements.
template <class V>
void grow(V& values, std::size_t size) {
  if (values.size() < size) values.resize(size);
}

}  // namespace detail
}  // namespace lifelong::nn
