// Networks on Eigen: layers, losses, and the backward pass that knows moments.
#pragma once

#include <lifelong/nn/activation.hpp>
#include <lifelong/nn/chain.hpp>
#include <lifelong/nn/dataset.hpp>
#include <lifelong/nn/flatten.hpp>
#include <lifelong/nn/gru.hpp>
#include <lifelong/nn/heads.hpp>
#include <lifelong/nn/kronecker_factors.hpp>
#include <lifelong/nn/kronecker_fisher.hpp>
#include <lifelong/nn/kronecker_penalty.hpp>
#include <lifelong/nn/kronecker_sum.hpp>
#include <lifelong/nn/last_position.hpp>
#include <lifelong/nn/layer.hpp>
#include <lifelong/nn/linear.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/lstm.hpp>
#include <lifelong/nn/mlp.hpp>
#include <lifelong/nn/network.hpp>
#include <lifelong/nn/parallel.hpp>
#include <lifelong/nn/product.hpp>
#include <lifelong/nn/residual.hpp>
#include <lifelong/nn/rows.hpp>
#include <lifelong/nn/sequential.hpp>
#include <lifelong/nn/shape.hpp>
