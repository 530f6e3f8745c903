// SPDX-License-Identifier: MIT
// Makes runs, several at a time, and keeps what is finished and what is not.
#pragma once

#include <lifelong/core/error.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint.hpp"
#include "data.hpp"
#include "kept_runs.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "progress.hpp"
#include "streams.hpp"

namespace lab {

/// The runs of one command. Each job has as many threads as there are for it; results do not depend on either.
class Runner {
 public:
  /// `most_runs` is how many will be made at most, for the estimate of the time left. `first` is the stream of the
  /// first seed; those of other seeds are as large. `experiment` says what makes the results what they are.
  Runner(const Options& options, const Data& data, const Stream& first, std::size_t most_runs,
         nlohmann::ordered_json experiment, KeptRuns& kept);

  /// Makes those of the runs that are not kept. In a sweep, those that cannot be trained are left out, which is told.
  /// \throws lifelong::Error, Interrupted.
  void make(const std::vector<Planned>& runs);

  /// Removes what is kept of runs, finished or not.
  void forget(const std::vector<Planned>& runs);

 private:
  using MethodAndSeed = std::pair<const Method*, std::uint64_t>;

  void make_one(const Planned& planned);
  [[nodiscard]] std::shared_ptr<const Stream> stream_of(std::uint64_t seed);
  [[nodiscard]] Checkpoint checkpoint_of(const Planned& planned) const;

  Options options_;  // with the threads of one job
  std::size_t jobs_;
  const Data& data_;
  nlohmann::ordered_json experiment_;
  KeptRuns& kept_;
  Progress progress_;
  std::optional<std::pair<std::uint64_t, std::shared_ptr<const Stream>>> latest_stream_;  // and its seed
  std::mutex mutex_;                                              // of what follows, and of what is kept
  std::map<MethodAndSeed, std::optional<SavedRun>> first_tasks_;  // what follows them is the same for all strengths
};

}  // namespace lab
