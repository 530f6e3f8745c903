// SPDX-License-Identifier: MIT
// `lifelong-lab report`: finished experiments on one page.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace lab {

struct ReportOptions {
  std::vector<std::filesystem::path> folders;
  std::filesystem::path output;
};

/// The command line as it was typed.
struct ReportArguments {
  std::vector<std::string> folders;
  std::string output;
};

/// Adds the options to the subcommand; they are read into `arguments`.
void describe_report(CLI::App& app, ReportArguments& arguments);

/// By default the page lies in the first folder.
ReportOptions resolved(const ReportArguments& arguments);

/// Reads the folders and writes the page. \throws lifelong::FileError, lifelong::FormatError, and
/// lifelong::InvalidArgument in a program that cannot draw; nothing is written then.
void write_report(const ReportOptions& options);

/// The same at the end of other work, which a program that cannot draw has done all the same: it says so.
void end_with_report(const ReportOptions& options);

}  // namespace lab
