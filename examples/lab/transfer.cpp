// SPDX-License-Identifier: MIT
#include "transfer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <lifelong/core/error.hpp>
#include <optional>
#include <vector>

#include "experiment.hpp"
#include "finished.hpp"
#include "report_command.hpp"
#include "statistics.hpp"
#include "text.hpp"

namespace lab {

namespace {

const char* const plain = "finetune";
const char* const joint = "joint";

/// One of the two, as a command of `run` of its own.
Options in_order(RunArguments arguments, const std::string& command, const char* order, const char* name) {
  const std::string output = (std::filesystem::path(arguments.output) / name).string();
  arguments.tasks = "2";
  arguments.order = order;
  arguments.output = output;
  const std::string words =
      fmt::format(" --methods {} --tasks 2 --order {} --output {}", arguments.methods, order, shell_quoted(output));
  const std::string subcommand = " transfer";
  std::string run = command;
  if (const std::size_t at = run.find(subcommand); at != std::string::npos) run.replace(at, subcommand.size(), " run");
  return resolved(arguments, run + words);
}

using Value = std::function<double(const RunResult&)>;

/// Over the seeds, in percent: `93.1` or `93.1 ± 0.4`.
std::string cell(const Finished& finished, const std::string& method, const Value& value) {
  std::vector<double> values;
  for (const RunResult& run : finished.runs)
    if (run.method == method) values.push_back(100 * value(run));
  const std::optional<SeedMean> mean = mean_over_seeds(values);
  if (!mean) return "-";
  return mean->half_width ? fmt::format("{:.1f} ± {:.1f}", mean->mean, *mean->half_width)
                          : fmt::format("{:.1f}", mean->mean);
}

/// `±` is two bytes.
void print_line(const std::string& what, const std::string& first, const std::string& second) {
  const std::size_t wide = first.find("±") == std::string::npos ? 0 : 1,
                    wider = second.find("±") == std::string::npos ? 0 : 1;
  fmt::print("{:<46}{:>{}}{:>{}}\n", what, first, 16 + wide, second, 16 + wider);
}

}  // namespace

TransferOptions resolved_transfer(const RunArguments& arguments, const std::string& command) {
  TransferOptions options{in_order(arguments, command, "1,2", "forth"), in_order(arguments, command, "2,1", "back")};
  const std::vector<std::string>& methods = options.forth.methods;
  for (const char* needed : {plain, joint})
    if (std::ranges::find(methods, needed) == methods.end())
      throw lifelong::InvalidArgument(fmt::format("--methods: transfer compares with {}, which is missing", needed));
  if (methods.size() < 3) throw lifelong::InvalidArgument("--methods: transfer needs a lifelong method too");
  return options;
}

void transfer(const TransferOptions& options) {
  run_experiment(options.forth);
  run_experiment(options.back);
  const Finished forth = read_finished(options.forth.output), back = read_finished(options.back.output);
  const auto at = [](std::size_t row, std::size_t task) {
    return [=](const RunResult& run) { return run.outcome.accuracy_matrix[row][task]; };
  };
  // In its own order a task is the first of one experiment and the second of the other.
  fmt::print("\nAccuracy in percent on\n");
  print_line("", "task 1", "task 2");
  print_line("learned alone", cell(forth, plain, at(0, 0)), cell(back, plain, at(0, 0)));
  print_line("after the other task (transfer)", cell(back, plain, at(1, 1)), cell(forth, plain, at(1, 1)));
  print_line("together with it (multi-task)", cell(forth, joint, at(0, 0)), cell(forth, joint, at(0, 1)));
  for (const std::string& method : options.forth.methods) {
    if (method == joint) continue;
    const std::string name = method == plain ? "plain training" : method;
    if (method != plain)
      print_line(fmt::format("after the other task by {} (lifelong)", name), cell(back, method, at(1, 1)),
                 cell(forth, method, at(1, 1)));
    print_line(fmt::format("left of it after the other one by {}", name), cell(forth, method, at(1, 0)),
               cell(back, method, at(1, 0)));
  }
  end_with_report({.folders = {options.forth.output, options.back.output},
                   .output = options.forth.output.parent_path() / "report.html"});
}

}  // namespace lab
