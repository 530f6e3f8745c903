// SPDX-License-Identifier: MIT
// What the user sees while it runs: one line kept up to date on a terminal, else a line per task.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lifelong/learner.hpp>
#include <mutex>
#include <optional>
#include <string>

#include "status_line.hpp"
#include "time_left.hpp"

namespace lab {

/// Of all runs, of which several may be made at the same time. Writes to the standard error, so that the standard
/// output holds the results alone.
class Progress {
 public:
  /// For a number of runs that each learn from and test on about so many samples.
  Progress(std::size_t runs, std::size_t learning_samples, std::size_t testing_samples);

 private:
  friend class RunProgress;

  std::mutex mutex_;
  StatusLine line_;
  TimeLeft time_left_;
  std::size_t runs_, begun_ = 0;
  std::size_t samples_[2];  // of each kind, per run
};

/// Of one run, by one thread.
class RunProgress {
 public:
  RunProgress(Progress& all, std::string method, std::uint64_t seed);
  RunProgress(const RunProgress&) = delete;
  RunProgress& operator=(const RunProgress&) = delete;
  ~RunProgress();  // also if the run has failed

  void resume(const std::string& task);      ///< the run, which is in this task
  void skip(std::size_t samples);            ///< were learned before the run was resumed
  void start_task(const std::string& task);  ///< as it is shown: `task 3 of 5`
  void stepped(const lifelong::FitProgress& at, std::size_t samples);
  void learned(std::size_t samples);  ///< without steps
  void consolidated();
  void tested(std::size_t samples);
  void end_task(double accuracy);  ///< of the tasks seen so far
  void end_run(double average_accuracy, double seconds);

 private:
  void work(TimeLeft::Kind kind, std::size_t samples);
  void print(const std::string& line);
  void show();
  [[nodiscard]] std::string time_left() const;

  Progress& all_;
  std::size_t number_ = 0;  // of the run, from 1, when it has begun
  std::size_t left_[2];     // samples of each kind
  std::string method_;
  std::uint64_t seed_;
  std::string task_;
  lifelong::FitProgress at_{};
  double epoch_loss_ = 0;  // sum over the steps of this epoch
  std::size_t epoch_steps_ = 0;
  std::optional<double> accuracy_;
};

}  // namespace lab
