// SPDX-License-Identifier: MIT
// One training run: what a method is given, and what comes out of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

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
  Progress& progress;

  /// A setting that the method has.
  [[nodiscard]] double operator[](const char* setting) const { return settings.at(setting); }
};

/// The widths of its network, from the inputs to the outputs.
inline std::vector<std::size_t> widths_of(const Trial& trial) {
  std::vector<std::size_t> widths{trial.stream.features()};
  widths.insert(widths.end(), trial.options.hidden.begin(), trial.options.hidden.end());
  widths.push_back(trial.stream.outputs());
  return widths;
}

/// The mean accuracy of the tasks seen so far, at a moment of training: after `epoch` epochs, from 1, of a task, from
/// 0. Joint training has all tasks as its one.
struct CurvePoint {
  std::size_t task;
  std::size_t epoch;
  double accuracy;
};

/// What was measured in a trial.
struct Outcome {
  std::vector<double> initial_accuracy;              ///< on each task, before any training
  std::vector<std::vector<double>> accuracy_matrix;  ///< a row after each task; joint training has one
  std::vector<CurvePoint> curve;  ///< after each epoch, or each task; the last of a task is always there
  double train_seconds = 0;       ///< without tests
  double importance_seconds = 0;
  std::size_t parameters = 0;    ///< at the end
  std::size_t state_bytes = 0;   ///< kept between steps beside parameters, gradient and memory
  std::size_t memory_bytes = 0;  ///< of stored examples, with all that belongs to them
};

}  // namespace lab
