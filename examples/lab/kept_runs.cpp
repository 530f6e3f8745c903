// SPDX-License-Identifier: MIT
#include "kept_runs.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "files.hpp"

namespace lab {

using Json = nlohmann::ordered_json;

KeptRuns::KeptRuns(std::filesystem::path folder, Json experiment)
    : path_(std::move(folder) / "partial.json"), experiment_(std::move(experiment)) {
  if (std::filesystem::exists(path_)) take_up();
}

void KeptRuns::take_up() {
  try {
    const Json kept = Json::parse(read_file(path_));
    foreign_ = kept.at("experiment") != experiment_;
    if (foreign_) return;
    std::vector<RunResult> runs;
    for (const Json& run : kept.at("runs")) runs.push_back(run_from_json(run));
    runs_ = std::move(runs);
  } catch (const Json::exception&) {
    foreign_ = true;
  }
}

const RunResult* KeptRuns::find(const std::string& method, std::uint64_t seed) const {
  const auto run = std::find_if(runs_.begin(), runs_.end(),
                                [&](const RunResult& each) { return each.method == method && each.seed == seed; });
  return run == runs_.end() ? nullptr : &*run;
}

void KeptRuns::add(RunResult run) {
  runs_.push_back(std::move(run));
  Json runs = Json::array();
  for (const RunResult& each : runs_) runs.push_back(to_json(each));
  write_atomically(path_, Json{{"experiment", experiment_}, {"runs", runs}}.dump(1) + "\n");
}

void KeptRuns::forget() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace lab
