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
/// Elsewhere, as in the log of a job, it is a new line now and then. The last line says where the call ended; if that
/// is before its last step, it is written by the destructor or when the next call begins. The rest of the time is
/// estimated from the mean time of the steps seen so far in this call; the first counts for neither. A line that cannot
/// be written is no error: training is worth more. It costs a look at the clock per step, and allocates nothing.
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
        open_(std::exchange(other.open_, false)),
        call_(other.call_),
        length_(other.length_) {}
  Progress& operator=(Progress&&) = delete;
  ~Progress() { finish(); }

  void operator()(const FitProgress& at) {
    const double now = options_.clock();
    const bool begins = at.step <= call_.last.step || call_.first_step == 0;
    if (begins) {
      finish();
      call_ = {at, at.step, 0, now, now, now};
    }
    call_.last = at;
    call_.seen = now;
    open_ = true;
    if (at.step == at.steps)
      finish();
    else if (overwrites_ ? begins || now - call_.written >= options_.refresh
                         : now - call_.written >= options_.plain_interval)
      write(true);
  }

 private:
  /// The call of `fit` that is watched.
  struct Call {
    FitProgress last{};
    std::size_t first_step = 0, written_step = 0;
    double started = 0, seen = 0, written = 0;  // seconds
  };

  /// The last line of a call, which says where it ended.
  void finish() {
    if (!std::exchange(open_, false)) return;
    if (overwrites_ || call_.written_step != call_.last.step) write(false);
    if (overwrites_) std::fputc('\n', options_.out);
    std::fflush(options_.out);
    length_ = 0;
  }

  void write(bool goes_on) {
    constexpr std::size_t longest = 160;
    char line[longest], epoch[48] = "", left[40] = "";
    const FitProgress& at = call_.last;
    const double elapsed = call_.seen - call_.started;
    const std::size_t timed = at.step - call_.first_step;
    if (at.epochs > 1) std::snprintf(epoch, sizeof epoch, "epoch %zu/%zu, ", at.epoch + 1, at.epochs);
    if (goes_on && timed > 0) {
      const double per_step = elapsed / static_cast<double>(timed);
      std::snprintf(left, sizeof left, ", %s left", Duration(per_step * static_cast<double>(at.steps - at.step)).text);
    }
    const int length = std::snprintf(line, sizeof line, "%sstep %zu/%zu, %d%%, loss %s, penalty %s, %s%s", epoch,
                                     at.step, at.steps, percent(at), lifelong::detail::text(at.loss, 4).c_str(),
                                     lifelong::detail::text(at.penalty, 4).c_str(), Duration(elapsed).text, left);
    show(line, length < 0 ? 0 : static_cast<std::size_t>(length));
    call_.written = call_.seen;
    call_.written_step = at.step;
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

  ProgressOptions options_;
  bool overwrites_;
  bool open_ = false;  // a call is watched whose last line is not written
  Call call_;
  std::size_t length_ = 0;  // of the line that stands on the terminal
};

}  // namespace lifelong::observer

#include <lifelong/config/pop_macros.hpp>
