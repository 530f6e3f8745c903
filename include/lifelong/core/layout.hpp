// SPDX-License-Identifier: MIT
// Names and shapes for stretches of one flat parameter vector.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>

namespace lifelong {

/// What a parameter tensor is part of.
enum class BlockKind { linear, convolution, normalization, embedding, recurrent, attention, other };

/// One named parameter tensor inside the flat vector: elements [offset, offset + size), row-major.
struct Block {
  std::string name;                ///< as in a PyTorch state_dict, for example `0.weight`
  std::vector<std::size_t> shape;  ///< for example {outputs, inputs}
  std::size_t offset = 0;          ///< first element in the flat vector
  std::size_t size = 0;            ///< product of `shape`
  BlockKind kind = BlockKind::other;
  bool head = false;    ///< whether it belongs to the layer that makes the outputs
  bool frozen = false;  ///< whether training leaves it as it is

  /// Whether `name` stands for this block: `2` stands for `2.weight` and `2.0.bias`, `2.weight` for itself.
  [[nodiscard]] bool is_named(const std::string& other) const {
    return name == other || name.compare(0, other.size() + 1, other + ".") == 0;
  }
};

/// The parameters [first, end) of a flat vector.
struct ParameterRange {
  std::size_t first = 0, end = 0;
  friend bool operator==(const ParameterRange&, const ParameterRange&) = default;
};

/// The blocks of a model in order. They follow each other without gaps, so they cover the flat vector exactly.
class Layout {
 public:
  /// Appends a block behind the last one and returns its offset. \throws OutOfMemory, which names the block, if there
  /// are then more parameters than can be counted.
  std::size_t add(std::string name, std::vector<std::size_t> shape, BlockKind kind = BlockKind::other) {
    const std::optional<std::size_t> count = detail::checked_product(shape);
    if (!count || *count > static_cast<std::size_t>(-1) - size_)
      detail::raise<OutOfMemory>("with '" + name + "' of " + detail::shape_text(shape) +
                                 " there are more parameters than can be counted");
    blocks_.push_back({std::move(name), std::move(shape), size_, *count, kind, false});
    size_ += *count;
    return blocks_.back().offset;
  }

  /// Says that the blocks from element `offset` on are the head.
  void mark_head(std::size_t offset) {
    for (Block& block : blocks_) block.head = block.offset >= offset;
  }

  /// Freezes the blocks that `other` stands for, or lets them learn again; returns whether there are any.
  bool set_frozen(const std::string& other, bool frozen) {
    bool found = false;
    for (Block& block : blocks_)
      if (block.is_named(other)) {
        block.frozen = frozen;
        found = true;
      }
    return found;
  }

  /// The parameters that are not frozen, as ranges in their order with something frozen between two.
  [[nodiscard]] std::vector<ParameterRange> learning() const {
    std::vector<ParameterRange> ranges;
    for (const Block& block : blocks_) {
      if (block.frozen || block.size == 0) continue;
      if (ranges.empty() || ranges.back().end != block.offset) ranges.push_back({block.offset, block.offset});
      ranges.back().end = block.offset + block.size;
    }
    return ranges;
  }

  /// Number of parameters.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::vector<Block>& blocks() const { return blocks_; }

  /// Name of element `index` in messages: `2.weight[17]`.
  [[nodiscard]] std::string describe(std::size_t index) const {
    for (const Block& block : blocks_)
      if (index >= block.offset && index - block.offset < block.size)
        return block.name + "[" + std::to_string(index - block.offset) + "]";
    return "parameter " + std::to_string(index);
  }

 private:
  std::vector<Block> blocks_;
  std::size_t size_ = 0;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
