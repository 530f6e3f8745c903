// SPDX-License-Identifier: MIT
// What a layer is, and what it is given when it runs.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <lifelong/backend/serial.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// Whether a layer may drop values and update running statistics. Only `Network::gradient` trains.
enum class Mode { train, evaluate };

/// One of the backward passes of a call: Σ_n Σ_k m(∂⟨v_nk, f(x_n)⟩/∂θ) takes `cotangents` passes k over the same
/// inputs.
template <class Moment>
struct Pass {
  Moment moment{};             ///< m, applied to the gradient of each sample and cotangent
  std::size_t cotangent = 0;   ///< k
  std::size_t cotangents = 1;  ///< passes k = 0 .. cotangents-1 of this call
  bool add = false;            ///< true if the result is added to `out`, false if it replaces it

  [[nodiscard]] bool first() const { return cotangent == 0; }
  [[nodiscard]] bool last() const { return cotangent + 1 == cotangents; }
};

/// Arrays of a network that one layer uses. They grow, are reused, and are copied with the network. What a layer writes
/// stays from the forward pass of a call to its last backward pass. Composite layers have children, so the memory is a
/// tree.
template <class T>
class LayerMemory {
 public:
  /// Array k < 6 of the layer's own.
  [[nodiscard]] AlignedVector<T>& array(std::size_t k) { return arrays_[k]; }
  /// The same for whole numbers.
  [[nodiscard]] std::vector<std::uint32_t>& indices() { return indices_; }
  /// The layer's outputs in the last forward pass, which the chain it is part of keeps.
  [[nodiscard]] AlignedVector<T>& output() { return output_; }

  /// Memory of part k < n of a composite layer, after `resize_children(n)`.
  [[nodiscard]] LayerMemory& child(std::size_t k) { return children_[k]; }
  void resize_children(std::size_t n) {
    if (children_.size() != n) children_.resize(n);
  }

 private:
  std::array<AlignedVector<T>, 6> arrays_;
  AlignedVector<T> output_;
  std::vector<std::uint32_t> indices_;
  std::vector<LayerMemory> children_;
};

/// What a layer is given besides its inputs.
template <class T>
struct Flow {
  std::span<const T> theta;   ///< its parameters
  std::span<T> buffers;       ///< its running statistics, mostly none; it may change them in Mode::train only
  LayerMemory<T>& memory;     ///< its own arrays
  AlignedVector<T>& scratch;  ///< shared by all layers, so its contents are lost between calls
  Mode mode;
  Random random;             ///< a sequence of its own for every training pass
  std::uint64_t first_draw;  ///< number of the first of this layer's N · `draws()` draws
  /// For inputs that are sequences of unequal length: sample n has the rows starts[n] .. starts[n+1] - 1, one for each
  /// of its positions. Empty where a row is a sample.
  std::span<const std::size_t> starts = {};
};

/// What a layer does with sequences of unequal length. They come without their padding: a row is one position, and
/// `Flow::starts` says which rows are a sample's. Nothing that a layer computes can then depend on padding.
enum class Lengths {
  refused,  ///< a batch with lengths is refused before anything is computed
  kept,     ///< the outputs are sequences of the same lengths
  ended     ///< the outputs are one row for each sample
};

/// The rows of each sample's positions, where samples may be of equal length or not. Row k of `count` sequences of
/// equal length belongs to sample k / positions.
struct Sequences {
  std::span<const std::size_t> starts;
  std::size_t positions;  ///< of each sample, if there are no starts
  std::size_t count;      ///< number of samples

  template <class T, class Flow>
  Sequences(const Flow& flow, const Rows<T>& x, std::size_t positions_per_sample)
      : starts(flow.starts),
        positions(positions_per_sample),
        count(flow.starts.empty() ? x.count : flow.starts.size() - 1) {}

  /// The first row of sample n, and the one behind its last.
  [[nodiscard]] std::size_t begin(std::size_t n) const { return starts.empty() ? n * positions : starts[n]; }
  [[nodiscard]] std::size_t end(std::size_t n) const { return begin(n + 1); }
  [[nodiscard]] std::size_t length(std::size_t n) const { return end(n) - begin(n); }
  /// The number of all rows.
  [[nodiscard]] std::size_t rows() const { return begin(count); }
};

