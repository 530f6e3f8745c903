// SPDX-License-Identifier: MIT
#include "results.hpp"

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

}  // namespace

void set_metrics(RunResult& result, lifelong::Scenario scenario) {
  const auto& rows = result.outcome.accuracy_matrix;
  const std::size_t tasks = rows.back().size();
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
}

Json to_json(const RunResult& result) {
  return {{"method", result.method},
          {"seed", result.seed},
          {"strength", json_of(result.strength)},
          {"settings", result.settings},
          {"initial_accuracy", result.outcome.initial_accuracy},
          {"accuracy_matrix", result.outcome.accuracy_matrix},
          {"average_accuracy", result.average_accuracy},
          {"backward_transfer", json_of(result.backward_transfer)},
          {"forward_transfer", json_of(result.forward_transfer)},
          {"forgetting", json_of(result.forgetting)},
          {"learning_accuracy", json_of(result.learning_accuracy)},
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
  json.at("average_accuracy").get_to(result.average_accuracy);
  result.backward_transfer = number_in(json, "backward_transfer");
  result.forward_transfer = number_in(json, "forward_transfer");
  result.forgetting = number_in(json, "forgetting");
  result.learning_accuracy = number_in(json, "learning_accuracy");
  json.at("train_seconds").get_to(result.outcome.train_seconds);
  json.at("importance_seconds").get_to(result.outcome.importance_seconds);
  json.at("parameters").get_to(result.outcome.parameters);
  json.at("state_bytes").get_to(result.outcome.state_bytes);
  json.at("memory_bytes").get_to(result.outcome.memory_bytes);
  return result;
}

}  // namespace lab
