// The methods that can be compared: one line each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trial.hpp"

namespace lab {

struct Method {
  std::string name;
  std::optional<double> strength;  ///< default λ; none if the method has no strength
  std::string description;
  Outcome (*run)(const Trial&);
};

const std::vector<Method>& methods();
std::vector<std::string> method_names();

/// \throws lifelong::InvalidArgument listing the methods if there is none of this name.
const Method& method_called(const std::string& name);

}  // namespace lab
