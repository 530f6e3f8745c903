// SPDX-License-Identifier: MIT
// The network that a state_dict from outside is put into.
#pragma once

#include <lifelong/backend/openmp.hpp>
#include <lifelong/nn/layer/activation.hpp>
#include <lifelong/nn/layer/batch_norm.hpp>
#include <lifelong/nn/layer/convolution.hpp>
#include <lifelong/nn/layer/flatten.hpp>
#include <lifelong/nn/layer/group_norm.hpp>
#include <lifelong/nn/layer/layer_norm.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/layer/pooling.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/network.hpp>
#include <variant>
#include <vector>

namespace lab {

/// Any layer that an architecture can name.
using AnyLayer = std::variant<lifelong::nn::Linear, lifelong::nn::Conv2d, lifelong::nn::BatchNorm,
                              lifelong::nn::LayerNorm, lifelong::nn::GroupNorm, lifelong::nn::MaxPool2d,
                              lifelong::nn::AvgPool2d, lifelong::nn::GlobalAvgPool, lifelong::nn::Flatten,
                              lifelong::nn::ReLU, lifelong::nn::Tanh, lifelong::nn::Sigmoid, lifelong::nn::GELU>;

/// Its passes are compiled in estimators.cpp alone, which is the work of a minute.
template <class T>
using Model =
    lifelong::nn::Network<T, std::vector<AnyLayer>, lifelong::nn::SoftmaxCrossEntropy, lifelong::backend::OpenMP>;

}  // namespace lab
