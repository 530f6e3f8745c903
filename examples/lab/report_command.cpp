// SPDX-License-Identifier: MIT
#include "report_command.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>

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

void write_report(const ReportOptions& options) {
  if (!can_report())
    throw lifelong::InvalidArgument(
        "this program was built without Vega, which draws a report; scripts/setup.sh lab installs it");
  std::vector<Finished> experiments;
  for (const std::filesystem::path& folder : options.folders) experiments.push_back(read_finished(folder));
  write_atomically(options.output, report_page(experiments));
  fmt::print("Report: {}\n", options.output.string());
}

}  // namespace lab
