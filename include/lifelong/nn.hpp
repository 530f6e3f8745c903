// SPDX-License-Identifier: MIT
// Networks on Eigen: layers, losses, and a backward pass that computes moments of per-sample gradients.
#pragma once

#include <lifelong/adapter/eigen.hpp>
#include <lifelong/nn/chain.hpp>
#include <lifelong/nn/kronecker/convolution.hpp>
#include <lifelong/nn/kronecker/factors.hpp>
#include <lifelong/nn/kronecker/fisher.hpp>
#include <lifelong/nn/kronecker/penalty.hpp>
#include <lifelong/nn/kronecker/sum.hpp>
#include <lifelong/nn/layer/activation.hpp>
#include <lifelong/nn/layer/batch_norm.hpp>
#include <lifelong/nn/layer/convolution.hpp>
#include <lifelong/nn/layer/dropout.hpp>
#include <lifelong/nn/layer/embedding.hpp>
#include <lifelong/nn/layer/flatten.hpp>
#include <lifelong/nn/layer/group_norm.hpp>
#include <lifelong/nn/layer/gru.hpp>
#include <lifelong/nn/layer/heads.hpp>
#include <lifelong/nn/layer/last_position.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/layer_norm.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/layer/lstm.hpp>
#include <lifelong/nn/layer/pooling.hpp>
#include <lifelong/nn/layer/residual.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/layer/window.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/mlp.hpp>
#include <lifelong/nn/network.hpp>
#include <lifelong/nn/product/parallel.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>
#include <lifelong/nn/product/shared_product.hpp>
#include <lifelong/nn/sequential.hpp>
