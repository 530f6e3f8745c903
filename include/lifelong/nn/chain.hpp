// SPDX-License-Identifier: MIT
// Layers one after the other: where the parameters, inputs and outputs of each lie, and the passes over all of them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/draws.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/list.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/layer_slot.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

/// Layers in a row, of which a network and every composite layer are made: a `std::tuple` of layers or a
/// `std::vector<std::variant<...>>` of them. Like a layer, a chain is a value without arrays. Its parameters and
/// buffers are those of its layers in order. In the memory it is given, child l belongs to layer l, and the chain
/// itself uses arrays 0 and 1.
template <class Layers>
class Chain {
  static_assert(detail::require_layers(static_cast<const Layers*>(nullptr)));

 public:
  explicit Chain(Layers layers) : layers_(std::move(layers)) {}

  [[nodiscard]] const Layers& layers() const { return layers_; }
  [[nodiscard]] Shape input_shape() const { return input_; }
  [[nodiscard]] Shape output_shape() const { return slots_.empty() ? input_ : slots_.back().shape; }

  /// The input shape that the first layer with a known one expects, if the layers before it keep shapes.
  [[nodiscard]] Shape expected() const {
    Shape found;
    bool known = true;
    detail::for_each_layer(layers_, [&]<class L>(std::size_t, const L& layer) {
      if (known && found.rank() == 0) found = layer.expected();
      known = known && L::in_place && !detail::passes_through<L>;
    });
    return found;
  }

  /// All layers in a line: `Linear(in 4, out 3), ReLU()`.
  [[nodiscard]] std::string recipe() const {
    std::string line;
    detail::for_each_layer(layers_, [&](std::size_t l, const auto& layer) {
      line += (l == 0 ? "" : ", ") + detail::recipe_of(layer, "a layer without a recipe");
    });
    return line;
  }

  /// Connects all layers; returns the shape of the outputs. \throws what a layer throws, with its number in front, and
  /// InvalidArgument for one with 2^32 outputs or more.
  Shape connect(Shape in) {
    detail::at("the inputs", [&] { detail::require_addressable(in); });
    input_ = in;
    slots_.clear();
    refusal_.clear();
    sequences_ = true;
    Layout parameters, buffers;
    detail::Draws draws;
    Shape shape = in;
    detail::for_each_layer(layers_, [&]<class L>(std::size_t l, L& layer) {
      Slot slot;
      slot.sequences = sequences_;
      if (sequences_) {
        if (refusal_.empty() && !detail::takes_lengths<L>(shape))
          refusal_ = detail::refusal_of_lengths(l, detail::recipe_of(layer, "one of your own"), shape,
                                                detail::reads_tokens<L>);
        sequences_ = detail::lengths_of<L> == Lengths::kept;
      }
      slot.draws = draws;
      if constexpr (requires { layer.draws(); }) slot.positions = shape[0];
      shape = detail::at("layer " + std::to_string(l), [&] {
        const Shape out = layer.connect(shape);
        detail::require_addressable(out);
        return out;
      });
      slot.shape = shape;
      slot.offset = parameters.size();
      layer.declare(parameters, std::to_string(l));
      slot.size = parameters.size() - slot.offset;
      slot.buffer_offset = buffers.size();
      if constexpr (requires { layer.declare_buffers(buffers, std::string()); })
        layer.declare_buffers(buffers, std::to_string(l));
      slot.buffer_size = buffers.size() - slot.buffer_offset;
      if constexpr (requires { layer.draws(); }) draws.add(layer.draws(), slot.sequences ? slot.positions : 0);
      slot.passes_through = detail::passes_through<std::remove_cvref_t<decltype(layer)>>;
      slot.in_place = layer.in_place;
      slots_.push_back(slot);
    });
    draws_ = draws;
    return shape;
  }

  /// Adds `outputs` outputs to the last layer with parameters; call `connect` next.
  /// \throws InvalidArgument if that layer cannot grow.
  void grow(std::size_t outputs) {
    bool asked = false;
    detail::for_each_layer_backwards(layers_, [&](std::size_t l, auto& layer) {
      if (asked || slots_[l].size == 0) return;
      asked = true;
      if constexpr (requires { layer.grow(outputs); })
        layer.grow(outputs);
      else
        lifelong::detail::raise<InvalidArgument>("layer " + std::to_string(l) +
                                                 " makes the outputs and cannot grow: use Heads in its place");
    });
  }

