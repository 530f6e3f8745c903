// SPDX-License-Identifier: MIT
#include "command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <lifelong/core/error.hpp>
#include <lifelong/version.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "run_arguments.hpp"
#include "text.hpp"

namespace lab {

namespace {

std::string command_line(int argc, char** argv) {
  std::string command = "lifelong-lab";
  for (const char* argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1))
    command += " " + shell_quoted(argument);
  return command;
}

/// The subcommands, and what each makes of its arguments.
class Subcommands {
 public:
  explicit Subcommands(CLI::App& app) : app_(app) {
    app.require_subcommand(1);
    app.get_formatter()->column_width(34);
  }

  /// `describe` gives the subcommand its options.
  void add(const std::string& name, const std::string& help, const std::function<void(CLI::App&)>& describe,
           std::function<Command()> resolve) {
    CLI::App& subcommand = *app_.add_subcommand(name, help);
    subcommand.get_formatter()->column_width(34);
    describe(subcommand);
    resolves_.emplace_back(&subcommand, std::move(resolve));
  }

  /// The name of the one that was given.
  [[nodiscard]] std::string given() const {
    const auto subcommands = app_.get_subcommands();
    return subcommands.empty() ? "run" : subcommands.front()->get_name();
  }
  [[nodiscard]] Command resolved() const {
    for (const auto& [subcommand, resolve] : resolves_)
      if (subcommand->parsed()) return resolve();
    throw lifelong::InvalidArgument("there is no subcommand");
  }

 private:
  CLI::App& app_;
  std::vector<std::pair<const CLI::App*, std::function<Command()>>> resolves_;
};

}  // namespace

std::optional<Command> parse_command(int argc, char** argv) {
  CLI::App app("Experiments with lifelong learning: networks that learn task after task.", "lifelong-lab");
  app.set_version_flag("--version", "lifelong-lab " LIFELONG_VERSION_STRING);
  app.footer("\nlifelong-lab run --help, and so on, list what can be chosen.");
  Subcommands subcommands(app);
  const std::string typed = command_line(argc, argv);
  RunArguments run, sweep, surface;
  surface.methods = "l2,online-ewc";
  ReproduceArguments published;
  ReportArguments report;
  CompareArguments two;
  ImportanceArguments importance;
  using App = CLI::App&;
  subcommands.add(
      "run", "Train with several methods on a stream of tasks and compare them",
      [&](App its) { describe_run(its, run); }, [&] { return resolved(run, typed); });
  subcommands.add(
      "sweep", "Choose the strength of methods on the first tasks of a stream",
      [&](App its) { describe_sweep(its, sweep); }, [&] { return resolved_sweep(sweep, typed); });
  subcommands.add(
      "surface", "Map the losses of the first two tasks, and the ways through them",
      [&](App its) { describe_run(its, surface); }, [&] { return SurfaceOptions{resolved(surface, typed)}; });
  subcommands.add(
      "reproduce", "Repeat a published experiment, and compare with what was published",
      [&](App its) { describe_reproduce(its, published); }, [&] { return resolved(published); });
  subcommands.add(
      "report", "Show finished experiments on one page, side by side", [&](App its) { describe_report(its, report); },
      [&] { return resolved(report); });
  subcommands.add(
      "compare", "Say what differs between two finished experiments", [&](App its) { describe_compare(its, two); },
      [&] { return resolved(two); });
  subcommands.add(
      "importance", "Estimate what matters in a model that was trained with PyTorch",
      [&](App its) { describe_importance(its, importance); }, [&] { return resolved(importance); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& result) {
    if (result.get_exit_code() != 0)
      throw lifelong::InvalidArgument(
          fmt::format("{}; see lifelong-lab {} --help", result.what(), subcommands.given()));
    app.exit(result);
    return std::nullopt;
  }
  return subcommands.resolved();
}

}  // namespace lab
