// SPDX-License-Identifier: MIT
// The methods that can be compared: one line each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trial.hpp"

namespace lab {

/// A number for each kind of stream: the more the tasks share, the more it pays to hold on to.
struct PerStream {
  double rotated, permuted, split;

  [[nodiscard]] double on(StreamKind stream) const {
    switch (stream) {
      case StreamKind::permuted:
        return permuted;
      case StreamKind::split:
      case StreamKind::sets:
        return split;
      case StreamKind::rotated:
      case StreamKind::noisy:
      case StreamKind::label_shift:
        break;
    }
    return rotated;
  }
};
/// The same number for all.
constexpr PerStream everywhere(double value) { return {value, value, value}; }

/// Steps per task with which the strengths by default were chosen.
constexpr PerStream steps_of_defaults{.rotated = 1400, .permuted = 940, .split = 375};

/// A number that a method can be given, --NAME METHOD=VALUE, and its default. `strength` is λ of a penalty.
struct Setting {
  std::string name;
  PerStream by_default;
  std::optional<std::uint64_t> least = {};  ///< if said, it is a whole number of at least this
};

/// What must be given to a method, or known of the tasks.
struct Needs {
  bool task = false;              ///< which task a test example belongs to
  bool memory = false;            ///< stored examples
  bool memory_per_task = false;   ///< as many of every task
  bool memory_per_class = false;  ///< as many of every class
  bool mlp = false;               ///< --hidden says its widths, and it has no other layers
};

struct Method {
  std::string name;
  std::vector<Setting> settings;
  std::string description;
  Outcome (*run)(const Trial&);
  Needs needs = {};
  bool by_name_only = false;  ///< not among `--methods all`, since it is another method as others compute it
};

/// The methods that a machine can run. \throws lifelong::InvalidArgument for a machine that there is not.
const std::vector<Method>& methods(Machine machine);
/// Those of `Machine::cuda`. A program that was built without nvcc has none, and says so.
const std::vector<Method>& methods_on_device();
/// Those of the processor alone.
std::vector<Method> methods_with_factors();
std::vector<Method> methods_with_memory();
std::vector<Method> methods_with_exemplars();
std::vector<Method> methods_with_own_parameters();
std::vector<Method> methods_with_heads();
std::vector<Method> methods_by_convention();

std::vector<std::string> method_names(Machine machine);

/// \throws lifelong::InvalidArgument listing the methods if there is none of this name.
const Method& method_called(const std::string& name, Machine machine);

/// The setting of this name, or nullptr.
const Setting* setting_of(const Method& method, const std::string& name);
/// The names of all settings that any method has.
std::vector<std::string> setting_names();
/// The method's settings as the options say, or by default.
std::map<std::string, double> settings_of(const Method& method, const Options& options);

/// Why the method cannot do what the options ask for, or nothing.
std::optional<std::string> obstacle(const Method& method, const Options& options);
/// \throws lifelong::InvalidArgument if there is a class of which a method could keep no example.
void require_memory(const Options& options, const Stream& stream);

}  // namespace lab
