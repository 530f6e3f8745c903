// SPDX-License-Identifier: MIT
// The composed learners of the field by name, for the types of members and parameters; elsewhere `Learner{...}` deduces
// them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <lifelong/importance/constant.hpp>
#include <lifelong/importance/fisher.hpp>
#include <lifelong/importance/gauss_newton.hpp>
#include <lifelong/importance/mas.hpp>
#include <lifelong/importance/reversed_fisher.hpp>
#include <lifelong/importance/rwalk.hpp>
#include <lifelong/importance/scp.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>
#include <lifelong/importance/weighted_sum.hpp>
#include <lifelong/learner.hpp>
#include <lifelong/optimizer/adam.hpp>
#include <lifelong/penalty/huber.hpp>
#include <lifelong/penalty/implicit_quadratic.hpp>
#include <lifelong/penalty/none.hpp>
#include <lifelong/penalty/quadratic.hpp>

/// A type says which parts a learner has; their settings are given when it is made:
/// `Ewc<Model>(model, {}, {.strength = 10, .anchor = penalty::Anchor::per_task}, {})`.
namespace lifelong::learners {

/// Plain training: nothing is kept, nothing protected.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using FineTuning = Learner<Model, importance::Constant, penalty::None, Optimizer, Further...>;

/// L2-SP, Li 2018: a spring to the last task's parameters, the same for all.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using L2Sp = Learner<Model, importance::Constant, penalty::Quadratic, Optimizer, Further...>;

/// Elastic Weight Consolidation, Kirkpatrick 2017: `Quadratic{.anchor = Anchor::per_task}`; Huszár 2018:
/// `Anchor::last`.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using Ewc = Learner<Model, importance::Fisher, penalty::Quadratic, Optimizer, Further...>;

/// Online EWC, Schwarz 2018: `Fisher{.merge = Merge::decay(γ)}`; the type is that of `Ewc`.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using OnlineEwc = Ewc<Model, Optimizer, Further...>;

/// EWC of a regression with normal noise.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using GaussianEwc = Learner<Model, importance::GaussianFisher, penalty::Quadratic, Optimizer, Further...>;

/// EWC with reversed logits, Liu & Chang 2026 (EWC-DR).
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using ReversedEwc = Learner<Model, importance::ReversedFisher, penalty::Quadratic, Optimizer, Further...>;

/// EWC whose penalty is linear far from the anchor, Liu 2020 (IncDet).
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using HuberEwc = Learner<Model, importance::Fisher, penalty::Huber, Optimizer, Further...>;

/// EWC with a proximal step, stable for any strength.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using ImplicitEwc = Learner<Model, importance::Fisher, penalty::ImplicitQuadratic, Optimizer, Further...>;

/// The diagonal Laplace approximation with the curvature of the model's own loss.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using DiagonalLaplace = Learner<Model, importance::GaussNewton, penalty::Quadratic, Optimizer, Further...>;

/// Memory Aware Synapses, Aljundi 2018.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using Mas = Learner<Model, importance::Mas, penalty::Quadratic, Optimizer, Further...>;

/// Memory Aware Synapses, local: every layer by itself, Aljundi 2018.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using LocalMas = Learner<Model, importance::LocalMas, penalty::Quadratic, Optimizer, Further...>;

/// Synaptic Intelligence, Zenke 2017.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using Si = Learner<Model, importance::SynapticIntelligence, penalty::Quadratic, Optimizer, Further...>;

/// Riemannian Walk, Chaudhry 2018, every step an interval.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using RWalk = Learner<Model, importance::RWalk, penalty::Quadratic, Optimizer, Further...>;

/// Riemannian Walk over intervals of Δt steps, as in the paper.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using IntervalRWalk = Learner<Model, importance::IntervalRWalk, penalty::Quadratic, Optimizer, Further...>;

/// Sliced Cramér Preservation, Kolouri 2020.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using Scp = Learner<Model, importance::Scp, penalty::Quadratic, Optimizer, Further...>;

/// Sliced Cramér Preservation with infinitely many slices.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using ScpLimit = Learner<Model, importance::ScpLimit, penalty::Quadratic, Optimizer, Further...>;

/// EWC and SI in one penalty, with weights.
template <class Model, class Optimizer = optimizer::Adam, class... Further>
using EwcSi = Learner<Model, importance::WeightedSum<importance::Fisher, importance::SynapticIntelligence>,
                      penalty::Quadratic, Optimizer, Further...>;

}  // namespace lifelong::learners

#include <lifelong/config/pop_macros.hpp>
