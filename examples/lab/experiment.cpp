// SPDX-License-Identifier: MIT
#include "experiment.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>
#include <lifelong/version.hpp>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data.hpp"
#include "files.hpp"
#include "interrupt.hpp"
#include "kept_runs.hpp"
#include "methods.hpp"
#include "progress.hpp"
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

std::size_t run_count(const Options& options) { return options.methods.size() * options.seeds.size(); }

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

RunResult run(const Method& method, std::uint64_t seed, const Options& options, const Stream& stream,
              Progress& progress) {
  RunResult result;
  result.method = method.name;
  result.seed = seed;
  const std::map<std::string, double> settings = settings_of(method, options);
  if (const auto strength = settings.find("strength"); strength != settings.end()) result.strength = strength->second;
  const Trial trial{options, stream, seed, settings, progress};
  progress.start_run(method.name, seed);
  try {
    result.outcome = method.run(trial);
  } catch (const lifelong::NumericError& error) {
    throw lifelong::NumericError(fmt::format("{}, seed {}: {}", method.name, seed, error.what()));
  }
  set_metrics(result, options.scenario);
  result.settings = recipe(method, trial);
  progress.end_run(result.average_accuracy, result.outcome.train_seconds + result.outcome.importance_seconds);
  return result;
}

/// \param first the stream of the first seed; those of other seeds are as large.
Progress start_progress(std::size_t runs, const Options& options, const Stream& first) {
  std::size_t learning = 0, testing = 0;
  for (const auto& task : first) {
    learning += task.train.size() * options.epochs;
    testing += task.test.size() * (first.size() + 1);
  }
  return {runs, learning, testing};
}

void run_all(const Options& options, const Data& data, const Stream& first, KeptRuns& kept) {
  Progress progress = start_progress(run_count(options) - kept.all().size(), options, first);
  for (const std::uint64_t seed : options.seeds) {
    const Stream stream = make_stream(data.examples, options, seed);
    for (const std::string& name : options.methods)
      if (kept.find(name, seed) == nullptr)
        kept.add(run(method_called(name, options.machine), seed, options, stream, progress));
  }
}

std::string results_text(const Options& options, const Stream& stream, const std::vector<RunResult>& runs) {
  Json results{{"command", options.command},
               {"version", LIFELONG_VERSION_STRING},
               {"dataset", options.dataset},
               {"stream", name_of(options.stream)},
               {"scenario", name_of(options.scenario)},
               {"tasks", options.tasks},
               {"model", model_text(options, stream)},
               {"threads", options.threads},
               {"memory", options.memory},
               {"runs", Json::array()}};
  if (options.machine != Machine::cpu) results["device"] = name_of(options.machine);
  for (const RunResult& run : runs) results["runs"].push_back(to_json(run));
  return results.dump(1) + "\n";
}

}  // namespace

void run_experiment(const Options& options) {
  const Data data = load_data(options.dataset);
  const Stream stream = make_stream(data.examples, options, options.seeds.front());
  require_memory(options, stream);
  require_writable_folder(options.output);
  KeptRuns kept(options.output, experiment_of(options, data));
  if (!kept.refused().empty())
    fmt::print(stderr, "{} {}: not used, all is run anew\n", kept.path().string(), kept.refused());
  if (!kept.all().empty()) fmt::print(stderr, "resumed: {} of {} runs\n", kept.all().size(), run_count(options));
  try {
    run_all(options, data, stream, kept);
  } catch (const Interrupted&) {
    fmt::print(stderr, "interrupted: {}\n",
               kept.all().empty() ? "no run was finished, nothing is kept"
                                  : fmt::format("{} of {} runs are kept in {}; the same command takes them up",
                                                kept.all().size(), run_count(options), kept.path().string()));
    throw;
  }
  const auto path = options.output / "results.json";
  write_atomically(path, results_text(options, stream, kept.all()));
  kept.forget();
  fmt::print("\n{}\nResults: {}\n", table(kept.all()), path.string());
}

}  // namespace lab
