// SPDX-License-Identifier: MIT
// How long the rest will take, judged by what has been done.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace lab {

/// Counts two kinds of work in samples: learning (with all that a method adds to it) and testing. Each is judged by
/// its own speed so far.
class TimeLeft {
 public:
  enum Kind { learning, testing };

  /// Says how much is left to do.
  void plan(Kind kind, std::size_t samples) { work_[kind].left = static_cast<double>(samples); }

  /// Takes planned work off that need not be done.
  void skip(Kind kind, std::size_t samples);

  /// Takes planned work off that was done; the time since the last call was spent on it.
  void done(Kind kind, std::size_t samples);

  /// Seconds, or nothing before anything is known.
  [[nodiscard]] std::optional<double> seconds() const;

 private:
  struct Work {
    double left = 0;
    double done = 0;
    double seconds = 0;
  };
  using Clock = std::chrono::steady_clock;

  Work work_[2];
  Clock::time_point last_ = Clock::now();
};

}  // namespace lab
