// SPDX-License-Identifier: MIT
#include "methods.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>

#include "method_table.hpp"
#include "on_processor.hpp"
#include "text.hpp"

namespace lab {

const std::vector<Method>& methods(Machine machine) {
  static const std::vector<Method> on_processor = method_table<OnProcessor>();
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