  /// Whether that layer can grow.
  [[nodiscard]] bool can_grow() const {
    bool can = false;
    detail::for_each_layer(layers_, [&](std::size_t l, const auto& layer) {
      if (slots_[l].size > 0) can = requires(std::remove_cvref_t<decltype(layer)> & last) {
          last.grow(std::size_t{});
        };
    });
    return can;
  }

  /// Appends the blocks of all layers: `prefix.0.weight`, ...; without a prefix `0.weight`.
  void declare(Layout& layout, const std::string& prefix) const {
    detail::for_each_layer(layers_,
                           [&](std::size_t l, const auto& layer) { layer.declare(layout, detail::part(prefix, l)); });
  }
  void declare_buffers(Layout& layout, const std::string& prefix) const {
    detail::for_each_layer(layers_, [&](std::size_t l, const auto& layer) {
      if constexpr (requires { layer.declare_buffers(layout, prefix); })
        layer.declare_buffers(layout, detail::part(prefix, l));
    });
  }

  template <class T>
  void initialize(std::span<T> theta, const Random& random, std::uint64_t first) const {
    detail::for_each_layer(layers_, [&](std::size_t l, const auto& layer) {
      layer.initialize(own(l, theta), random, first + slots_[l].offset);
    });
  }
  template <class T>
  void initialize_buffers(std::span<T> buffers) const {
    detail::for_each_layer(layers_, [&](std::size_t l, const auto& layer) {
      if constexpr (requires { layer.initialize_buffers(buffers); })
        layer.initialize_buffers(buffers.subspan(slots_[l].buffer_offset, slots_[l].buffer_size));
    });
  }

  /// Number of parameters and of running statistics.
  [[nodiscard]] std::size_t parameters() const {
    return slots_.empty() ? 0 : slots_.back().offset + slots_.back().size;
  }
  [[nodiscard]] std::size_t buffers() const {
    return slots_.empty() ? 0 : slots_.back().buffer_offset + slots_.back().buffer_size;
  }

  /// Number of random numbers per sample in a training pass.
  [[nodiscard]] std::size_t draws() const { return draws_.of_sample; }
  /// Number of random numbers of a training pass on `rows` rows of inputs.
  template <class T>
  [[nodiscard]] std::uint64_t draws(const Flow<T>& flow, std::size_t rows) const {
    return draws_.in(flow, rows);
  }

  /// \throws InvalidArgument, which names the layer, if one does not take sequences of unequal length, or if none ends
  /// them.
  void require_lengths_taken() const {
    if (!refusal_.empty()) lifelong::detail::raise<InvalidArgument>("the batch has lengths, but " + refusal_);
    if (sequences_)
      lifelong::detail::raise<InvalidArgument>(
          "the batch has lengths, but the network makes outputs at every position: LastPosition or MeanPosition ends "
          "sequences");
  }

  /// \throws InvalidArgument if a layer mixes samples in evaluation.
  void require_samples_apart() const {
    detail::for_each_layer(layers_, [&](std::size_t l, const auto& layer) {
      if constexpr (requires { layer.require_samples_apart(); })
        detail::at("layer " + std::to_string(l), [&] { layer.require_samples_apart(); });
    });
  }

  /// Notes which layers learn: those with a parameter in one of the ranges, which count the chain's own parameters from
  /// `first` on. A frozen layer runs in evaluation, also where the network trains; no pass computes the gradient of its
  /// parameters, and none goes below the lowest layer that learns.
  void freeze(std::span<const ParameterRange> learning, std::size_t first) {
    detail::for_each_layer(layers_, [&](std::size_t l, auto& layer) {
      Slot& slot = slots_[l];
      const std::size_t begin = first + slot.offset, end = begin + slot.size;
      slot.frozen = slot.size > 0;
      for (const ParameterRange range : learning)
        slot.frozen = slot.frozen && (range.end <= begin || end <= range.first);
      if constexpr (requires { layer.freeze(learning, begin); }) layer.freeze(learning, begin);
    });
  }

  /// The last layer that has parameters: the first of these, and how many inputs a sample has there.
  [[nodiscard]] detail::Head head() const {
    const std::size_t l = head_layer();
    return {slots_[l].offset, l == 0 ? input_.size() : slots_[l - 1].shape.size()};
  }

