// SPDX-License-Identifier: MIT
// Saves a learner while it trains.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <string>
#include <utility>

#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/io/safetensors.hpp>
#include <lifelong/learner/options.hpp>

namespace lifelong::observer {

/// Writes `io::checkpoint(learner)` to `path` after the steps n, 2n, 3n, ... of a call of `fit`, counted from its
/// beginning also when it is resumed. The file is replaced in one step, so there is always a whole one. After a crash,
/// `io::restore` and `FitOptions.resume` go on from there with the same bits. It costs a copy of the state, and takes
/// memory for one while it writes.
template <class Learner>
class CheckpointEvery {
 public:
  /// The learner is the one that trains, and outlives this object. \throws InvalidArgument for n = 0.
  CheckpointEvery(Learner& learner LIFELONG_LIFETIME_BOUND, std::string path, std::size_t n)
      : learner_(&learner), path_(std::move(path)), n_(n) {
    lifelong::detail::require_at_least("CheckpointEvery.n", static_cast<double>(n), 1);
  }

  /// \throws FileError if the file cannot be written; an older one then stays. OutOfMemory.
  void operator()(const FitProgress& at) const {
    if (at.step % n_ == 0) io::write_safetensors(path_, io::checkpoint(*learner_));
  }

 private:
  Learner* learner_;
  std::string path_;
  std::size_t n_;
};

}  // namespace lifelong::observer

#include <lifelong/config/pop_macros.hpp>
