// SPDX-License-Identifier: MIT
#include "experiment.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>
#include <lifelong/version.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data.hpp"
#include "files.hpp"
#include "finished.hpp"
#include "interrupt.hpp"
#include "kept_runs.hpp"
#include "methods.hpp"
#include "pictures.hpp"
#include "progress.hpp"
#include "report_command.hpp"
#include "results.hpp"
#include "sha256.hpp"
#include "streams.hpp"
#include "table.hpp"
#include "text.hpp"

namespace lab {

namespace {

using Json = nlohmann::ordered_json;

std::string model_text(const Options& options, const Stream& stream) {
  std::string widths = fmt::format("{}", stream.features());
  for (const std::size_t width : options.hidden) widths += fmt::format("-{}", width);
  const std::string where = options.machine == Machine::cpu ? "" : fmt::format(", on {}", name_of(options.machine));
  return fmt::format("mlp {}-{}, ReLU, float{}", widths, stream.outputs(), where);
}

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

/// Seed by seed, so that runs of the same stream follow on one another.
std::vector<Planned> planned_runs(const Options& options) {
  std::vector<Planned> runs;
  for (const std::uint64_t seed : options.seeds)
    for (const std::string& name : options.methods) {
      const Method& method = method_called(name, options.machine);
      Planned run{&method, seed, settings_of(method, options)};
      if (!options.sweep) runs.push_back(run);
      for (const double strength : options.sweep ? options.sweep->strengths : std::vector<double>{}) {
        run.settings["strength"] = strength;
        runs.push_back(run);
      }
    }
  return runs;
}

/// One hash of all examples.
std::string hash_of(const Data& data) {
  std::string hashes;
  for (const auto* part : {&data.examples.train, &data.examples.test})
    hashes += fmt::format("{} {} {} ", fmt::join(part->shape(), "x"), sha256(std::as_bytes(part->inputs())),
                          sha256(std::as_bytes(part->labels())));
  return sha256(std::as_bytes(std::span(hashes)));
}

/// What makes the results what they are, to the bit: the same program with the same arguments on the same data.
Json experiment_of(const Options& options, const Data& data) {
  const std::filesystem::path self = "/proc/self/exe";
  const std::string program = std::filesystem::exists(self) ? read_file(self) : "";
  return {{"command", options.command},
          {"version", LIFELONG_VERSION_STRING},
          {"program", sha256(std::as_bytes(std::span(program)))},
          {"data", hash_of(data)}};
}

std::string stream_text(const Options& options) {
  if (options.stream != StreamKind::rotated) return name_of(options.stream);
  return options.degrees ? fmt::format("rotated by {:g} degrees each", *options.degrees) : "rotated at random";
}

std::string recipe(const Method& method, const Trial& trial) {
  const Options& options = trial.options;
  std::string settings;
  for (const Setting& setting : method.settings)
    settings += fmt::format(", {} {:g}", setting.name, trial[setting.name.c_str()]);
  if (method.needs.memory) settings += fmt::format(", memory {} examples", options.memory);
  if (method.needs.memory && options.memory_batch) settings += fmt::format(", {} in a step", *options.memory_batch);
  const std::string falling = options.final_rate < 1 ? fmt::format(" falling to {:g}", options.final_rate) : "";
  const std::string samples = options.train_samples ? fmt::format("{}", *options.train_samples) : "all";
  return fmt::format(
      "{} ({}){}; {} {}, {}-incremental, {} tasks, {} training samples each; {}; {}, learning rate {:g}{}, state {} at "
      "a "
      "new task; epochs {}, batch size {}; seed {}; lifelong {}",
      method.name, method.description, settings, stream_text(options), options.dataset, name_of(options.scenario),
      options.tasks, samples, model_text(options, trial.stream), name_of(options.optimizer), options.learning_rate,
      falling, options.optimizer_state == lifelong::OptimizerState::keep ? "kept" : "reset", options.epochs,
      options.batch_size, trial.seed, LIFELONG_VERSION_STRING);
}

RunResult run(const Planned& planned, const Options& options, const Stream& stream, Progress& progress) {
  const Method& method = *planned.method;
  const std::uint64_t seed = planned.seed;
  RunResult result;
  result.method = method.name;
  result.seed = seed;
  result.strength = planned.strength();
  const Trial trial{options, stream, seed, planned.settings, progress};
  progress.start_run(options.sweep ? fmt::format("{} {:g}", method.name, *result.strength) : method.name, seed);
  try {
    result.outcome = method.run(trial);
  } catch (const lifelong::NumericError& error) {
    const std::string strength = options.sweep ? fmt::format(" of strength {:g}", *result.strength) : "";
    throw lifelong::NumericError(fmt::format("{}{}, seed {}: {}", method.name, strength, seed, error.what()));
  }
  set_metrics(result, options.scenario);
  result.settings = recipe(method, trial);
  progress.end_run(result.average_accuracy, result.outcome.train_seconds + result.outcome.importance_seconds);
  return result;
}

/// \param first the stream of the first seed; those of other seeds are as large.
Progress start_progress(std::size_t runs, const Options& options, const Stream& first) {
  std::size_t learning = 0, testing = 0, seen = 0;
  const std::size_t tested_epochs = options.test_epochs ? options.epochs - 1 : 0;
  for (const auto& task : first) {
    learning += task.train.size() * options.epochs;
    seen += task.test.size();
    testing += task.test.size() * (first.size() + 1) + seen * tested_epochs;
  }
  return {runs, learning, testing};
}

void run_all(const Options& options, const Data& data, const Stream& first, KeptRuns& kept) {
  std::vector<Planned> runs = planned_runs(options);
  std::erase_if(runs,
                [&](const Planned& run) { return kept.find(run.method->name, run.seed, run.strength()) != nullptr; });
  Progress progress = start_progress(runs.size(), options, first);
  std::optional<std::pair<std::uint64_t, Stream>> of_seed;
  for (const Planned& planned : runs) {
    if (!of_seed || of_seed->first != planned.seed)
      of_seed.emplace(planned.seed, make_stream(data.examples, options, planned.seed));
    try {
      kept.add(run(planned, options, of_seed->second, progress));
    } catch (const lifelong::NumericError& error) {
      if (!options.sweep) throw;
      fmt::print(stderr, "left out, as it cannot be trained: {}\n", error.what());
    }
  }
}

/// Whether it was chosen for each kind of stream.
bool is_chosen(const PerStream& number) { return number.rotated != number.permuted || number.permuted != number.split; }

/// Strengths by default mislead where tasks are learned in far fewer steps: old losses are then less sharp, and plain
/// training forgets less.
void warn_of_defaults(const Options& options, const Stream& first) {
  const std::size_t batches = (first[0].train.size() + options.batch_size - 1) / options.batch_size;
  const double steps = static_cast<double>(batches * options.epochs), chosen = steps_of_defaults.on(options.stream);
  if (options.sweep || steps > chosen / 2) return;
  std::vector<std::string> methods;
  for (const std::string& name : options.methods) {
    const auto given = options.settings.find(name);
    const bool is_given = given != options.settings.end() && given->second.contains("strength");
    const Setting* strength = setting_of(method_called(name, options.machine), "strength");
    if (strength != nullptr && is_chosen(strength->by_default) && !is_given) methods.push_back(name);
  }
  if (!methods.empty())
    fmt::print(
        stderr,
        "note: the strengths by default of {} were chosen with about {:g} steps per task, and this run has {:g}; "
        "lifelong-lab sweep finds others\n",
        joined(methods), chosen, steps);
}

std::string results_text(const Options& options, const Stream& stream, const std::vector<RunResult>& runs) {
  Json results{{"command", options.command},
               {"version", LIFELONG_VERSION_STRING},
               {"dataset", options.dataset},
               {"stream", name_of(options.stream)},
               {"scenario", name_of(options.scenario)},
               {"kind", options.sweep ? "sweep" : "run"},
               {"tasks", stream.size()},
               {"epochs", options.epochs},
               {"model", model_text(options, stream)},
               {"threads", options.threads},
               {"memory", options.memory},
               {"pictures", pictures_of(stream)},
               {"runs", Json::array()}};
  if (options.machine != Machine::cpu) results["device"] = name_of(options.machine);
  for (const RunResult& run : runs) results["runs"].push_back(to_json(run));
  return results.dump(1) + "\n";
}

/// `--strength mas=0.1` for each method: the strength with the largest mean of average accuracies over seeds.
std::string best_strengths(std::span<const RunResult> runs) {
  std::map<std::string, std::pair<double, double>> best;  // accuracy and strength, by method
  for (const auto& group : by_method(runs)) {
    double sum = 0;
    for (const RunResult* run : group) sum += run->average_accuracy;
    const std::pair candidate(sum / static_cast<double>(group.size()), *group[0]->strength);
    const auto [at, first] = best.try_emplace(group[0]->method, candidate);
    if (!first && candidate.first > at->second.first) at->second = candidate;
  }
  std::string text;
  for (const auto& [method, accuracy_and_strength] : best)
    text += fmt::format(" --strength {}={:g}", method, accuracy_and_strength.second);
  return text;
}

/// \throws lifelong::InvalidArgument if the folder has the results of another command, which would be lost.
void require_no_other_results(const Options& options) {
  const auto path = options.output / "results.json";
  if (options.overwrite || !std::filesystem::exists(path)) return;
  const Json results = Json::parse(read_file(path), nullptr, false);
  const bool is_told = results.is_object() && results.contains("command") && results["command"].is_string();
  const std::string command = is_told ? results["command"].get<std::string>() : "";
  if (command != options.command)
    throw lifelong::InvalidArgument(fmt::format(
        "{} has the results of another command ({}); choose another --output, or replace them with --overwrite",
        path.string(), command.empty() ? "which it does not say" : command));
}

}  // namespace

void run_experiment(const Options& options) {
  const Data data = load_data(options.dataset);
  const Stream stream = make_stream(data.examples, options, options.seeds.front());
  require_memory(options, stream);
  require_no_other_results(options);
  require_writable_folder(options.output);
  KeptRuns kept(options.output, experiment_of(options, data));
  if (!kept.refused().empty())
    fmt::print(stderr, "{} {}: not used, all is run anew\n", kept.path().string(), kept.refused());
  if (!kept.all().empty())
    fmt::print(stderr, "resumed: {} of {} runs\n", kept.all().size(), planned_runs(options).size());
  warn_of_defaults(options, stream);
  try {
    run_all(options, data, stream, kept);
  } catch (const Interrupted&) {
    fmt::print(stderr, "interrupted: {}\n",
               kept.all().empty() ? "no run was finished, nothing is kept"
                                  : fmt::format("{} of {} runs are kept in {}; the same command takes them up",
                                                kept.all().size(), planned_runs(options).size(), kept.path().string()));
    throw;
  }
  if (kept.all().empty()) throw lifelong::NumericError("no strength could be trained, so there are no results");
  const auto path = options.output / "results.json";
  write_atomically(path, results_text(options, stream, kept.all()));
  kept.forget();
  fmt::print("\n{}\n", table(kept.all()));
  if (options.sweep) fmt::print("Best on the first {} tasks:{}\n", stream.size(), best_strengths(kept.all()));
  fmt::print("Results: {}\n", path.string());
  end_with_report({.folders = {options.output}, .output = options.output / "report.html"});
}

}  // namespace lab
