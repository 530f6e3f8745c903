// SPDX-License-Identifier: MIT
// The runs that a command asks for, and what each of them is, in words.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "methods.hpp"
#include "options.hpp"
#include "results.hpp"
#include "trial.hpp"

namespace lab {

/// A run that is to be made.
struct Planned {
  const Method* method;
  std::uint64_t seed;
  std::map<std::string, double> settings;

  [[nodiscard]] std::optional<double> strength() const {
    const auto strength = settings.find("strength");
    return strength == settings.end() ? std::nullopt : std::optional(strength->second);
  }
};

/// Every method with every seed: seed by seed, so that runs of the same stream follow on one another.
std::vector<Planned> planned_runs(const Options& options);
/// The same with other strengths, in this order for each method and seed.
std::vector<Planned> planned_runs(const Options& options, const std::vector<double>& strengths);

/// Brings runs into the order of the options, whatever the order in which they were made: by seed, method and strength.
void sort_as_planned(std::vector<RunResult>& runs, const Options& options);

/// `mlp 784-256-10, ReLU, float`
std::string model_text(const Options& options, const Stream& stream);
/// Every choice that a run's results depend on, in a line.
std::string recipe(const Method& method, const Trial& trial);

}  // namespace lab
