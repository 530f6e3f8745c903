// SPDX-License-Identifier: MIT
// Methods whose importance is more than one number per parameter.
#include <lifelong/nn/kronecker/fisher.hpp>
#include <lifelong/nn/kronecker/penalty.hpp>

#include "methods.hpp"
#include "network_student.hpp"
#include "on_processor.hpp"

namespace lab {

using lifelong::importance::Labels;
using lifelong::nn::KroneckerFisher;
using lifelong::nn::KroneckerPenalty;
using lifelong::nn::KroneckerSum;

namespace {

Outcome train_with_factors(const Trial& trial, KroneckerSum sum) {
  return train_in_sequence<OnProcessor>(trial, KroneckerFisher{.labels = Labels::sampled, .seed = trial.seed},
                                        KroneckerPenalty{.strength = trial["strength"], .sum = sum});
}

}  // namespace

std::vector<Method> methods_with_factors() {
  return {
      {"kfac",
       {{"strength", {.rotated = 10, .permuted = 4, .split = 10}}},
       "online structured Laplace: Kronecker-factored Fisher information of each layer, one pair of factors",
       [](const Trial& trial) { return train_with_factors(trial, KroneckerSum::nearest); }},

      {"kfac-exact",
       {{"strength", {.rotated = 10, .permuted = 4, .split = 10}}},
       "the same with the factors of every task: memory and time per step grow with the tasks",
       [](const Trial& trial) { return train_with_factors(trial, KroneckerSum::exact); }},
  };
}

}  // namespace lab
