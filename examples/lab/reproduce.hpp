// SPDX-License-Identifier: MIT
// `lifelong-lab reproduce`: published experiments by their names.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "options.hpp"
#include "protocols.hpp"

namespace lab {

struct ReproduceOptions {
  const Protocol* protocol;
  std::string dataset;
  std::string seeds;
  std::string threads;  ///< empty: all processors
  std::string jobs;     ///< runs that are made at the same time
  Machine machine;
  std::filesystem::path output;
  bool overwrite;
};

/// The command line as it was typed.
struct ReproduceArguments {
  std::string protocol, dataset, seeds = "1,2,3", threads, jobs = "1", device = "cpu", output;
  bool overwrite = false;
};

/// Adds the options to the subcommand; they are read into `arguments`.
void describe_reproduce(CLI::App& app, ReproduceArguments& arguments);

/// By default the results lie in `reproduced/PROTOCOL`. \throws lifelong::InvalidArgument for a protocol there is not.
ReproduceOptions resolved(const ReproduceArguments& arguments);

/// Runs each part of the protocol as `lifelong-lab run` would, into a folder of its own, with one report of them all,
/// and compares with what was published. On a device, methods that it does not have are named and left out.
/// Interrupted, the same command goes on. \throws as `run_experiment`.
void reproduce(const ReproduceOptions& options);

}  // namespace lab