  /// Runs the layers on x; the outputs stay in the memory until the next forward pass.
  template <class T, class Backend>
  Rows<const T> forward(const Backend& backend, const Flow<T>& flow, Rows<const T> x) const {
    flow.memory.resize_children(slots_.size());
    for (std::size_t l = 0; l < slots_.size(); ++l)
      if (!slots_[l].passes_through)
        detail::grow(flow.memory.child(l).output(), detail::values_of(samples_of(flow, x), slots_[l].shape));
    detail::for_each_layer(layers_, [&]<class L>(std::size_t l, const L& layer) {
      if constexpr (!detail::passes_through<L>)
        layer.forward(backend, flow_of(l, flow, x.count), input(l, flow, x),
                      rows_at(l + 1, flow, x, flow.memory.child(l).output().data()));
    });
    return input(slots_.size(), flow, x);
  }

  /// The inputs of the last layer with parameters in the last forward pass, which ran on x.
  template <class T>
  Rows<const T> head_inputs(const Flow<T>& flow, Rows<const T> x) const {
    return input(head_layer(), flow, x);
  }

  /// One backward pass from dy, which is overwritten. dx is overwritten with the gradient of x unless dx.data is null;
  /// then the pass ends at the lowest layer that learns, or, if `out` is empty, at the lowest with parameters. `out`
  /// receives the gradient of the parameters, see `Layer`. `hook(l, layer, flow, x, dy)` is called before each layer's
  /// backward pass, with the layer's own flow, inputs and gradient of its outputs. Inside composite layers l counts
  /// their parts, and `flow.theta` tells which parameters the layer has.
  template <class T, class Backend, class Moment, class Hook = detail::NoHook>
  void backward(const Backend& backend, const Pass<Moment>& pass, const Flow<T>& flow, Rows<const T> x, Rows<T> dy,
                Rows<T> dx, std::span<T> out, const Hook& hook = {}) const {
    const bool wanted = dx.data != nullptr;
    const std::size_t lowest = wanted ? 0 : first_trained(out.empty());
    reserve(flow.memory, samples_of(flow, x), lowest);
    T* above = dy.data;
    detail::for_each_layer_backwards(layers_, [&]<class L>(std::size_t l, const L& layer) {
      if constexpr (!detail::passes_through<L>) {
        if (l < lowest) return;
        const detail::BackwardOf<T> at = backward_of(l, flow, x, above, dx, l > lowest, out);
        hook(l, layer, at.flow, at.x, Rows<const T>(at.dy));
        if constexpr (requires { layer.backward(backend, pass, at.flow, at.x, at.y, at.dy, at.dx, at.out, hook); })
          layer.backward(backend, pass, at.flow, at.x, at.y, at.dy, at.dx, at.out, hook);
        else
          layer.backward(backend, pass, at.flow, at.x, at.y, at.dy, at.dx, at.out);
        above = at.dx.data;
      }
    });
    if (wanted && above != dx.data) std::copy_n(above, dx.size(), dx.data);
  }

  /// Differentiates every layer with parameters by itself, after a forward pass on x: out += Σ_n m(∂ℓ_l/∂θ_l). The
  /// function F_l of layer l ends at the activation right behind it, if there is one. `start(f, delta, last)` writes
  /// ∂ℓ_l/∂F_l for the values f of F_l into `delta`; `last` says whether they are the outputs. A composite layer counts
  /// as one layer.
  template <class T, class Backend, class Moment, class Start>
  void backward_each_layer(const Backend& backend, Moment moment, const Flow<T>& flow, Rows<const T> x,
                           std::span<T> out, const Start& start) const {
    bool started = false;  // whether the activation behind has called `start`
    detail::for_each_layer_backwards(layers_, [&]<class L>(std::size_t l, const L& layer) {
      if constexpr (!detail::passes_through<L>) {
        const bool trained = slots_[l].size > 0 && !slots_[l].frozen;
        const bool activation = slots_[l].size == 0 && slots_[l].in_place;
        if (activation && requires { layer.draws(); }) return;  // it drops values in training only
        const Rows<const T> from = input(l, flow, x), to = input(l + 1, flow, x);
        detail::grow(flow.memory.array(0), to.size());
        const Rows<T> d{flow.memory.array(0).data(), to.count, to.width};
        if (activation || (trained && !started)) start(to, d, to.data == input(slots_.size(), flow, x).data);
        if (activation || trained)
          layer.backward(backend, Pass<Moment>{moment, 0, 1, true}, flow_of(l, flow, x.count), from, to, d,
                         Rows<T>{L::in_place ? d.data : nullptr, from.count, from.width}, own(l, out));
        started = activation;
      }
    });
  }

 private:
  using Slot = detail::LayerSlot;

