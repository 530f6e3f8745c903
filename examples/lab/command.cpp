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

/// The command that says the same without a file: all options that were given, wherever.
std::string command_of(const CLI::App& subcommand) {
  std::string command = "lifelong-lab " + subcommand.get_name();
  for (const CLI::Option* option : subcommand.get_options()) {
    if (option->get_name() == "--help" || option->count() == 0) continue;
    if (option->get_expected_max() == 0) {
      command += " " + option->get_name();
      continue;
    }
    for (const std::string& value : option->results()) command += " " + option->get_name() + " " + shell_quoted(value);
  }
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
    subcommand.fallthrough();  // --config may follow it
    describe(subcommand);
    resolves_.emplace_back(&subcommand, std::move(resolve));
  }

  /// The command line, or what it stands for if a file has options.
  [[nodiscard]] std::string command(const std::string& typed) const {
    const CLI::Option* config = app_.get_config_ptr();
    const auto subcommands = app_.get_subcommands();
    return config->count() == 0 || subcommands.empty() ? typed : command_of(*subcommands.front());
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
  app.set_config("--config", "",
                 "File with options, which the command line overrules: a section such as [run], and lines such\n"
                 "as epochs=3")
      ->type_name("FILE");
  app.allow_config_extras(CLI::config_extras_mode::error);
  Subcommands subcommands(app);
  const std::string typed = command_line(argc, argv);
  const auto command = [&] { return subcommands.command(typed); };
  RunArguments run, sweep, surface, both_ends;
  surface.methods = "l2,online-ewc";
  both_ends.methods = "finetune,online-ewc,joint";
  ReproduceArguments published;
  ReportArguments report;
  CompareArguments two;
  ImportanceArguments importance;
  using App = CLI::App&;
  subcommands.add(
      "run", "Train with several methods on a stream of tasks and compare them",
      [&](App its) { describe_run(its, run); }, [&] { return resolved(run, command()); });
  subcommands.add(
      "sweep", "Choose the strength of methods on the first tasks of a stream",
      [&](App its) { describe_sweep(its, sweep); }, [&] { return resolved_sweep(sweep, command()); });
  subcommands.add(
      "surface", "Map the losses of the first two tasks, and the ways through them",
      [&](App its) { describe_run(its, surface); }, [&] { return SurfaceOptions{resolved(surface, command())}; });
  subcommands.add(
      "transfer", "Learn two tasks in both orders: alone, one from the other, together, lifelong",
      [&](App its) { describe_run(its, both_ends); }, [&] { return resolved_transfer(both_ends, command()); });
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
