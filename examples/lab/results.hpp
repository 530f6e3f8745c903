// SPDX-License-Identifier: MIT
// What is reported of a run, and its form in JSON.
#pragma once

#include <cstdint>
#include <lifelong/stream/task.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "trial.hpp"

namespace lab {

/// One run of one method with one seed. What is undefined is absent, never 0.
struct RunResult {
  std::string method;
  std::uint64_t seed = 0;
  std::optional<double> strength;
  std::string settings;  ///< a recipe in one line
  Outcome outcome;
  double average_accuracy = 0;
  std::optional<double> backward_transfer;
  std::optional<double> forward_transfer;
  std::optional<double> forgetting;
  std::optional<double> learning_accuracy;
  std::optional<double> running_average;
  std::optional<double> worst_forgetting;
  double worst_accuracy = 0;
  std::optional<double> worst_case_accuracy;
  std::optional<double> stability_gap;
  std::optional<double> learning_curve_area;
  std::optional<double> calibration_error;
};

/// Fills in the metrics that follow from the outcome. Forward transfer has no meaning where the classes of later tasks
/// compete with those learned, and joint training has only an average accuracy.
void set_metrics(RunResult& result, lifelong::Scenario scenario);

/// All but the times, which differ from one machine and one moment to the next.
nlohmann::ordered_json to_json(const RunResult& result);
/// \throws nlohmann::json::exception if `json` is no run.
RunResult run_from_json(const nlohmann::ordered_json& json);

/// The times of a run alone.
nlohmann::ordered_json times_to_json(const RunResult& result);
/// Takes over the times of a run. \throws nlohmann::json::exception if `json` has none; lifelong::FormatError if they
/// are those of another run.
void set_times(RunResult& result, const nlohmann::ordered_json& json);

/// With times: what a session has measured so far.
nlohmann::ordered_json to_json(const Outcome& outcome);
/// \throws nlohmann::json::exception if `json` is no outcome.
Outcome outcome_from_json(const nlohmann::ordered_json& json);

}  // namespace lab
