// SPDX-License-Identifier: MIT
#include "report_command.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>
#include <map>

#include "arguments.hpp"
#include "files.hpp"
#include "finished.hpp"
#include "report.hpp"

namespace lab {

void describe_report(CLI::App& app, ReportArguments& arguments) {
  app.add_option("FOLDER", arguments.folders, "Folders with a results.json, shown side by side")->required();
  add(app, "--output", arguments.output, "FILE", "The page [report.html in the first folder]");
}

ReportOptions resolved(const ReportArguments& arguments) {
  ReportOptions options{.folders = {arguments.folders.begin(), arguments.folders.end()}, .output = arguments.output};
  if (options.output.empty()) options.output = options.folders.front() / "report.html";
  return options;
}

namespace {

const char* const cannot_draw =
    "this program was built without Vega, which draws a report; scripts/setup.sh lab installs it";

/// Folders of the same name are called by their paths.
void name_apart(std::vector<Finished>& experiments, const std::vector<std::filesystem::path>& folders) {
  std::map<std::string, int> count;
  for (const Finished& experiment : experiments) ++count[experiment.name];
  for (std::size_t k = 0; k < experiments.size(); ++k)
    if (count[experiments[k].name] > 1) experiments[k].name = folders[k].string();
}

}  // namespace

void write_report(const ReportOptions& options) {
  if (!can_report()) throw lifelong::InvalidArgument(cannot_draw);
  std::vector<Finished> experiments;
  for (const std::filesystem::path& folder : options.folders) experiments.push_back(read_finished(folder));
  name_apart(experiments, options.folders);
  write_atomically(options.output, report_page(experiments));
  fmt::print("Report: {}\n", options.output.string());
}

void end_with_report(const ReportOptions& options) {
  if (can_report())
    write_report(options);
  else
    fmt::print(stderr, "no report: {}\n", cannot_draw);
}

}  // namespace lab
