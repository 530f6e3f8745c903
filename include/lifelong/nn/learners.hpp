// The composed learner that needs layers: online structured Laplace.
#pragma once

#include <lifelong/backend/serial.hpp>
#include <lifelong/learner.hpp>
#include <lifelong/nn/kronecker_fisher.hpp>
#include <lifelong/nn/kronecker_penalty.hpp>
#include <lifelong/optimizer/adam.hpp>

namespace lifelong::learners {

/// Online structured Laplace, Ritter 2018: Kronecker-factored Fisher information (KFAC).
template <class Model, class Optimizer = optimizer::Adam, class Backend = backend::Serial>
using StructuredLaplace = Learner<Model, nn::KroneckerFisher, nn::KroneckerPenalty, Optimizer, Backend>;

}  // namespace lifelong::learners
