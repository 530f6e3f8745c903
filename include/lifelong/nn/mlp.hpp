// SPDX-License-Identifier: MIT
// Networks whose depth and widths are chosen when the program runs.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include <lifelong/backend/serial.hpp>
#include <lifelong/nn/layer/activation.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/mlp_options.hpp>
#include <lifelong/nn/network.hpp>

namespace lifelong::nn {

/// Any of the layers of an `mlp`.
using AnyLayer = std::variant<Linear, ReLU, Tanh, Sigmoid, GELU>;

/// The layer that applies an activation.
inline AnyLayer activation_layer(Activation activation) {
  const AnyLayer layers[] = {ReLU{}, Tanh{}, Sigmoid{}, GELU{}};
  return layers[static_cast<std::size_t>(activation)];
}

/// The layers of an `mlp`: linear, activation, linear, ..., linear.
/// \throws InvalidArgument unless there are at least two widths.
inline std::vector<AnyLayer> mlp_layers(const std::vector<std::size_t>& widths, Activation activation) {
  detail::require_widths(widths);
  std::vector<AnyLayer> layers;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    if (l > 1) layers.push_back(activation_layer(activation));
    layers.push_back(Linear{widths[l - 1], widths[l]});
  }
  return layers;
}

/// `mlp<float>({784, 256, 256, 10}, {.seed = 1})`: a multilayer perceptron. A backend and a loss may follow:
/// `mlp<float>({8, 16, 1}, {}, backend::Serial{}, MeanSquaredError{})`.
/// \throws what `mlp_layers` and `Network` throw.
template <class T, class Loss = SoftmaxCrossEntropy, class Backend = backend::Serial>
Network<T, std::vector<AnyLayer>, Loss, Backend> mlp(const std::vector<std::size_t>& widths,
                                                     const MlpOptions& options = {}, Backend backend = {},
                                                     Loss loss = {}) {
  return Network<T, std::vector<AnyLayer>, Loss, Backend>(mlp_layers(widths, options.activation), options.seed,
                                                          std::move(backend), std::move(loss));
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
