// The core of lifelong: everything that needs the standard library only.
// Not here, to keep it quick to include: io/ (files), backend/openmp.hpp, and the parts that need a library: nn.hpp
// (Eigen), xtensor.hpp, zlib.hpp.
#pragma once

#include <lifelong/backend/serial.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/concepts.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/gradient.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/core/scope.hpp>
#include <lifelong/evaluation/accuracy_matrix.hpp>
#include <lifelong/evaluation/evaluate.hpp>
#include <lifelong/importance/batch_fisher.hpp>
#include <lifelong/importance/constant.hpp>
#include <lifelong/importance/fisher.hpp>
#include <lifelong/importance/gauss_newton.hpp>
#include <lifelong/importance/mas.hpp>
#include <lifelong/importance/normalized.hpp>
#include <lifelong/importance/reversed_fisher.hpp>
#include <lifelong/importance/rwalk.hpp>
#include <lifelong/importance/scp.hpp>
#include <lifelong/importance/synaptic_intelligence.hpp>
#include <lifelong/importance/weighted_sum.hpp>
#include <lifelong/learner.hpp>
#include <lifelong/optimizer/adam.hpp>
#include <lifelong/optimizer/momentum.hpp>
#include <lifelong/optimizer/schedule.hpp>
#include <lifelong/optimizer/sgd.hpp>
#include <lifelong/optimizer/weight_decay.hpp>
#include <lifelong/penalty/huber.hpp>
#include <lifelong/penalty/implicit_quadratic.hpp>
#include <lifelong/penalty/l1.hpp>
#include <lifelong/penalty/none.hpp>
#include <lifelong/penalty/quadratic.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/joined.hpp>
#include <lifelong/stream/permuted.hpp>
#include <lifelong/stream/recent_examples.hpp>
#include <lifelong/stream/rotated.hpp>
#include <lifelong/stream/split.hpp>
#include <lifelong/trigger/every_steps.hpp>
#include <lifelong/trigger/loss_drift.hpp>
#include <lifelong/trigger/loss_plateau.hpp>
#include <lifelong/version.hpp>
