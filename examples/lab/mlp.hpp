// SPDX-License-Identifier: MIT
// A state_dict that needs no architecture: Linear layers one after the other.
#pragma once

#include <lifelong/nn/mlp.hpp>
#include <vector>

#include "architecture.hpp"
#include "state_dict.hpp"

namespace lab {

/// The layers in the order that their names count (`0`, `2`; `fc1`, `fc2`) or, where names differ in more than numbers
/// (`fc1`, `fc2`, `out`), in the only order in which their widths fit together. `activations` has one for all hidden
/// layers, or one each. \throws lifelong::FormatError for tensors that are no MLP's, and where names and widths leave
/// the order open; InvalidArgument for another number of activations.
Architecture mlp_architecture(const StateDict& state, const std::vector<lifelong::nn::Activation>& activations);

}  // namespace lab