namespace detail {

template <class V>
LIFELONG_ONE_COPY void resize_work_array(V& values, std::size_t size) {
  lifelong::detail::with_memory([&] { values.resize(size); },
                                [&] { return "no memory for a work array of " + std::to_string(size) + " values"; });
}

/// Makes room for `size` elements. \throws OutOfMemory.
template <class V>
void grow(V& values, std::size_t size) {
  if (values.size() < size) resize_work_array(values, size);
}

/// The settings of a layer or a loss in a line, or `otherwise` if it has none to tell.
template <class Part>
std::string recipe_of(const Part& part, const char* otherwise) {
  if constexpr (requires {
                  { part.recipe() } -> std::convertible_to<std::string>;
                })
    return part.recipe();
  else
    return otherwise;
}

/// True for layers that are already in a tuple.
template <class L>
inline constexpr bool is_tuple = false;
template <class... L>
inline constexpr bool is_tuple<std::tuple<L...>> = true;

/// A layer that changes shapes but no values, so it has neither `forward` nor `backward`.
template <class L>
inline constexpr bool passes_through = false;
template <class L>
requires requires { L::passes_through; }
inline constexpr bool passes_through<L> = L::passes_through;

/// What a layer does with sequences of unequal length; one that does not say refuses them.
template <class L>
inline constexpr Lengths lengths_of = Lengths::refused;
template <class L>
requires requires { L::lengths; }
inline constexpr Lengths lengths_of<L> = L::lengths;

/// A layer whose inputs are the numbers of tokens: {positions} is a sequence to it.
template <class L>
inline constexpr bool reads_tokens = false;
template <class L>
requires requires { L::reads_tokens; }
inline constexpr bool reads_tokens<L> = L::reads_tokens;

template <class L>
concept has_passes = requires(const L& layer, Flow<float> flow, std::span<float> out, Rows<const float> x,
                              Rows<float> d) {
  layer.forward(backend::Serial{}, flow, x, d);
  layer.backward(backend::Serial{}, Pass<moment::Square>{}, flow, x, x, d, d, out);
};

}  // namespace detail

/// A layer is a value without arrays: its settings, and the shape it was connected to. Its parameters are a stretch of
/// the network's vector. It has
/// - `expected()`: the shape of its inputs if its settings determine that, else `Shape{}`;
/// - `connect(in)`: checks its settings and the shape of its inputs, remembers what it needs, returns the shape of its
///   outputs; \throws InvalidArgument, ShapeMismatch;
/// - `declare(layout, prefix)` appends its blocks; `initialize(θ, random, first)` fills them, element i with draw
///   first + i;
/// - `forward(backend, flow, x, y)` overwrites y; rows hold one sample each;
/// - `backward(backend, pass, flow, x, y, dy, dx, out)` overwrites dx with the gradient of its inputs (dx.data is
///   dy.data if the layer is `in_place`, else another array; null if that gradient is not needed), and adds up the
///   gradient of θ over the passes: after the last one `out` has Σ_n Σ_k m(·) of samples n and cotangents k. It may
///   overwrite dy. An empty `out` asks for no gradient of θ. The layer is free in how it computes this: `Linear` folds
///   the passes before one product; a layer that uses a weight at several positions forms each sample's gradient and
///   applies m to that. No layer has an array of N x P.
///
/// It may also have
/// - `recipe()`: its settings in a line, `Dropout(rate 0.3)`: a name, and in parentheses each setting's name and value,
///   for `Network::recipe`;
/// - `declare_buffers(layout, prefix)` and `initialize_buffers(buffers)`: running statistics;
/// - `draws()`: the number of random numbers it needs per sample in training;
/// - `require_samples_apart()`: \throws InvalidArgument if, in evaluation, outputs of a sample depend on the other
///   samples of the batch, so that a sample has no gradient of its own;
/// - `lengths`: what it does with sequences of unequal length, see `Lengths`;
/// - `reads_tokens`: true for a layer to which {positions} is a sequence, like `Embedding`;
/// - `freeze(learning, first)` of a composite layer, which tells its parts which parameters learn (see
/// `Chain::freeze`);
/// - `passes_through`: true for a layer that changes shapes only, without `forward` and `backward`;
/// - `backward(..., out, hook)` of a composite layer, which calls the hook for its parts (see `Chain::backward`).
template <class L>
concept Layer = std::copyable<L> && requires(L& connected, const L& layer, Layout& layout, const std::string& prefix,
                                             const Random& random, std::span<float> out) {
  { L::in_place } -> std::convertible_to<bool>;
  { layer.expected() } -> std::same_as<Shape>;
  { connected.connect(Shape{}) } -> std::same_as<Shape>;
  layer.declare(layout, prefix);
  layer.initialize(out, random, std::uint64_t{});
} &&(detail::passes_through<L> || detail::has_passes<L>);

namespace detail {

/// Says in one sentence each what a type lacks, as core/model.hpp does.
template <class L>
consteval bool require_layer() {
  static_assert(std::copyable<L>, "Layer: the layer must be copyable");
  static_assert(
      requires {
        { L::in_place } -> std::convertible_to<bool>;
      },
      "Layer: the layer needs in_place, a static bool");
  static_assert(
      requires(const L& layer) {
        { layer.expected() } -> std::same_as<Shape>;
      },
      "Layer: the layer needs expected() const, the Shape of its inputs or Shape{}");
  static_assert(
      requires(L & layer) {
        { layer.connect(Shape{}) } -> std::same_as<Shape>;
      },
      "Layer: the layer needs connect(shape), which returns the Shape of its outputs");
  static_assert(
      requires(const L& layer, Layout& layout, const std::string& prefix) { layer.declare(layout, prefix); },
      "Layer: the layer needs declare(layout, prefix) const, which appends its blocks of parameters");
  static_assert(
      requires(const L& layer, std::span<float> out, const Random& random) {
        layer.initialize(out, random, std::uint64_t{});
      },
      "Layer: the layer needs initialize(theta, random, first) const");
  static_assert(Layer<L>,
                "Layer: the layer needs forward(backend, flow, x, y) const and backward(backend, pass, flow, x, "
                "y, dy, dx, out) const, or passes_through if it changes shapes only");
  return true;
}

}  // namespace detail

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
