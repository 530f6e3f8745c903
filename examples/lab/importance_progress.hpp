// SPDX-License-Identifier: MIT
// How far the estimation of an importance has come.
#pragma once

#include <cstddef>
#include <string>

#include "status_line.hpp"
#include "time_left.hpp"

namespace lab {

class ImportanceProgress {
 public:
  /// `what` is shown in front; so many samples will be read.
  ImportanceProgress(std::string what, std::size_t planned);

  void read_one();

 private:
  StatusLine line_;
  TimeLeft time_left_;
  std::string what_;
  std::size_t planned_, done_ = 0;
  std::size_t counted_ = 0;  // towards the time left
};

}  // namespace lab
