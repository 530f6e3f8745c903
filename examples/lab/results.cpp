// SPDX-License-Identifier: MIT
#include "results.hpp"

#include <algorithm>
#include <lifelong/core/error.hpp>
#include <lifelong/evaluation/accuracy_matrix.hpp>
#include <lifelong/evaluation/learning_curves.hpp>
#include <numeric>
#include <span>

namespace lab {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::optional<double> number_in(const Json& json, const char* key) {
  const Json& value = json.at(key);
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

Json json_of(const std::vector<CurvePoint>& curve) {
  Json points = Json::array();
  for (const CurvePoint& point : curve)
    points.push_back({{"task", point.task}, {"epoch", point.epoch}, {"accuracies", point.accuracies}});
  return points;
}

std::vector<CurvePoint> curve_in(const Json& points) {
  std::vector<CurvePoint> curve;
  for (const Json& point : points)
    curve.push_back({point.at("task").get<std::size_t>(), point.at("epoch").get<double>(),
                     point.at("accuracies").get<std::vector<double>>()});
  return curve;
}

/// The curves of a run that was tested inside its tasks, not only at their ends.
std::optional<lifelong::LearningCurves> curves_of(const Outcome& outcome) {
  const auto& rows = outcome.accuracy_matrix;
  if (outcome.curve.size() == rows.size()) return std::nullopt;
  lifelong::LearningCurves curves;
  for (const CurvePoint& point : outcome.curve) {
    if (curves.tasks() == point.task) {
      const std::vector<double>& before = point.task == 0 ? outcome.initial_accuracy : rows[point.task - 1];
      curves.begin_task(std::span(before).first(point.task + 1));
    }
    curves.add(point.accuracies);
  }
  return curves;
}

}  // namespace

void set_metrics(RunResult& result, lifelong::Scenario scenario) {
  const auto& rows = result.outcome.accuracy_matrix;
  const std::size_t tasks = rows.back().size();
  if (const auto& errors = result.outcome.calibration_error; !errors.empty())
    result.calibration_error = std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
  result.worst_accuracy = *std::min_element(rows.back().begin(), rows.back().end());
  if (rows.size() < tasks) {
    result.average_accuracy = std::accumulate(rows.back().begin(), rows.back().end(), 0.0) / static_cast<double>(tasks);
    return;
  }
  lifelong::AccuracyMatrix matrix(tasks);
  matrix.set_initial(result.outcome.initial_accuracy);
  for (const auto& row : rows) matrix.add_row(row);
  result.average_accuracy = matrix.average_accuracy();
  result.backward_transfer = matrix.backward_transfer();
  if (scenario != lifelong::Scenario::class_incremental) result.forward_transfer = matrix.forward_transfer();
  result.forgetting = matrix.forgetting();
  result.learning_accuracy = matrix.learning_accuracy();
  result.running_average = matrix.running_average();
  result.worst_forgetting = matrix.worst_forgetting();
  if (const std::optional<lifelong::LearningCurves> curves = curves_of(result.outcome)) {
    result.worst_case_accuracy = curves->worst_case_accuracy();
    result.stability_gap = curves->stability_gap();
    result.learning_curve_area = curves->area();
  }
}

Json to_json(const RunResult& result) {
  return {{"method", result.method},
          {"seed", result.seed},
          {"strength", json_of(result.strength)},
          {"settings", result.settings},
          {"initial_accuracy", result.outcome.initial_accuracy},
          {"accuracy_matrix", result.outcome.accuracy_matrix},
          {"curve", json_of(result.outcome.curve)},
          {"average_accuracy", result.average_accuracy},
          {"backward_transfer", json_of(result.backward_transfer)},
          {"forward_transfer", json_of(result.forward_transfer)},
          {"forgetting", json_of(result.forgetting)},
          {"learning_accuracy", json_of(result.learning_accuracy)},
          {"running_average", json_of(result.running_average)},
          {"worst_accuracy", result.worst_accuracy},
          {"worst_forgetting", json_of(result.worst_forgetting)},
          {"worst_case_accuracy", json_of(result.worst_case_accuracy)},
          {"stability_gap", json_of(result.stability_gap)},
          {"learning_curve_area", json_of(result.learning_curve_area)},
          {"calibration_error", json_of(result.calibration_error)},
          {"importance", result.outcome.importance},
          {"parameters", result.outcome.parameters},
          {"state_bytes", result.outcome.state_bytes},
          {"memory_bytes", result.outcome.memory_bytes}};
}

RunResult run_from_json(const Json& json) {
  RunResult result;
  json.at("method").get_to(result.method);
  json.at("seed").get_to(result.seed);
  result.strength = number_in(json, "strength");
  json.at("settings").get_to(result.settings);
  json.at("initial_accuracy").get_to(result.outcome.initial_accuracy);
  json.at("accuracy_matrix").get_to(result.outcome.accuracy_matrix);
  result.outcome.curve = curve_in(json.at("curve"));
  json.at("average_accuracy").get_to(result.average_accuracy);
  result.backward_transfer = number_in(json, "backward_transfer");
  result.forward_transfer = number_in(json, "forward_transfer");
  result.forgetting = number_in(json, "forgetting");
  result.learning_accuracy = number_in(json, "learning_accuracy");
  result.running_average = number_in(json, "running_average");
  json.at("worst_accuracy").get_to(result.worst_accuracy);
  result.worst_forgetting = number_in(json, "worst_forgetting");
  result.worst_case_accuracy = number_in(json, "worst_case_accuracy");
  result.stability_gap = number_in(json, "stability_gap");
  result.learning_curve_area = number_in(json, "learning_curve_area");
  result.calibration_error = number_in(json, "calibration_error");
  json.at("importance").get_to(result.outcome.importance);
  json.at("parameters").get_to(result.outcome.parameters);
  json.at("state_bytes").get_to(result.outcome.state_bytes);
  json.at("memory_bytes").get_to(result.outcome.memory_bytes);
  return result;
}

Json times_to_json(const RunResult& result) {
  return {{"method", result.method},
          {"seed", result.seed},
          {"strength", json_of(result.strength)},
          {"train_seconds", result.outcome.train_seconds},
          {"importance_seconds", result.outcome.importance_seconds}};
}

void set_times(RunResult& result, const Json& json) {
  if (json.at("method") != result.method || json.at("seed") != result.seed ||
      number_in(json, "strength") != result.strength)
    throw lifelong::FormatError("the times of " + json.at("method").dump() + " stand where those of " + result.method +
                                " should");
  json.at("train_seconds").get_to(result.outcome.train_seconds);
  json.at("importance_seconds").get_to(result.outcome.importance_seconds);
}

Json to_json(const Outcome& outcome) {
  return {{"initial_accuracy", outcome.initial_accuracy},
          {"accuracy_matrix", outcome.accuracy_matrix},
          {"curve", json_of(outcome.curve)},
          {"train_seconds", outcome.train_seconds},
          {"importance_seconds", outcome.importance_seconds}};
}

Outcome outcome_from_json(const Json& json) {
  Outcome outcome;
  json.at("initial_accuracy").get_to(outcome.initial_accuracy);
  json.at("accuracy_matrix").get_to(outcome.accuracy_matrix);
  outcome.curve = curve_in(json.at("curve"));
  json.at("train_seconds").get_to(outcome.train_seconds);
  json.at("importance_seconds").get_to(outcome.importance_seconds);
  return outcome;
}

}  // namespace lab
