// SPDX-License-Identifier: MIT
#include "report_data.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <lifelong/evaluation/accuracy_matrix.hpp>
#include <lifelong/version.hpp>
#include <optional>
#include <string>
#include <vector>

#include "statistics.hpp"

namespace lab {

namespace {

using Json = nlohmann::ordered_json;
using Runs = std::vector<const RunResult*>;
using Value = std::function<std::optional<double>(const RunResult&)>;

std::optional<SeedMean> over_seeds(const Runs& runs, const Value& value) {
  std::vector<double> values;
  for (const RunResult* run : runs)
    if (const std::optional<double> of_run = value(*run)) values.push_back(*of_run);
  return mean_over_seeds(values);
}

Json json_of(const std::optional<SeedMean>& estimate) {
  if (!estimate) return nullptr;
  return {{"mean", estimate->mean}, {"half_width", estimate->half_width ? Json(*estimate->half_width) : Json(nullptr)}};
}

Json percent(const Runs& runs, const Value& share) {
  return json_of(over_seeds(runs, [&](const RunResult& run) {
    const std::optional<double> value = share(run);
    return value ? std::optional(100 * *value) : std::nullopt;
  }));
}

double seconds(const RunResult& run) { return run.outcome.train_seconds + run.outcome.importance_seconds; }

/// Against joint training with the same seed, if there is any.
std::optional<double> intransigence(const RunResult& run, std::span<const RunResult> all) {
  const auto joint =
      std::ranges::find_if(all, [&](const RunResult& each) { return each.method == "joint" && each.seed == run.seed; });
  const auto& rows = run.outcome.accuracy_matrix;
  if (joint == all.end() || rows.size() < rows.back().size()) return std::nullopt;
  lifelong::AccuracyMatrix matrix(rows.size());
  for (const auto& row : rows) matrix.add_row(row);
  return matrix.intransigence(joint->outcome.accuracy_matrix.back());
}

Json metrics_of(const Runs& runs, std::span<const RunResult> all) {
  return {{"average_accuracy", percent(runs, [](const RunResult& run) { return run.average_accuracy; })},
          {"backward_transfer", percent(runs, [](const RunResult& run) { return run.backward_transfer; })},
          {"forward_transfer", percent(runs, [](const RunResult& run) { return run.forward_transfer; })},
          {"forgetting", percent(runs, [](const RunResult& run) { return run.forgetting; })},
          {"learning_accuracy", percent(runs, [](const RunResult& run) { return run.learning_accuracy; })},
          {"intransigence", percent(runs, [&](const RunResult& run) { return intransigence(run, all); })},
          {"running_average", percent(runs, [](const RunResult& run) { return run.running_average; })},
          {"worst_accuracy", percent(runs, [](const RunResult& run) { return run.worst_accuracy; })},
          {"worst_forgetting", percent(runs, [](const RunResult& run) { return run.worst_forgetting; })},
          {"worst_case_accuracy", percent(runs, [](const RunResult& run) { return run.worst_case_accuracy; })},
          {"stability_gap", percent(runs, [](const RunResult& run) { return run.stability_gap; })},
          {"learning_curve_area", percent(runs, [](const RunResult& run) { return run.learning_curve_area; })},
          {"calibration_error", percent(runs, [](const RunResult& run) { return run.calibration_error; })},
          {"seconds", json_of(over_seeds(runs, seconds))}};
}

/// How many tasks' worth of examples were learned at a moment; joint training learns all tasks at once.
double learned(const CurvePoint& point, bool jointly, std::size_t tasks, std::size_t epochs) {
  const double share = point.epoch / static_cast<double>(epochs);
  return jointly ? share * static_cast<double>(tasks) : static_cast<double>(point.task) + share;
}

Json curve_of(const Runs& runs, std::size_t tasks, std::size_t epochs) {
  Json curve = Json::array();
  const Outcome& first = runs[0]->outcome;
  const bool jointly = first.accuracy_matrix.size() < tasks;
  for (std::size_t k = 0; k < first.curve.size(); ++k) {
    Json point{{"learned", learned(first.curve[k], jointly, tasks, epochs)}};
    point.update(percent(runs, [&](const RunResult& run) { return run.outcome.curve[k].mean(); }));
    curve.push_back(point);
  }
  return curve;
}

Json matrix_of(const Runs& runs) {
  Json matrix = Json::array();
  const auto& first = runs[0]->outcome.accuracy_matrix;
  for (std::size_t row = 0; row < first.size(); ++row) {
    Json line = Json::array();
    for (std::size_t task = 0; task < first[row].size(); ++task)
      line.push_back(
          over_seeds(runs, [&](const RunResult& run) { return 100 * run.outcome.accuracy_matrix[row][task]; })->mean);
    matrix.push_back(line);
  }
  return matrix;
}

/// Mean over the seeds of the mean importance in each block.
Json importance_of(const Runs& runs) {
  Json blocks = Json::array();
  for (const auto& [block, of_first] : runs[0]->outcome.importance) {
    double sum = 0;
    for (const RunResult* run : runs)
      if (const auto mean = run->outcome.importance.find(block); mean != run->outcome.importance.end())
        sum += mean->second;
    blocks.push_back({{"block", block}, {"mean", sum / static_cast<double>(runs.size())}});
  }
  return blocks;
}

Json seeds_of(const Runs& runs) {
  Json seeds = Json::array();
  for (const RunResult* run : runs) seeds.push_back(run->seed);
  return seeds;
}

Json method_of(const Runs& runs, std::span<const RunResult> all, std::size_t tasks, std::size_t epochs) {
  const RunResult& first = *runs[0];
  return {{"name", first.method},
          {"recipe", first.settings},
          {"strength", first.strength ? Json(*first.strength) : Json(nullptr)},
          {"seeds", seeds_of(runs)},
          {"metrics", metrics_of(runs, all)},
          {"importance", importance_of(runs)},
          {"parameters", first.outcome.parameters},
          {"state_bytes", first.outcome.state_bytes},
          {"memory_bytes", first.outcome.memory_bytes},
          {"curve", curve_of(runs, tasks, epochs)},
          {"matrix", matrix_of(runs)}};
}

Json experiment_of(const Finished& finished) {
  Json experiment{{"name", finished.name}};
  experiment.update(finished.head);
  experiment["methods"] = Json::array();
  const auto tasks = finished.head.at("tasks").get<std::size_t>(),
             epochs = finished.head.at("epochs").get<std::size_t>();
  for (const Runs& runs : by_method(finished.runs))
    experiment["methods"].push_back(method_of(runs, finished.runs, tasks, epochs));
  experiment["surface"] = finished.surface;
  return experiment;
}

}  // namespace

Json report_data(std::span<const Finished> experiments) {
  Json data{{"version", LIFELONG_VERSION_STRING}, {"experiments", Json::array()}};
  for (const Finished& finished : experiments) data["experiments"].push_back(experiment_of(finished));
  return data;
}

}  // namespace lab
