// SPDX-License-Identifier: MIT
// The table of methods, for each machine that they can run on.
#pragma once

#include <vector>

#include "methods.hpp"
#include "network_student.hpp"

namespace lab {

using lifelong::importance::Constant;
using lifelong::importance::Fisher;
using lifelong::importance::Mas;
using lifelong::importance::Merge;
using lifelong::importance::ReversedFisher;
using lifelong::importance::RWalk;
using lifelong::importance::ScpLimit;
using lifelong::importance::SynapticIntelligence;
using lifelong::penalty::Anchor;
using lifelong::penalty::None;
using lifelong::penalty::Quadratic;

/// One line each; `On` is the machine that they run on.
template <class On>
std::vector<Method> method_table() {
  return {
      {"finetune",
       {},
       "plain training, task after task: the lower bound",
       [](const Trial& trial) { return train_in_sequence<On>(trial, Constant{}, None{}); }},

      {"l2",
       {{"strength", {.rotated = 0.1, .permuted = 0.003, .split = 0.1}}},
       "every parameter equally important, anchored at the last task",
       [](const Trial& trial) {
         return train_in_sequence<On>(trial, Constant{}, Quadratic{.strength = trial["strength"]});
       }},

      {"ewc",
       {{"strength", {.rotated = 1000, .permuted = 1.2, .split = 1000}}},
       "Elastic Weight Consolidation: exact Fisher information, summed, an anchor per task",
       [](const Trial& trial) {
         return train_in_sequence<On>(trial, Fisher{.seed = trial.seed},
                                      Quadratic{.strength = trial["strength"], .anchor = Anchor::per_task});
       }},

      {"online-ewc",
       {{"strength", {.rotated = 1000, .permuted = 10, .split = 1000}}},
       "online EWC: exact Fisher information, decay 1, anchored at the last task",
       [](const Trial& trial) {
         return train_in_sequence<On>(trial, Fisher{.merge = Merge::decay(1), .seed = trial.seed},
                                      Quadratic{.strength = trial["strength"]});
       }},

      {"mas",
       {{"strength", {.rotated = 0.2, .permuted = 0.003, .split = 0.03}}},
       "Memory Aware Synapses: change of the squared outputs, summed, anchored at the last task",
       [](const Trial& trial) {
         return train_in_sequence<On>(trial, Mas{}, Quadratic{.strength = trial["strength"]});
       }},

      {"si",
       {{"strength", {.rotated = 50, .permuted = 1, .split = 50}}},
       "Synaptic Intelligence: path integral, xi 0.1, anchored at the last task",
       [](const Trial& trial) {
         return train_in_sequence<On>(trial, SynapticIntelligence{.xi = 0.1}, Quadratic{.strength = trial["strength"]});
       }},

      {"rwalk",
       {{"strength", {.rotated = 30, .permuted = 1, .split = 10}}, {"alpha", everywhere(0.01)}},
       "Riemannian Walk: running Fisher information and path score, both brought to a largest value of 1",
       [](const Trial& trial) {
         return train_in_sequence<On>(trial, RWalk{.alpha = trial["alpha"]}, Quadratic{.strength = trial["strength"]});
       }},

      {"scp",
       {{"strength", {.rotated = 300, .permuted = 100, .split = 300}}},
       "Sliced Cramer Preservation: how far the mean output moves, all directions",
       [](const Trial& trial) {
         return train_in_sequence<On>(trial, ScpLimit{}, Quadratic{.strength = trial["strength"]});
       }},

      {"ewc-dr",
       {{"strength", {.rotated = 30, .permuted = 10, .split = 3}}},
       "EWC with reversed logits while the importance is estimated",
       [](const Trial& trial) {
         return train_in_sequence<On>(trial, ReversedFisher{}, Quadratic{.strength = trial["strength"]});
       }},

      {"joint", {}, "all tasks together: the upper bound", train_together<On>},
  };
}

}  // namespace lab
