// SPDX-License-Identifier: MIT
#include "reproduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "arguments.hpp"
#include "command.hpp"
#include "experiment.hpp"
#include "finished.hpp"
#include "methods.hpp"
#include "report_command.hpp"
#include "statistics.hpp"
#include "text.hpp"

namespace lab {

namespace {

/// What `lifelong-lab` makes of `words`.
Options parsed(std::vector<std::string> words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return std::get<Options>(*parse_command(static_cast<int>(pointers.size()), pointers.data()));
}

/// The options of a part for a device: without the methods that run on the processor alone, and without their settings.
/// There are none if that leaves no method.
std::optional<std::vector<std::string>> for_device(const Part& part) {
  const std::vector<std::string> known = method_names(Machine::cuda);
  const auto runs = [&](const std::string& method) { return std::ranges::find(known, method) != known.end(); };
  std::vector<std::string> words, left_out;
  for (std::size_t k = 0; k + 1 < part.arguments.size(); k += 2) {  // each option has a value
    const std::string &option = part.arguments[k], &value = part.arguments[k + 1];
    if (const auto equals = value.find('='); equals != std::string::npos && !runs(value.substr(0, equals))) continue;
    words.insert(words.end(), {option, value});
    if (option != "--methods") continue;
    std::vector<std::string> methods = split_list(value);
    std::ranges::copy_if(methods, std::back_inserter(left_out), std::not_fn(runs));
    std::erase_if(methods, std::not_fn(runs));
    if (methods.empty()) {
      fmt::print("{}: left out whole, since no device runs its methods: {}\n", part.name, joined(left_out));
      return std::nullopt;
    }
    words.back() = joined(methods, ",");
  }
  if (!left_out.empty()) fmt::print("{}: left out, since no device runs them: {}\n", part.name, joined(left_out));
  words.insert(words.end(), {"--device", name_of(Machine::cuda)});
  return words;
}

/// A part, and the options of the run that makes it.
struct PartRun {
  const Part* part;
  Options run;
};

/// The run of a part with `arguments`. Its command leaves out what results do not depend on, so that a run which is
/// done stays so on another number of threads.
Options run_of(const ReproduceOptions& options, const Part& part, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"lifelong-lab", "run", "--dataset", options.dataset, "--seeds", options.seeds};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.insert(words.end(), {"--output", (options.output / part.name).string()});
  Options run = parsed(words);
  words.insert(words.end(), {"--jobs", options.jobs});
  if (!options.threads.empty()) words.insert(words.end(), {"--threads", options.threads});
  const Options shared = parsed(words);
  run.jobs = shared.jobs;
  run.threads = shared.threads;
  run.overwrite = options.overwrite;
  return run;
}

std::vector<PartRun> runs_of(const ReproduceOptions& options) {
  std::vector<PartRun> runs;
  for (const Part& part : options.protocol->parts) {
    const auto arguments = options.machine == Machine::cuda ? for_device(part) : std::optional(part.arguments);
    if (arguments) runs.push_back({&part, run_of(options, part, *arguments)});
  }
  return runs;
}

bool is_done(const Options& run) {
  return std::filesystem::exists(run.output / "results.json") &&
         read_finished(run.output).head.at("command") == run.command;
}

/// Over the seeds, in percent.
std::optional<SeedMean> accuracy_of(const Finished& finished, const std::string& method) {
  std::vector<double> accuracies;
  for (const RunResult& run : finished.runs)
    if (run.method == method) accuracies.push_back(100 * run.average_accuracy);
  return mean_over_seeds(accuracies);
}

/// An interval that holds the published value agrees with it.
std::string verdict(const SeedMean& ours, double published) {
  const double above = ours.mean - published;
  if (ours.half_width && std::abs(above) <= *ours.half_width) return "agrees";
  return fmt::format("{} by {:.1f}", above < 0 ? "below" : "above", std::abs(above));
}

void compare(const Part& part, const Finished& finished) {
  if (part.published.empty()) return;
  fmt::print("\n{}: average accuracy in percent\n{:<14}{:>10}{:>16}  {:<14}{}\n", part.name, "method", "published",
             "here", "verdict", "published in");
  for (const Published& published : part.published) {
    const std::optional<SeedMean> ours = accuracy_of(finished, published.method);
    if (!ours) continue;
    const std::string here = ours->half_width ? fmt::format("{:.1f} ± {:.1f}", ours->mean, *ours->half_width)
                                              : fmt::format("{:.1f}", ours->mean);
    fmt::print("{:<14}{:>10.1f}{:>16}  {:<14}{}\n", published.method, published.accuracy, here,
               verdict(*ours, published.accuracy), published.source);
  }
}

std::string protocols_help() {
  std::string text = "Protocols:\n";
  for (const Protocol& protocol : protocols()) text += fmt::format("  {:<17}{}\n", protocol.name, protocol.description);
  return text;
}

}  // namespace

void describe_reproduce(CLI::App& app, ReproduceArguments& arguments) {
  app.add_option("PROTOCOL", arguments.protocol, "Which experiment, see below")->required();
  add(app, "--dataset", arguments.dataset, "NAME",
      "mnist, fashion-mnist, or a folder of data as for run [that of the protocol]");
  add(app, "--seeds", arguments.seeds, "N,N,...", "One run of every method for each seed");
  add(app, "--threads", arguments.threads, "N", "Threads [all processors]; results do not depend on it");
  add(app, "--jobs", arguments.jobs, "N", "Runs that are made at the same time, and share the threads");
  add(app, "--device", arguments.device, "KIND", "cpu, or cuda: those methods that run on a device, there");
  add(app, "--output", arguments.output, "FOLDER", "Folder for the results of all parts [reproduced/PROTOCOL]");
  app.add_flag("--overwrite", arguments.overwrite, "Replace the results of another command that lie there");
  app.footer("\n" + protocols_help());
}

ReproduceOptions resolved(const ReproduceArguments& arguments) {
  const Protocol& protocol = protocol_called(arguments.protocol);
  ReproduceOptions options{.protocol = &protocol,
                           .dataset = arguments.dataset.empty() ? protocol.dataset : arguments.dataset,
                           .seeds = arguments.seeds,
                           .threads = arguments.threads,
                           .jobs = arguments.jobs,
                           .machine = machine_called(arguments.device),
                           .output = arguments.output,
                           .overwrite = arguments.overwrite};
  if (options.output.empty()) options.output = std::filesystem::path("reproduced") / protocol.name;
  return options;
}

void reproduce(const ReproduceOptions& options) {
  const std::vector<PartRun> runs = runs_of(options);
  ReportOptions report{.folders = {}, .output = options.output / "report.html"};
  for (const auto& [part, run] : runs) {
    if (!is_done(run)) run_experiment(run);
    report.folders.push_back(run.output);
  }
  for (const auto& [part, run] : runs) compare(*part, read_finished(run.output));
  end_with_report(report);
}

}  // namespace lab
