// SPDX-License-Identifier: MIT
// One line on the terminal that is kept up to date.
#pragma once

#include <chrono>
#include <string>

namespace lab {

/// Writes to the standard error, so that the standard output holds the results alone.
class StatusLine {
 public:
  StatusLine();
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  [[nodiscard]] bool on_terminal() const { return terminal_; }

  /// Whether it is time to `show` the state of things: on a terminal, ten times a second.
  [[nodiscard]] bool due() const;

  /// Replaces the line, cut to the width of the terminal.
  void show(const std::string& line);

  /// Writes a line that stays, in place of the one shown.
  void print(const std::string& line);

 private:
  bool terminal_;
  bool open_ = false;
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace lab
