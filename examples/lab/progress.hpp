// SPDX-License-Identifier: MIT
// What the user sees while it runs: one line kept up to date on a terminal, else a line per task.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lifelong/learner.hpp>
#include <optional>
#include <string>

#include "status_line.hpp"
#include "time_left.hpp"

namespace lab {

/// Writes to the standard error, so that the standard output holds the results alone.
class Progress {
 public:
  /// For a number of runs that each learn from and test on about so many samples.
  Progress(std::size_t runs, std::size_t learning_samples, std::size_t testing_samples);

  void start_run(const std::string& method, std::uint64_t seed);
  void start_task(const std::string& task);  ///< as it is shown: `task 3 of 5`
  void stepped(const lifelong::FitProgress& at, std::size_t samples);
  void learned(std::size_t samples);  ///< without steps
  void consolidated();
  void tested(std::size_t samples);
  void end_task(double accuracy);  ///< of the tasks seen so far
  void end_run(double average_accuracy, double seconds);

 private:
  [[nodiscard]] std::string time_left() const;
  void show();

  StatusLine line_;
  TimeLeft time_left_;

  std::size_t runs_, run_ = 0;
  std::size_t learning_samples_, testing_samples_;  // per run
  std::string method_;
  std::uint64_t seed_ = 0;
  std::string task_;
  lifelong::FitProgress at_{};
  double epoch_loss_ = 0;  // sum over the steps of this epoch
  std::size_t epoch_steps_ = 0;
  std::optional<double> accuracy_;
};

}  // namespace lab
