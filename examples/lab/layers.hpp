// SPDX-License-Identifier: MIT
// The layers that a network in an experiment can have.
#pragma once

#include <lifelong/nn/layer/activation.hpp>
#include <lifelong/nn/layer/convolution.hpp>
#include <lifelong/nn/layer/dropout.hpp>
#include <lifelong/nn/layer/flatten.hpp>
#include <lifelong/nn/layer/group_norm.hpp>
#include <lifelong/nn/layer/gru.hpp>
#include <lifelong/nn/layer/last_position.hpp>
#include <lifelong/nn/layer/layer_norm.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/layer/lstm.hpp>
#include <lifelong/nn/layer/mean_position.hpp>
#include <lifelong/nn/layer/pooling.hpp>
#include <lifelong/nn/layer/position_embedding.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/layer/transformer_block.hpp>
#include <variant>
#include <vector>

#include "options.hpp"
#include "streams.hpp"

namespace lab {

/// No batch normalization: it mixes the samples of a batch, so that none has a gradient of its own, of which
/// importances are made.
using Layer =
    std::variant<lifelong::nn::Linear, lifelong::nn::ReLU, lifelong::nn::Tanh, lifelong::nn::Sigmoid,
                 lifelong::nn::GELU, lifelong::nn::Flatten, lifelong::nn::Conv2d, lifelong::nn::MaxPool2d,
                 lifelong::nn::AvgPool2d, lifelong::nn::GlobalAvgPool, lifelong::nn::LayerNorm, lifelong::nn::GroupNorm,
                 lifelong::nn::Dropout, lifelong::nn::Gru, lifelong::nn::Lstm, lifelong::nn::LastPosition,
                 lifelong::nn::MeanPosition, lifelong::nn::PositionEmbedding, lifelong::nn::TransformerBlock>;

/// Layers that fit together, and the shape of what the first one takes.
struct ConnectedLayers {
  lifelong::nn::Shape input;
  std::vector<Layer> layers;
};

/// The layers that the options ask for, or a multilayer perceptron with ReLU, with as many outputs as the stream has.
/// \throws lifelong::ShapeMismatch, which names the layer, if one does not take what comes before it.
ConnectedLayers layers_of(const Options& options, const Stream& stream);

}  // namespace lab
