// SPDX-License-Identifier: MIT
#include "importance_progress.hpp"

#include <fmt/format.h>

#include <utility>

#include "text.hpp"

namespace lab {

ImportanceProgress::ImportanceProgress(std::string what, std::size_t planned)
    : what_(std::move(what)), planned_(planned) {
  time_left_.plan(TimeLeft::learning, planned);
}

void ImportanceProgress::read_one() {
  ++done_;
  if (!line_.due()) return;
  time_left_.done(TimeLeft::learning, done_ - counted_);
  counted_ = done_;
  const std::optional<double> seconds = time_left_.seconds();
  const double share = static_cast<double>(done_) / static_cast<double>(planned_);
  line_.show(
      fmt::format("{}: {:.0f} %{}", what_, 100 * share, seconds ? fmt::format(", {} left", duration(*seconds)) : ""));
}

}  // namespace lab
