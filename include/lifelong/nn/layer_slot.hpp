// SPDX-License-Identifier: MIT
// Where the arrays of a layer lie among those of its chain.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>

#include <lifelong/nn/draws.hpp>
#include <lifelong/nn/layer/shape.hpp>

namespace lifelong::nn::detail {

/// What a chain knows of one of its layers.
struct LayerSlot {
  Shape shape;                       ///< of its outputs
  std::size_t offset = 0, size = 0;  ///< of its parameters among those of the chain
  std::size_t buffer_offset = 0, buffer_size = 0;
  Draws draws;                ///< of the layers before it
  std::size_t positions = 0;  ///< of its inputs, if it draws
  bool passes_through = false, in_place = false;
  bool frozen = false;     ///< whether it has parameters and none of them learns
  bool sequences = false;  ///< whether its inputs may be sequences of unequal length
};

/// The last layer of a chain that has parameters.
struct Head {
  std::size_t first_parameter;  ///< among those of the chain
  std::size_t inputs;           ///< values of a sample that it takes
};

}  // namespace lifelong::nn::detail

#include <lifelong/config/pop_macros.hpp>