  template <class T>
  static std::size_t samples_of(const Flow<T>& flow, Rows<const T> x) {
    return flow.starts.empty() ? x.count : flow.starts.size() - 1;
  }

  /// Values between layers l-1 and l as rows.
  template <class T, class V>
  Rows<V> rows_at(std::size_t l, const Flow<T>& flow, Rows<const T> x, V* data) const {
    if (l == 0) return {data, x.count, x.width};
    const Shape& shape = slots_[l - 1].shape;
    if (!flow.starts.empty() && (l < slots_.size() ? slots_[l].sequences : sequences_))
      return {data, x.count, shape.size() / shape[0]};
    return {data, samples_of(flow, x), shape.size()};
  }

  template <class T>
  std::span<T> own(std::size_t l, std::span<T> all) const {
    return all.subspan(slots_[l].offset, slots_[l].size);
  }

  template <class T>
  Flow<T> flow_of(std::size_t l, const Flow<T>& flow, std::size_t rows) const {
    return {own(l, flow.theta),
            flow.buffers.subspan(slots_[l].buffer_offset, slots_[l].buffer_size),
            flow.memory.child(l),
            flow.scratch,
            slots_[l].frozen ? Mode::evaluate : flow.mode,
            flow.random,
            flow.first_draw + slots_[l].draws.in(flow, rows),
            slots_[l].sequences ? flow.starts : std::span<const std::size_t>{}};
  }

  /// What the backward pass of layer l is given, where `above` holds the gradient of its outputs. The chain's own
  /// gradient of x goes to `dx` if that is not null; else a layer that is not the lowest to be passed gets an array for
  /// its own.
  template <class T>
  LIFELONG_ONE_COPY detail::BackwardOf<T> backward_of(std::size_t l, const Flow<T>& flow, Rows<const T> x, T* above,
                                                      Rows<T> dx, bool further, std::span<T> out) const {
    const Rows<const T> from = input(l, flow, x), to = input(l + 1, flow, x);
    Rows<T> below{nullptr, from.count, from.width};
    if (slots_[l].in_place)
      below.data = above;
    else if (dx.data != nullptr && l == lowest_mover())
      below.data = dx.data;
    else if (dx.data != nullptr || further)
      below.data = other(flow.memory, above);
    return {flow_of(l, flow, x.count),   from,  to,
            {above, to.count, to.width}, below, out.empty() || slots_[l].frozen ? std::span<T>() : own(l, out)};
  }

  /// Inputs of layer l, which are the outputs of the last layer before it that computes values.
  template <class T>
  Rows<const T> input(std::size_t l, const Flow<T>& flow, Rows<const T> x) const {
    Rows<const T> rows = rows_at(l, flow, x, x.data);
    while (l > 0 && slots_[l - 1].passes_through) --l;
    if (l > 0) rows.data = flow.memory.child(l - 1).output().data();
    return rows;
  }

  /// The lowest layer with parameters that learn, or are `frozen_too`; or the number of layers.
  [[nodiscard]] std::size_t first_trained(bool frozen_too) const {
    std::size_t l = 0;
    while (l < slots_.size() && (slots_[l].size == 0 || (slots_[l].frozen && !frozen_too))) ++l;
    return l;
  }

  /// The last layer with parameters.
  [[nodiscard]] std::size_t head_layer() const {
    std::size_t l = slots_.size() - 1;
    while (l > 0 && slots_[l].size == 0) --l;
    return l;
  }

  /// The lowest layer whose backward pass writes to another array, or the number of layers.
  [[nodiscard]] std::size_t lowest_mover() const {
    std::size_t l = 0;
    while (l < slots_.size() && slots_[l].in_place) ++l;
    return l;
  }

  /// Makes room for the gradients between the layers from `lowest` on.
  template <class T>
  void reserve(LayerMemory<T>& memory, std::size_t samples, std::size_t lowest) const {
    std::size_t most = 0;
    for (std::size_t l = lowest; l + 1 < slots_.size(); ++l)
      most = std::max(most, detail::values_of(samples, slots_[l].shape));
    detail::grow(memory.array(0), most);
    detail::grow(memory.array(1), most);
  }

  template <class T>
  static T* other(LayerMemory<T>& memory, const T* used) {
    return used == memory.array(0).data() ? memory.array(1).data() : memory.array(0).data();
  }

  Layers layers_;
  Shape input_;
  std::vector<Slot> slots_;
  detail::Draws draws_;
  std::string refusal_;    // why sequences of unequal length are not taken
  bool sequences_ = true;  // whether the outputs are still sequences
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
