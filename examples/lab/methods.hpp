// SPDX-License-Identifier: MIT
// The methods that can be compared: one line each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trial.hpp"

namespace lab {

/// Default λ of a method for each kind of stream: the more the tasks share, the more it pays to hold on to.
struct Strengths {
  double rotated, permuted, split;

  [[nodiscard]] double on(StreamKind stream) const {
    return stream == StreamKind::rotated ? rotated : stream == StreamKind::permuted ? permuted : split;
  }
};

struct Method {
  std::string name;
  std::optional<Strengths> strengths;  ///< none if the method has no strength
  std::string description;
  Outcome (*run)(const Trial&);
};

/// The methods that a machine can run. \throws lifelong::InvalidArgument for a machine that there is not.
const std::vector<Method>& methods(Machine machine);
/// Those of `Machine::cuda`. A program that was built without nvcc has none, and says so.
const std::vector<Method>& methods_on_device();
std::vector<std::string> method_names(Machine machine);

/// \throws lifelong::InvalidArgument listing the methods if there is none of this name.
const Method& method_called(const std::string& name, Machine machine);

}  // namespace lab
