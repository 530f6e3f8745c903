// SPDX-License-Identifier: MIT
// What a network is made of: its layers, their parameters by name, and which of these learn.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/backend/backend.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/chain.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/loss.hpp>

namespace lifelong::nn {

/// The part of a `Network` that stays between two passes. Blocks are named as in a PyTorch `nn.Sequential`: `0.weight`,
/// `0.bias`, `2.weight`, ... where the number counts all layers. Those of the last layer with parameters are marked as
/// the head.
template <class T, class Layers, class Loss, class Backend>
class NetworkParts {
  static_assert(detail::require_loss<Loss>());
  static_assert(lifelong::detail::require_backend<Backend>());

 public:
  /// The shape of the inputs comes from the first layer that knows it. Parameters are drawn from `seed` for the purpose
  /// `initialization`, element i of θ with draw i.
  /// \throws ShapeMismatch if a layer does not take what the one before it makes, InvalidArgument if a layer is empty
  /// or too large to be counted, none has parameters or none knows the shape, OutOfMemory.
  explicit NetworkParts(Layers layers, std::uint64_t seed = 0, Backend backend = {}, Loss loss = {})
      : NetworkParts(Shape{}, std::move(layers), seed, std::move(backend), std::move(loss)) {}

  /// The same with the shape of the inputs, for example {1, 28, 28}.
  NetworkParts(Shape input, Layers layers, std::uint64_t seed = 0, Backend backend = {}, Loss loss = {})
      : chain_(std::move(layers)), backend_(std::move(backend)), loss_(std::move(loss)), seed_(seed) {
    connect(input);
    allocate();
    chain_.initialize(std::span<T>(parameters_), Random(seed, Purpose::initialization), 0);
    chain_.initialize_buffers(std::span<T>(buffers_));
  }

  /// Adds a head of `outputs` outputs when classes arrive; the last layer with parameters must be `Heads`. Its
  /// parameters come after the old ones, which stay. \throws InvalidArgument for 0 outputs or if there are no Heads;
  /// OutOfMemory.
  void grow(std::size_t outputs) {
    NetworkParts grown = lifelong::detail::with_memory([&] { return *this; }, [&] { return too_large(); });
    grown.layout_ = {};
    grown.buffer_layout_ = {};
    grown.chain_.grow(outputs);
    grown.connect(input_shape());
    for (const Block& block : layout_.blocks()) grown.layout_.set_frozen(block.name, block.frozen);
    grown.note_learning();
    grown.allocate();
    grown.chain_.initialize(std::span<T>(grown.parameters_), Random(seed_, Purpose::initialization), 0);
    std::copy(parameters_.begin(), parameters_.end(), grown.parameters_.begin());
    *this = std::move(grown);
  }

  /// Freezes blocks by name: training leaves their parameters as they are, to the bit, whatever the optimizer, the
  /// decay and the penalty. A name stands for its block and for all blocks below it: `2` for the whole layer 2. Their
  /// gradients and importances are 0. A layer that is frozen whole runs in evaluation also in training: nothing in it
  /// is dropped, and its running statistics stay. Backward passes end at the lowest layer that learns, so what lies
  /// below costs no gradient. \throws InvalidArgument, and nothing changes, for a name that stands for no block, or if
  /// nothing would learn.
  void freeze(const std::vector<std::string>& names) { set_frozen(names, true); }
  /// Lets blocks learn again. \throws InvalidArgument for a name that stands for no block.
  void unfreeze(const std::vector<std::string>& names) { set_frozen(names, false); }
  /// The parameters that learn, as ranges.
  [[nodiscard]] std::span<const ParameterRange> learning() const { return learning_; }

  /// Whether `grow` can add outputs: whether the last layer with parameters is `Heads`.
  friend bool can_grow(const NetworkParts& network) { return network.chain_.can_grow(); }

