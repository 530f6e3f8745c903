// SPDX-License-Identifier: MIT
#include "methods.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>

#include "method_table.hpp"
#include "on_processor.hpp"
#include "text.hpp"

namespace lab {

using lifelong::importance::Labels;
using lifelong::nn::KroneckerFisher;
using lifelong::nn::KroneckerPenalty;
using lifelong::nn::KroneckerSum;

namespace {

/// Those whose importance is more than one number per parameter, before the upper bound.
void add_factored(std::vector<Method>& table) {
  const std::vector<Method> factored{
      {"kfac", Strengths{.rotated = 10, .permuted = 4, .split = 10},
       "online structured Laplace: Kronecker-factored Fisher information of each layer, one pair of factors",
       [](const Trial& trial) {
         return learn_in_sequence<OnProcessor>(
             trial, KroneckerFisher{.labels = Labels::sampled, .seed = trial.seed},
             KroneckerPenalty{.strength = trial.strength, .sum = KroneckerSum::nearest});
       }},

      {"kfac-exact", Strengths{.rotated = 10, .permuted = 4, .split = 10},
       "the same with the factors of every task: memory and time per step grow with the tasks",
       [](const Trial& trial) {
         return learn_in_sequence<OnProcessor>(
             trial, KroneckerFisher{.labels = Labels::sampled, .seed = trial.seed},
             KroneckerPenalty{.strength = trial.strength, .sum = KroneckerSum::exact});
       }},
  };
  table.insert(table.end() - 1, factored.begin(), factored.end());
}

std::vector<Method> methods_on_processor() {
  std::vector<Method> table = method_table<OnProcessor>();
  add_factored(table);
  return table;
}

}  // namespace

const std::vector<Method>& methods(Machine machine) {
  static const std::vector<Method> on_processor = methods_on_processor();
  return machine == Machine::cuda ? methods_on_device() : on_processor;
}

std::vector<std::string> method_names(Machine machine) {
  std::vector<std::string> names;
  for (const Method& method : methods(machine)) names.push_back(method.name);
  return names;
}

const Method& method_called(const std::string& name, Machine machine) {
  for (const Method& method : methods(machine))
    if (method.name == name) return method;
  throw lifelong::InvalidArgument(fmt::format("there is no method '{}'{}, only {}", name,
                                              machine == Machine::cuda ? " on a device" : "",
                                              joined(method_names(machine))));
}

}  // namespace lab
