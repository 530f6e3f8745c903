// SPDX-License-Identifier: MIT
#include "finished.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <lifelong/core/error.hpp>

#include "files.hpp"

namespace lab {

namespace {

using Json = nlohmann::ordered_json;

/// \throws lifelong::FormatError unless all of `row` are shares of 1, one for each task.
void require_accuracies(const std::vector<double>& row, std::size_t tasks, const std::string& what) {
  if (row.size() != tasks)
    throw lifelong::FormatError(fmt::format("{} has {} values for {} tasks", what, row.size(), tasks));
  for (const double value : row)
    if (!(value >= 0 && value <= 1))
      throw lifelong::FormatError(fmt::format("{} has the accuracy {:g}, which is not from 0 to 1", what, value));
}

void require_curve(const std::vector<CurvePoint>& curve, bool jointly, std::size_t tasks, std::size_t epochs,
                   const std::string& which) {
  for (const CurvePoint& point : curve) {
    if (point.task >= tasks || !(point.epoch > 0) || point.epoch > static_cast<double>(epochs))
      throw lifelong::FormatError(
          fmt::format("the curve of {} has epoch {:g} of task {}", which, point.epoch, point.task + 1));
    require_accuracies(point.accuracies, jointly ? tasks : point.task + 1, "the curve of " + which);
  }
}

void require_whole(const RunResult& run, std::size_t tasks, std::size_t epochs) {
  const std::string which = fmt::format("{}, seed {}", run.method, run.seed);
  const auto& rows = run.outcome.accuracy_matrix;
  if (rows.size() != tasks && rows.size() != 1)
    throw lifelong::FormatError(
        fmt::format("the accuracy matrix of {} has {} rows for {} tasks", which, rows.size(), tasks));
  for (const auto& row : rows) require_accuracies(row, tasks, "a row of the accuracy matrix of " + which);
  require_accuracies(run.outcome.initial_accuracy, tasks, "the initial accuracy of " + which);
  require_accuracies({run.average_accuracy}, 1, "the average of " + which);
  require_curve(run.outcome.curve, rows.size() < tasks, tasks, epochs, which);
}

/// The runs of a method with other seeds have points at the same moments, so that means can be taken.
void require_alike(const RunResult& run, const RunResult& first) {
  const auto at_the_same_moment = [](const CurvePoint& a, const CurvePoint& b) {
    return a.task == b.task && a.epoch == b.epoch;
  };
  if (run.outcome.accuracy_matrix.size() != first.outcome.accuracy_matrix.size() ||
      !std::ranges::equal(run.outcome.curve, first.outcome.curve, at_the_same_moment))
    throw lifelong::FormatError(
        fmt::format("the runs of {} with the seeds {} and {} were not tested at the same moments", run.method,
                    first.seed, run.seed));
}

/// \throws lifelong::FormatError unless there are two losses for each place of the grid, and points of two numbers.
void require_surface(const Json& surface) {
  const auto xs = surface.at("x").get<std::vector<double>>(), ys = surface.at("y").get<std::vector<double>>();
  const auto losses = surface.at("losses").get<std::vector<std::array<double, 2>>>();
  if (losses.size() != xs.size() * ys.size())
    throw lifelong::FormatError(
        fmt::format("it has {} losses on a grid of {} x {}", losses.size(), xs.size(), ys.size()));
  surface.at("tasks").get<std::array<std::string, 2>>();
  for (const Json& path : surface.at("paths")) {
    path.at("method").get_ref<const std::string&>();
    path.at("points").get<std::vector<std::array<double, 2>>>();
  }
}

Finished finished_from(const Json& json, std::string name) {
  if (!json.is_object()) throw lifelong::FormatError("it is no JSON object");
  Finished finished{.name = std::move(name), .head = json, .runs = {}, .surface = nullptr};
  finished.head.erase("runs");
  const auto tasks = json.at("tasks").get<std::size_t>(), epochs = json.at("epochs").get<std::size_t>();
  if (tasks == 0 || epochs == 0) throw lifelong::FormatError("it has no tasks, or no epochs");
  for (const char* text : {"command", "version", "kind", "dataset", "stream", "scenario", "model"})
    json.at(text).get_ref<const std::string&>();
  for (const Json& run : json.at("runs")) {
    finished.runs.push_back(run_from_json(run));
    require_whole(finished.runs.back(), tasks, epochs);
  }
  for (const auto& runs : by_method(finished.runs))
    for (const RunResult* run : runs) require_alike(*run, *runs[0]);
  if (finished.runs.empty()) throw lifelong::FormatError("there are no runs in it");
  return finished;
}

/// Of all runs.
void set_times(Finished& finished, const Json& json) {
  const Json& times = json.at("runs");
  if (times.size() != finished.runs.size())
    throw lifelong::FormatError(fmt::format("it has times of {} runs for {}", times.size(), finished.runs.size()));
  for (std::size_t k = 0; k < times.size(); ++k) {
    set_times(finished.runs[k], times[k]);
    const Outcome& outcome = finished.runs[k].outcome;
    if (!(outcome.train_seconds >= 0 && outcome.importance_seconds >= 0))
      throw lifelong::FormatError("it has a time below 0");
  }
}

/// What `use(json)` makes of a file; what is wrong with it is told with its name.
template <class Use>
auto from_file(const std::filesystem::path& path, Use use) {
  const std::string text = read_file(path);
  try {
    return use(Json::parse(text));
  } catch (const Json::exception& error) {
    throw lifelong::FormatError(fmt::format("{} is not what an experiment writes ({})", path.string(), error.what()));
  } catch (const lifelong::FormatError& error) {
    throw lifelong::FormatError(fmt::format("{} is damaged: {}", path.string(), error.what()));
  }
}

}  // namespace

Finished read_finished(const std::filesystem::path& folder) {
  const std::string name = std::filesystem::absolute(folder / ".").parent_path().filename().string();
  Finished finished = from_file(folder / "results.json", [&](const Json& json) { return finished_from(json, name); });
  from_file(folder / "times.json", [&](const Json& json) { set_times(finished, json); });
  if (const auto surface = folder / "surface.json"; std::filesystem::exists(surface))
    finished.surface = from_file(surface, [](Json json) {
      require_surface(json);
      return json;
    });
  return finished;
}

std::vector<std::vector<const RunResult*>> by_method(std::span<const RunResult> runs) {
  std::vector<std::vector<const RunResult*>> groups;
  for (const RunResult& run : runs) {
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const std::vector<const RunResult*>& each) {
      return each[0]->method == run.method && each[0]->strength == run.strength;
    });
    if (group == groups.end())
      groups.push_back({&run});
    else
      group->push_back(&run);
  }
  return groups;
}

}  // namespace lab
