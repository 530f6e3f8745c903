// SPDX-License-Identifier: MIT
#include "status_line.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace lab {

namespace {

constexpr std::chrono::milliseconds refresh{100};

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

StatusLine::StatusLine() : terminal_(isatty(STDERR_FILENO) == 1) {}

StatusLine::~StatusLine() {
  if (open_) std::fputc('\n', stderr);
}

bool StatusLine::due() const { return terminal_ && std::chrono::steady_clock::now() - shown_ >= refresh; }

void StatusLine::show(const std::string& line) {
  shown_ = std::chrono::steady_clock::now();
  fmt::print(stderr, "\r{}\033[K", line.substr(0, terminal_width() - 1));
  std::fflush(stderr);
  open_ = true;
}

void StatusLine::print(const std::string& line) {
  fmt::print(stderr, "{}{}\n", open_ ? "\r\033[K" : "", line);
  open_ = false;
}

}  // namespace lab