  /// θ, all layers in order, contiguous; the blocks of `layout()`.
  [[nodiscard]] std::span<T> parameters() { return parameters_; }
  [[nodiscard]] std::span<const T> parameters() const { return parameters_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  /// Running statistics, all layers in order; the blocks of `buffer_layout()`, named as in PyTorch. Most networks have
  /// none.
  [[nodiscard]] std::span<T> buffers() { return buffers_; }
  [[nodiscard]] std::span<const T> buffers() const { return buffers_; }
  [[nodiscard]] const Layout& buffer_layout() const { return buffer_layout_; }
  [[nodiscard]] Shape input_shape() const { return chain_.input_shape(); }
  [[nodiscard]] Shape output_shape() const { return chain_.output_shape(); }
  [[nodiscard]] std::size_t inputs() const { return input_shape().size(); }
  [[nodiscard]] std::size_t outputs() const { return output_shape().size(); }
  [[nodiscard]] const Layers& layers() const { return chain_.layers(); }
  [[nodiscard]] const Loss& loss_function() const { return loss_; }
  [[nodiscard]] const Backend& backend() const { return backend_; }

  /// Everything that results depend on besides parameters and buffers, in a line: the shape of the inputs, the layers,
  /// the loss and the seed.
  [[nodiscard]] std::string recipe() const {
    return "Network(input " + input_shape().word() + ", " + chain_.recipe() + ", " +
           detail::recipe_of(loss_, "a loss without a recipe") + ", seed " + std::to_string(seed_) + frozen_names() +
           ")";
  }

 protected:
  /// Sets gradients of frozen parameters to 0.
  void clear_frozen(std::span<T> out) const {
    std::size_t frozen = 0;
    for (const ParameterRange range : learning_) {
      std::fill(out.begin() + static_cast<std::ptrdiff_t>(frozen),
                out.begin() + static_cast<std::ptrdiff_t>(range.first), T(0));
      frozen = range.end;
    }
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(frozen), out.end(), T(0));
  }

  Chain<Layers> chain_;
  Backend backend_;
  Loss loss_;
  Layout layout_, buffer_layout_;
  std::uint64_t seed_;
  AlignedVector<T> parameters_, buffers_;

 private:
  /// Finds all shapes and names.
  void connect(Shape input) {
    if (input.rank() == 0) input = chain_.expected();
    if (input.rank() > 0) chain_.connect(input);
    chain_.declare(layout_, "");
    chain_.declare_buffers(buffer_layout_, "");
    if (layout_.size() == 0)
      lifelong::detail::raise<InvalidArgument>("a network needs at least one layer with parameters");
    if (inputs() == 0)
      lifelong::detail::raise<InvalidArgument>(
          "the first layers take inputs of more than one shape: give the network the shape, as in Shape{1, 28, 28}");
    lifelong::detail::require_outputs(outputs());
    layout_.mark_head(chain_.head().first_parameter);
    note_learning();
  }

  void set_frozen(const std::vector<std::string>& names, bool frozen) {
    Layout changed = layout_;
    for (const std::string& name : names)
      if (!changed.set_frozen(name, frozen))
        lifelong::detail::raise<InvalidArgument>("the network has no block '" + name + "' to " +
                                                 (frozen ? "freeze" : "unfreeze") + ": it has " + names_of(changed));
    if (changed.learning().empty())
      lifelong::detail::raise<InvalidArgument>("with these blocks all parameters of the network would be frozen");
    layout_ = std::move(changed);
    note_learning();
  }

  static std::string names_of(const Layout& layout) {
    std::string names;
    for (const Block& block : layout.blocks()) names += (names.empty() ? "" : ", ") + block.name;
    return names;
  }

  /// `, frozen 0.weight, 0.bias`, or nothing.
  [[nodiscard]] std::string frozen_names() const {
    std::string names;
    for (const Block& block : layout_.blocks())
      if (block.frozen) names += (names.empty() ? ", frozen " : ", ") + block.name;
    return names;
  }

  void note_learning() {
    learning_ = layout_.learning();
    chain_.freeze(learning_, 0);
  }

  [[nodiscard]] std::string too_large() const {
    return "a network of " + std::to_string(layout_.size()) + " parameters does not fit into memory";
  }

  /// Makes room for what has been connected.
  void allocate() {
    lifelong::detail::with_memory(
        [&] {
          parameters_.resize(layout_.size());
          buffers_.resize(buffer_layout_.size());
        },
        [&] { return too_large(); });
  }

  std::vector<ParameterRange> learning_;
};

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
