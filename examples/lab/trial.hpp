// SPDX-License-Identifier: MIT
// One training run: what a method is given, and what comes out of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "streams.hpp"

namespace lab {

/// One method's turn at a stream.
struct Trial {
  const Options& options;
  const Stream& stream;
  std::uint64_t seed;                             ///< of the network, the order of samples and drawn labels
  const std::map<std::string, double>& settings;  ///< of the method
  RunProgress& progress;
  Checkpoint* checkpoint = nullptr;               ///< where the run is saved, if anywhere
  std::optional<SavedRun>* first_task = nullptr;  ///< of a sweep: what follows the first task, once it was learned
  std::function<void(lifelong::io::Safetensors)> keep_student = {};  ///< called with what it knows at the end

  /// A setting that the method has.
  [[nodiscard]] double operator[](const char* setting) const { return settings.at(setting); }
};

/// The widths of a multilayer perceptron, from the inputs to the outputs.
inline std::vector<std::size_t> widths_of(const Options& options, const Stream& stream) {
  std::vector<std::size_t> widths{stream.features()};
  widths.insert(widths.end(), options.hidden.begin(), options.hidden.end());
  widths.push_back(stream.outputs());
  return widths;
}

/// The accuracies of the tasks seen so far at a moment of training, when a task, from 0, had been learned for `epoch`
/// epochs, which may be a part of one. Joint training has all tasks as its one.
struct CurvePoint {
  std::size_t task;
  double epoch;
  std::vector<double> accuracies;

  [[nodiscard]] double mean() const {
    return std::accumulate(accuracies.begin(), accuracies.end(), 0.0) / static_cast<double>(accuracies.size());
  }
};

/// What was measured in a trial.
struct Outcome {
  std::vector<double> initial_accuracy;              ///< on each task, before any training
  std::vector<std::vector<double>> accuracy_matrix;  ///< a row after each task; joint training has one
  std::vector<CurvePoint> curve;                     ///< the end of a task is always there
  double train_seconds = 0;                          ///< without tests
  double importance_seconds = 0;
  std::vector<double> calibration_error;     ///< on each task at the end; none where outputs are no probabilities
  std::map<std::string, double> importance;  ///< at the end, its mean in each block of parameters; none without
  std::size_t parameters = 0;                ///< at the end
  std::size_t state_bytes = 0;               ///< kept between steps beside parameters, gradient and memory
  std::size_t memory_bytes = 0;              ///< of stored examples, with all that belongs to them
};

}  // namespace lab
