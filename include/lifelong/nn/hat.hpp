// SPDX-License-Identifier: MIT
// Perceptrons with gates for each task, and all that their learners need.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include <lifelong/backend/serial.hpp>
#include <lifelong/nn/hat_network.hpp>
#include <lifelong/nn/hat_tasks.hpp>
#include <lifelong/nn/layer/activation.hpp>
#include <lifelong/nn/layer/hard_attention.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/mlp_options.hpp>

namespace lifelong::nn {

/// Settings of a `hat`.
struct HatOptions {
  std::size_t tasks = 1;                     ///< for which there are gates
  double sparsity = 0.75;                    ///< c, the price of opening all units that are free
  double max_slope = 400;                    ///< s_max, with which the slope of the gates ends
  double rate = 1;                           ///< how many times as fast as a weight an embedding moves
  std::uint64_t seed = 0;                    ///< of the initial parameters
  Activation activation = Activation::relu;  ///< between linear layer and gates; there is none behind the last
};

/// Any of the layers of a `hat`.
using HatLayer = std::variant<Linear, ReLU, Tanh, Sigmoid, GELU, HardAttention>;

/// `hat<float>({784, 400, 400, 10}, {.tasks = 5})`: a multilayer perceptron with gates behind every activation. A
/// backend and a loss may follow, as for `mlp`. \throws what `mlp` and `HatNetwork` throw.
template <class T, class Loss = SoftmaxCrossEntropy, class Backend = backend::Serial>
HatNetwork<T, std::vector<HatLayer>, Loss, Backend> hat(const std::vector<std::size_t>& widths,
                                                        const HatOptions& options = {}, Backend backend = {},
                                                        Loss loss = {}) {
  detail::require_widths(widths);
  const HatLayer activations[] = {ReLU{}, Tanh{}, Sigmoid{}, GELU{}};
  std::vector<HatLayer> layers;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    if (l > 1) {
      layers.push_back(activations[static_cast<std::size_t>(options.activation)]);
      HardAttention gates;
      gates.tasks = options.tasks;
      gates.max_slope = options.max_slope;
      gates.rate = options.rate;
      layers.push_back(gates);
    }
    layers.push_back(Linear{widths[l - 1], widths[l]});
  }
  return HatNetwork<T, std::vector<HatLayer>, Loss, Backend>(std::move(layers), options.sparsity, options.seed,
                                                             std::move(backend), std::move(loss));
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
