// SPDX-License-Identifier: MIT
// Shows how far a call of fit is, and when it will be done.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <utility>

#include <lifelong/core/error.hpp>
#include <lifelong/io/terminal.hpp>
#include <lifelong/learner/options.hpp>

namespace lifelong::observer {

/// Seconds since some moment, by a clock that is never set.
[[nodiscard]] inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Where and how often `Progress` writes.
struct ProgressOptions {
  std::FILE* out = stderr;
  std::optional<bool> terminal = {};    ///< whether a line of `out` can be overwritten; by default the system is asked
  double refresh = 0.1;                 ///< seconds from one state of that line to the next
  double plain_interval = 10;           ///< seconds from line to line where it cannot be
  double (*clock)() = &steady_seconds;  ///< seconds
};

/// One line that says where a call of `fit` is, overwritten again and again on a terminal:
///
///     epoch 2/3, step 150/300, 50%, loss 0.2812, penalty 0.01373, 0:12, 0:11 left
///
/// Elsewhere, as in the log of a job, it is a new line now and then. The last step always has one. The rest of the time
/// is estimated from the mean time of the steps seen so far in this call; the first counts for neither. The line of a
/// call that ends before its last step is ended by the destructor or the next call. A line that cannot be written is no
/// error: training is worth more. It costs a look at the clock per step, and allocates nothing.
class Progress {
 public:
  /// \throws InvalidArgument for a time that is not a finite number of at least 0.
  explicit Progress(const ProgressOptions& options = {})
      : options_(options), overwrites_(options.terminal ? *options.terminal : io::is_terminal(options.out)) {
    lifelong::detail::require_at_least("Progress.refresh", options.refresh, 0);
    lifelong::detail::require_at_least("Progress.plain_interval", options.plain_interval, 0);
  }
  Progress(Progress&& other) noexcept
      : options_(other.options_),
        overwrites_(other.overwrites_),
        first_step_(other.first_step_),
        last_step_(other.last_step_),
        length_(std::exchange(other.length_, 0)),
        started_(other.started_),
        written_(other.written_) {}
  Progress& operator=(Progress&&) = delete;
  ~Progress() { end_line(); }

  void operator()(const FitProgress& at) {
    const double now = options_.clock();
    const bool begins = at.step <= last_step_ || last_step_ == 0;
    if (begins) begin(at.step, now);
    last_step_ = at.step;
    const double interval = overwrites_ ? options_.refresh : options_.plain_interval;
    if (at.step != at.steps && now - written_ < interval && !(begins && overwrites_)) return;
    written_ = now;
    write(at, now - started_);
    if (at.step == at.steps) end_line();
  }

 private:
  static constexpr std::size_t longest = 160;

  void begin(std::size_t step, double now) {
    end_line();
    first_step_ = step;
    started_ = written_ = now;
  }

  void write(const FitProgress& at, double elapsed) {
    char line[longest], epoch[48] = "", left[40] = "";
    const std::size_t timed = at.step - first_step_;
    if (at.epochs > 1) std::snprintf(epoch, sizeof epoch, "epoch %zu/%zu, ", at.epoch + 1, at.epochs);
    if (timed > 0 && at.step < at.steps) {
      const double per_step = elapsed / static_cast<double>(timed);
      std::snprintf(left, sizeof left, ", %s left", Duration(per_step * static_cast<double>(at.steps - at.step)).text);
    }
    const int length = std::snprintf(line, sizeof line, "%sstep %zu/%zu, %d%%, loss %s, penalty %s, %s%s", epoch,
                                     at.step, at.steps, percent(at), lifelong::detail::text(at.loss, 4).c_str(),
                                     lifelong::detail::text(at.penalty, 4).c_str(), Duration(elapsed).text, left);
    show(line, length < 0 ? 0 : static_cast<std::size_t>(length));
  }

  static int percent(const FitProgress& at) {
    return static_cast<int>(100 * (static_cast<double>(at.step) / static_cast<double>(at.steps)));
  }

  /// 0:07, 12:34, 1:02:03.
  struct Duration {
    char text[24];
    explicit Duration(double seconds) {
      constexpr double most = 1e6 * 3600;
      const auto whole = static_cast<unsigned long>(seconds < 0 ? 0 : seconds < most ? seconds : most);
      const unsigned long hours = whole / 3600, minutes = whole / 60 % 60;
      if (hours > 0)
        std::snprintf(text, sizeof text, "%lu:%02lu:%02lu", hours, minutes, whole % 60);
      else
        std::snprintf(text, sizeof text, "%lu:%02lu", minutes, whole % 60);
    }
  };

  /// Spaces behind the line wipe out what is left of a longer one.
  void show(const char* line, std::size_t length) {
    if (overwrites_) {
      const std::size_t spaces = length < length_ ? length_ - length : 0;
      std::fprintf(options_.out, "\r%s%*s", line, static_cast<int>(spaces), "");
      length_ = length;
    } else {
      std::fprintf(options_.out, "%s\n", line);
    }
    std::fflush(options_.out);
  }

  void end_line() {
    if (length_ == 0) return;
    std::fputc('\n', options_.out);
    std::fflush(options_.out);
    length_ = 0;
  }

  ProgressOptions options_;
  bool overwrites_;
  std::size_t first_step_ = 0, last_step_ = 0;  // of this call that were seen
  std::size_t length_ = 0;                      // of a line that is not ended
  double started_ = 0, written_ = 0;
};

}  // namespace lifelong::observer

#include <lifelong/config/pop_macros.hpp>
