// SPDX-License-Identifier: MIT
#include "methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <lifelong/core/error.hpp>

#include "method_table.hpp"
#include "on_processor.hpp"
#include "text.hpp"

namespace lab {

namespace {

/// The upper bound stays the last.
std::vector<Method> methods_on_processor() {
  std::vector<Method> table = method_table<OnProcessor>();
  for (const auto& more : {methods_with_factors(), methods_with_memory(), methods_with_exemplars(),
                           methods_with_own_parameters(), methods_with_heads(), methods_by_convention()})
    table.insert(table.end() - 1, more.begin(), more.end());
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

const Setting* setting_of(const Method& method, const std::string& name) {
  for (const Setting& setting : method.settings)
    if (setting.name == name) return &setting;
  return nullptr;
}

std::vector<std::string> setting_names() {
  std::vector<std::string> names;
  for (const Method& method : methods(Machine::cpu))
    for (const Setting& setting : method.settings)
      if (std::find(names.begin(), names.end(), setting.name) == names.end()) names.push_back(setting.name);
  return names;
}

std::map<std::string, double> settings_of(const Method& method, const Options& options) {
  std::map<std::string, double> settings;
  const auto chosen = options.settings.find(method.name);
  if (chosen != options.settings.end()) settings = chosen->second;
  for (const Setting& setting : method.settings)
    settings.try_emplace(setting.name, setting.by_default.on(options.stream));
  return settings;
}

std::optional<std::string> obstacle(const Method& method, const Options& options) {
  if (method.needs.task && options.scenario != lifelong::Scenario::task)
    return fmt::format("{} has to be told the task of a test example, which only --scenario task does", method.name);
  if (method.needs.mlp && options.network)
    return fmt::format("{} is made for the layers of --hidden, not for those of --network", method.name);
  if (method.needs.memory_per_task && options.memory < options.tasks)
    return fmt::format("{} keeps as many examples of every task, so --memory must be at least {}, but is {}",
                       method.name, options.tasks, options.memory);
  return std::nullopt;
}

void require_memory(const Options& options, const Stream& stream) {
  for (const std::string& name : options.methods)
    if (method_called(name, options.machine).needs.memory_per_class && options.memory < stream.outputs())
      throw lifelong::InvalidArgument(fmt::format(
          "--memory: {} keeps examples of each of {} classes, so there must be room for as many, but it is {}", name,
          stream.outputs(), options.memory));
}

}  // namespace lab
