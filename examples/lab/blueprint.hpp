// SPDX-License-Identifier: MIT
// A network that fits a state_dict: the layers of an architecture with the sizes of the tensors.
#pragma once

#include <cstddef>
#include <lifelong/core/layout.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <string>
#include <vector>

#include "architecture.hpp"
#include "state_dict.hpp"

namespace lab {

struct Blueprint {
  lifelong::nn::Shape input, output;
  std::vector<AnyLayer> layers;
  lifelong::Layout parameters, buffers;  ///< the tensors of a network of these layers, by their names in the file
};

/// What stands in front of all names of the file and not of the architecture's (`module.`, `_orig_mod.`, `model.`) is
/// found by itself. \throws lifelong::FormatError for a tensor that is missing, left over or of a shape that its layer
/// cannot have, which says what there is; ShapeMismatch if a layer does not take what the one before it makes.
Blueprint blueprint_of(const StateDict& state, const Architecture& architecture);

}  // namespace lab
