// SPDX-License-Identifier: MIT
// Whether the shape of examples is the one that a model, or other examples, have.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>

namespace lifelong::detail {

using Extents = std::vector<std::size_t>;

/// The shape of one example: what `shape()` says if there is one; else it is only known how many values there are.
template <class Source>
Extents shape_of(const Source& examples) {
  if constexpr (requires {
                  { examples.shape() } -> std::convertible_to<Extents>;
                })
    return examples.shape();
  else
    return {static_cast<std::size_t>(examples.features())};
}

/// The extents that are not 1. A single one does not say how values are arranged.
inline Extents without_ones(const Extents& shape) {
  Extents kept;
  for (const std::size_t extent : shape)
    if (extent != 1) kept.push_back(extent);
  return kept;
}

/// False if both shapes say how values are arranged, and differently. Extents of 1 do not count.
inline bool same_arrangement(const Extents& a, const Extents& b) {
  const Extents one = without_ones(a), other = without_ones(b);
  return one.size() < 2 || other.size() < 2 || one == other;
}

/// The shape of all examples seen so far, `known`, and of further ones, which a message calls `name`: the same, or if
/// either does not say how values are arranged, only their number. `known` is empty at first. \throws ShapeMismatch if
/// both say it, differently.
inline Extents common_shape(const Extents& known, const Extents& shape, const std::string& name) {
  if (known.empty() || known == shape) return shape;
  if (!same_arrangement(known, shape))
    raise<ShapeMismatch>("the examples of " + name + " are " + shape_text(shape) + ", others are " + shape_text(known));
  return {*checked_product(shape)};
}

/// The shape that a model takes, empty if it does not say.
template <class Model>
Extents input_shape_of(Model& model) {
  Extents shape;
  if constexpr (requires {
                  { model.input_shape().rank() } -> std::convertible_to<std::size_t>;
                  { model.input_shape()[0] } -> std::convertible_to<std::size_t>;
                }) {
    const auto own = model.input_shape();
    for (std::size_t k = 0; k < own.rank(); ++k) shape.push_back(own[k]);
  }
  return shape;
}

/// Checks that a model takes examples of this shape, as far as both say what theirs is: `shape()` of the examples,
/// `input_shape()` and `inputs()` of the model. \throws ShapeMismatch, which names both.
template <class Source, class Model>
void require_shape(const Source& examples, Model& model) {
  const Extents shape = shape_of(examples), taken = input_shape_of(model);
  const std::size_t features = examples.features();
  if constexpr (requires {
                  { model.inputs() } -> std::convertible_to<std::size_t>;
                })
    if (features != static_cast<std::size_t>(model.inputs()))
      raise<ShapeMismatch>("the examples have " + std::to_string(features) + " features where the network takes " +
                           std::to_string(static_cast<std::size_t>(model.inputs())));
  if (!same_arrangement(shape, taken))
    raise<ShapeMismatch>("the examples are " + shape_text(shape) + " where the network takes " + shape_text(taken));
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
