// SPDX-License-Identifier: MIT
// What a multilayer perceptron is made from, wherever it is computed.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>

namespace lifelong::nn {

/// The layer between the linear layers of an `mlp`.
enum class Activation { relu, tanh, sigmoid, gelu };

/// Settings of an `mlp`.
struct MlpOptions {
  std::uint64_t seed = 0;                    ///< of the initial parameters
  Activation activation = Activation::relu;  ///< the layer between the linear layers; there is none behind the last
};

namespace detail {

/// \throws InvalidArgument unless there are at least two widths.
inline void require_widths(const std::vector<std::size_t>& widths) {
  if (widths.size() < 2)
    lifelong::detail::raise<InvalidArgument>("an mlp needs the widths of its inputs and outputs, but has " +
                                             std::to_string(widths.size()) + " widths");
}

}  // namespace detail
}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
