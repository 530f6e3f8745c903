// SPDX-License-Identifier: MIT
// The options of `lifelong-lab run`, which `sweep` and `surface` have too, as they are typed.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "options.hpp"

namespace lab {

/// The command line as it was typed; settings that depend on others are resolved at its end.
struct RunArguments {
  std::string dataset = "fashion-mnist", stream = "rotated", degrees = "20", noise = "0.5", shift = "2", blur = "0",
              order, scenario, tasks = "5", hidden, network, methods = "all", epochs = "3", batch_size = "128",
              optimizer = "adam", learning_rate, seeds = "1", train_samples, memory = "500", memory_batch, threads,
              jobs = "1", device = "cpu", optimizer_state = "keep", final_rate = "1", test_after = "epoch",
              checkpoint_every = "10", output = "lifelong-results";
  std::map<std::string, std::vector<std::string>> settings;  // METHOD=VALUE, by setting
  bool overwrite = false, save_models = false, tensorboard = false;
  std::string first = "2", from = "0.01", to = "10000", values = "7", search = "grid", drop = "2.5";  // of a sweep
};

/// Adds the options to a subcommand; they are read into `arguments`.
void describe_run(CLI::App& app, RunArguments& arguments);
/// And those that say which strengths are tried.
void describe_sweep(CLI::App& app, RunArguments& arguments);

/// `command` is the whole command line. \throws lifelong::InvalidArgument for anything that cannot be meant.
Options resolved(const RunArguments& arguments, std::string command);
Options resolved_sweep(const RunArguments& arguments, std::string command);

}  // namespace lab
