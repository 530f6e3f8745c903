// SPDX-License-Identifier: MIT
#include "results.hpp"

#include <algorithm>
#include <lifelong/evaluation/accuracy_matrix.hpp>
#include <numeric>

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
    points.push_back({{"task", point.task}, {"epoch", point.epoch}, {"accuracy", point.accuracy}});
  return points;
}

std::vector<CurvePoint> curve_in(const Json& points) {
  std::vector<CurvePoint> curve;
  for (const Json& point : points)
    curve.push_back({point.at("task").get<std::size_t>(), point.at("epoch").get<std::size_t>(),
                     point.at("accuracy").get<double>()});
  return curve;
}

}  // namespace

void set_metrics(RunResult& result, lifelong::Scenario scenario) {
  const auto& rows = result.outcome.accuracy_matrix;
  const std::size_t tasks = rows.back().size();
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
          {"train_seconds", result.outcome.train_seconds},
          {"importance_seconds", result.outcome.importance_seconds},
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
  json.at("train_seconds").get_to(result.outcome.train_seconds);
  json.at("importance_seconds").get_to(result.outcome.importance_seconds);
  json.at("parameters").get_to(result.outcome.parameters);
  json.at("state_bytes").get_to(result.outcome.state_bytes);
  json.at("memory_bytes").get_to(result.outcome.memory_bytes);
  return result;
}

}  // namespace lab
