// SPDX-License-Identifier: MIT
#include "surface.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <lifelong/core/error.hpp>
#include <lifelong/lifelong.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data.hpp"
#include "files.hpp"
#include "interrupt.hpp"
#include "methods.hpp"
#include "network_student.hpp"
#include "on_processor.hpp"
#include "progress.hpp"
#include "report_command.hpp"
#include "streams.hpp"
#include "text.hpp"

namespace lab {

namespace {

using Json = nlohmann::ordered_json;
using Parameters = std::vector<float>;
using Point = std::array<double, 2>;

constexpr std::size_t points_of_path = 60, points_of_side = 31, most_samples = 1000;
constexpr double margin = 0.25;  // of the plane's size, around all paths

/// From the first solution on, while the second task is learned.
struct Path {
  std::string method;
  std::vector<Parameters> points;
};

/// A learner of these parts learns both tasks.
template <class Importance, class Penalty>
Path path_of(const Trial& plan, Progress& all, const char* method, const Importance& importance,
             const Penalty& penalty) {
  Path path{method, {}};
  RunProgress progress(all, method, plan.seed);
  const Trial trial{plan.options, plan.stream, plan.seed, plan.settings, progress};
  const auto keep = [&](const auto& learner) {
    const auto parameters = learner.model().parameters();
    path.points.emplace_back(parameters.begin(), parameters.end());
  };
  const auto walk = [&](const OnProcessor& machine, auto learner) {
    const auto fit = [&](std::size_t task, const auto& also) {
      trial.progress.start_task(fmt::format("task {} of 2", task + 1));
      learner.fit(machine.examples(trial.stream[task].train),
                  fit_options(trial, trial.options.epochs, trial.options.optimizer_state),
                  [&](const lifelong::FitProgress& at) {
                    stop_if_interrupted();
                    trial.progress.stepped(at, trial.options.batch_size);
                    also(at);
                  });
    };
    fit(0, [](const lifelong::FitProgress&) {});
    learner.consolidate(machine.examples(trial.stream[0].train));
    keep(learner);
    fit(1, [&](const lifelong::FitProgress& at) {
      const std::size_t every = std::max<std::size_t>(1, at.steps / points_of_path);
      if (at.step % every == 0 || at.step == at.steps) keep(learner);
    });
    return Outcome{};
  };
  with_learner<OnProcessor>(trial, walk, importance, penalty);
  return path;
}

double product(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// The plane through three points, with two directions of length 1 that are at right angles.
class Plane {
 public:
  Plane(const Parameters& origin, const Parameters& a, const Parameters& b) : origin_(origin) {
    directions_[0] = unit(from_origin(a));
    std::vector<double> second = from_origin(b);
    const double length = std::sqrt(product(second, second)), along = product(second, directions_[0]);
    for (std::size_t i = 0; i < second.size(); ++i) second[i] -= along * directions_[0][i];
    if (!(std::sqrt(product(second, second)) > 1e-6 * length))
      throw lifelong::NumericError("plain training and EWC move in the same direction, so there is no plane to show");
    directions_[1] = unit(std::move(second));
  }

  [[nodiscard]] Point project(const Parameters& point) const {
    const std::vector<double> move = from_origin(point);
    return {product(move, directions_[0]), product(move, directions_[1])};
  }
  void place(Point at, std::span<float> parameters) const {
    for (std::size_t i = 0; i < parameters.size(); ++i)
      parameters[i] =
          static_cast<float>(static_cast<double>(origin_[i]) + at[0] * directions_[0][i] + at[1] * directions_[1][i]);
  }

 private:
  [[nodiscard]] std::vector<double> from_origin(const Parameters& point) const {
    std::vector<double> move(point.size());
    for (std::size_t i = 0; i < move.size(); ++i)
      move[i] = static_cast<double>(point[i]) - static_cast<double>(origin_[i]);
    return move;
  }
  static std::vector<double> unit(std::vector<double> direction) {
    const double length = std::sqrt(product(direction, direction));
    if (!(length > 0)) throw lifelong::NumericError("plain training of the second task does not move the parameters");
    for (double& each : direction) each /= length;
    return direction;
  }

  Parameters origin_;
  std::array<std::vector<double>, 2> directions_;
};

/// The first test examples of a task.
class TestBatch {
 public:
  explicit TestBatch(const Examples& examples) {
    const std::size_t size = std::min(most_samples, examples.size());
    buffer_.resize(size, examples.features(), 0);
    for (std::size_t i = 0; i < size; ++i) examples.read(i, buffer_.row(i, i));
  }
  [[nodiscard]] lifelong::Batch<float> batch() const { return buffer_.batch(); }

 private:
  lifelong::BatchBuffer<float> buffer_;
};

/// `points_of_side` places that hold all values, with a margin.
std::vector<double> side(double low, double high) {
  const double room = margin * (high - low);
  std::vector<double> places;
  for (std::size_t k = 0; k < points_of_side; ++k)
    places.push_back(low - room +
                     (high - low + 2 * room) * static_cast<double>(k) / static_cast<double>(points_of_side - 1));
  return places;
}

Json losses(const Trial& trial, const Plane& plane, const std::vector<double>& xs, const std::vector<double>& ys) {
  const std::array<TestBatch, 2> tests{TestBatch(trial.stream[0].test), TestBatch(trial.stream[1].test)};
  auto network = OnProcessor(trial).network();
  Json grid = Json::array();
  for (const double y : ys)
    for (const double x : xs) {
      stop_if_interrupted();
      plane.place({x, y}, network.parameters());
      grid.push_back({network.loss(tests[0].batch()), network.loss(tests[1].batch())});
    }
  return grid;
}

Json surface_of(const Trial& trial, const std::vector<Path>& paths) {
  const Plane plane(paths[0].points.front(), paths[0].points.back(), paths[2].points.back());
  Json drawn = Json::array();
  Point low{0, 0}, high{0, 0};
  for (const Path& path : paths) {
    Json points = Json::array();
    for (const Parameters& parameters : path.points) {
      const Point point = plane.project(parameters);
      for (std::size_t k = 0; k < 2; ++k) {
        low[k] = std::min(low[k], point[k]);
        high[k] = std::max(high[k], point[k]);
      }
      points.push_back(point);
    }
    drawn.push_back({{"method", path.method}, {"points", points}});
  }
  const std::vector<double> xs = side(low[0], high[0]), ys = side(low[1], high[1]);
  return {{"command", trial.options.command},
          {"tasks", {trial.stream[0].name, trial.stream[1].name}},
          {"x", xs},
          {"y", ys},
          {"losses", losses(trial, plane, xs, ys)},
          {"paths", drawn}};
}

/// Of plain training, L2 and EWC.
std::vector<Path> paths_of(const Trial& trial, Progress& all) {
  const auto strength = [&](const char* method) {
    return settings_of(method_called(method, Machine::cpu), trial.options).at("strength");
  };
  using lifelong::importance::Constant;
  using lifelong::importance::Fisher;
  using lifelong::penalty::None;
  using lifelong::penalty::Quadratic;
  return {path_of(trial, all, "plain", Constant{}, None{}),
          path_of(trial, all, "l2", Constant{}, Quadratic{.strength = strength("l2")}),
          path_of(trial, all, "ewc", Fisher{.seed = trial.seed}, Quadratic{.strength = strength("online-ewc")})};
}

}  // namespace

void map_surface(const SurfaceOptions& surface) {
  const Options& options = surface.run;
  const Data data = load_data(options.dataset);
  const std::uint64_t seed = options.seeds.front();
  const Stream stream = make_stream(data, options, seed);
  if (stream.size() < 2) throw lifelong::InvalidArgument("--tasks: a surface needs two tasks");
  if (options.machine != Machine::cpu)
    throw lifelong::InvalidArgument("--device: a surface is mapped by the processor alone");
  require_writable_folder(options.output);
  Progress progress(3, (stream[0].train.size() + stream[1].train.size()) * options.epochs, 0);
  const std::map<std::string, double> none;
  RunProgress of_map(progress, "surface", seed);
  const Trial trial{options, stream, seed, none, of_map};
  const auto path = options.output / "surface.json";
  try {
    write_atomically(path, surface_of(trial, paths_of(trial, progress)).dump() + "\n");
  } catch (const Interrupted&) {
    fmt::print(stderr, "interrupted: nothing is kept\n");
    throw;
  }
  fmt::print("Surface: {}\n", path.string());
  if (std::filesystem::exists(options.output / "results.json"))
    end_with_report({.folders = {options.output}, .output = options.output / "report.html"});
}

}  // namespace lab
