// SPDX-License-Identifier: MIT
// `lifelong-lab compare`: what differs between two finished experiments.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

namespace lab {

struct CompareOptions {
  std::filesystem::path first, second;
};

/// The command line as it was typed.
struct CompareArguments {
  std::string first, second;
};

/// Adds the options to the subcommand; they are read into `arguments`.
void describe_compare(CLI::App& app, CompareArguments& arguments);

CompareOptions resolved(const CompareArguments& arguments);

/// Prints, for each method that both experiments have with the same seeds, the mean difference of the average
/// accuracies of a seed, second less first, and its 95 % interval (paired, Student's t). \throws
/// lifelong::InvalidArgument if there is no such method; lifelong::FileError, lifelong::FormatError for folders without
/// whole results.
void compare(const CompareOptions& options);

}  // namespace lab
