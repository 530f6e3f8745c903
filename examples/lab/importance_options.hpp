// SPDX-License-Identifier: MIT
// What `lifelong-lab importance` is asked to do.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <lifelong/nn/mlp.hpp>
#include <optional>
#include <string>
#include <vector>

#include "estimators.hpp"

namespace lab {

struct ImportanceOptions {
  std::string model;
  std::optional<std::string> architecture;            ///< a file; that of the model, or an MLP's, if not said
  std::vector<lifelong::nn::Activation> activations;  ///< one for all hidden layers, or one each; none if not said
  std::string features;
  std::optional<std::string> labels;
  const Estimator* estimator;
  EstimatorSettings settings;
  std::size_t batch_size;
  std::optional<std::size_t> samples;  ///< all if not said
  int threads;
  std::string output;
};

/// The command line as it was typed.
struct ImportanceArguments {
  std::string model, architecture, activation, features, labels, estimator = "fisher", batch_size = "256", samples,
                                                                 seed, draws, slices, threads, output;
};

/// Adds the options to the subcommand; they are read into `arguments`.
void describe_importance(CLI::App& app, ImportanceArguments& arguments);

/// \throws lifelong::InvalidArgument for anything that cannot be meant.
ImportanceOptions resolved(const ImportanceArguments& arguments);

}  // namespace lab
