// SPDX-License-Identifier: MIT
#include "time_left.hpp"

#include <algorithm>

namespace lab {

namespace {

constexpr double least_seconds = 0.2;  // less says too little

}  // namespace

void TimeLeft::skip(Kind kind, std::size_t samples) {
  work_[kind].left = std::max(0.0, work_[kind].left - static_cast<double>(samples));
}

void TimeLeft::done(Kind kind, std::size_t samples) {
  const auto now = Clock::now();
  Work& work = work_[kind];
  work.seconds += std::chrono::duration<double>(now - last_).count();
  work.done += static_cast<double>(samples);
  skip(kind, samples);
  last_ = now;
}

std::optional<double> TimeLeft::seconds() const {
  double total = 0;
  for (const Work& work : work_) {
    if (work.left == 0) continue;
    if (work.seconds < least_seconds) return std::nullopt;
    total += work.left * work.seconds / work.done;
  }
  return total;
}

}  // namespace lab
