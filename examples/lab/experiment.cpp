// SPDX-License-Identifier: MIT
#include "experiment.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>
#include <lifelong/version.hpp>
#include <span>
#include <string>
#include <vector>

#include "curves_csv.hpp"
#include "data.hpp"
#include "event_files.hpp"
#include "files.hpp"
#include "interrupt.hpp"
#include "kept_runs.hpp"
#include "layers.hpp"
#include "methods.hpp"
#include "pictures.hpp"
#include "plan.hpp"
#include "report_command.hpp"
#include "results.hpp"
#include "runner.hpp"
#include "search.hpp"
#include "sha256.hpp"
#include "streams.hpp"
#include "table.hpp"
#include "text.hpp"

namespace lab {

namespace {

using Json = nlohmann::ordered_json;

/// One hash of all examples.
std::string hash_of(const Data& data) {
  std::string hashes;
  std::vector<const lifelong::Dataset<std::uint8_t>*> parts{&data.examples.train, &data.examples.test};
  for (const auto& more : data.more) parts.insert(parts.end(), {&more.train, &more.test});
  for (const auto* part : parts)
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
          {"network", options.network ? options.network->text : ""},
          {"data", hash_of(data)}};
}

/// Whether it was chosen for each kind of stream.
bool is_chosen(const PerStream& number) { return number.rotated != number.permuted || number.permuted != number.split; }

/// Strengths by default mislead where tasks are learned in far fewer steps: old losses are then less sharp, and plain
/// training forgets less.
void warn_of_defaults(const Options& options, const Stream& first) {
  const std::size_t batches = options.steps_of_epoch(first[0].train.size());
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
               {"memory", options.memory},
               {"pictures", pictures_of(stream)},
               {"runs", Json::array()}};
  if (options.machine != Machine::cpu) results["device"] = name_of(options.machine);
  for (const RunResult& run : runs) results["runs"].push_back(to_json(run));
  return results.dump(1) + "\n";
}

/// What differs from one machine and one moment to the next.
std::string times_text(const Options& options, const std::vector<RunResult>& runs) {
  Json times{{"command", options.command}, {"threads", options.threads}, {"runs", Json::array()}};
  for (const RunResult& run : runs) times["runs"].push_back(times_to_json(run));
  return times.dump(1) + "\n";
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
  const Stream stream = make_stream(data, options, options.seeds.front());
  require_memory(options, stream);
  static_cast<void>(layers_of(options, stream));  // throws for a network that does not fit
  require_no_other_results(options);
  require_writable_folder(options.output);
  const Json experiment = experiment_of(options, data);
  KeptRuns kept(options.output, experiment);
  const std::size_t all_runs = options.sweep ? most_runs(options) : planned_runs(options).size();
  if (!kept.refused().empty())
    fmt::print(stderr, "{} {}: not used, all is run anew\n", kept.path().string(), kept.refused());
  if (!kept.all().empty()) fmt::print(stderr, "resumed: {} of {} runs\n", kept.all().size(), all_runs);
  warn_of_defaults(options, stream);
  Runner runner(options, data, stream, all_runs, experiment, kept);
  std::vector<Planned> planned = planned_runs(options);
  try {
    if (options.sweep)
      planned = try_strengths(options, kept, runner);
    else
      runner.make(planned);
  } catch (const Interrupted&) {
    fmt::print(stderr,
               "interrupted: {} of {} runs are finished; the same command goes on from here, with what is in {}\n",
               kept.all().size(), all_runs, options.output.string());
    throw;
  }
  if (kept.all().empty()) throw lifelong::NumericError("no strength could be trained, so there are no results");
  std::vector<RunResult> runs = kept.all();
  sort_as_planned(runs, options);
  const auto path = options.output / "results.json";
  write_atomically(options.output / "times.json", times_text(options, runs));
  write_atomically(options.output / "curves.csv", curves_csv(runs));
  if (options.event_files) write_event_files(options.output / "tensorboard", runs, options.epochs);
  write_atomically(path, results_text(options, stream, runs));
  runner.forget(planned);
  fmt::print("\n{}\n", table(runs));
  if (options.sweep) fmt::print("{}\n", choice(options, runs));
  fmt::print("Results: {}\n", path.string());
  end_with_report({.folders = {options.output}, .output = options.output / "report.html"});
}

}  // namespace lab
