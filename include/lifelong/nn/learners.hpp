// SPDX-License-Identifier: MIT
// The composed learner that needs layers: online structured Laplace.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <lifelong/learner.hpp>
#include <lifelong/nn/kronecker/fisher.hpp>
#include <lifelong/nn/kronecker/penalty.hpp>
#include <lifelong/optimizer/adam.hpp>

namespace lifelong::learners {

/// Online structured Laplace, Ritter 2018: Kronecker-factored Fisher information (KFAC).
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using StructuredLaplace = Learner<Model, nn::KroneckerFisher, nn::KroneckerPenalty, Optimizer, Further...>;

}  // namespace lifelong::learners

#include <lifelong/config/pop_macros.hpp>
