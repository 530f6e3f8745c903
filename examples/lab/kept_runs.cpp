// SPDX-License-Identifier: MIT
#include "kept_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <lifelong/core/error.hpp>
#include <span>
#include <system_error>
#include <utility>

#include "files.hpp"
#include "sha256.hpp"

namespace lab {

using Json = nlohmann::ordered_json;

KeptRuns::KeptRuns(std::filesystem::path folder, Json experiment)
    : path_(std::move(folder) / "partial.json"), experiment_(std::move(experiment)) {
  if (std::filesystem::exists(path_)) take_up();
}

void KeptRuns::take_up() {
  try {
    const Json kept = Json::parse(read_file(path_));
    const Json& experiment = kept.at("experiment");
    for (const auto& [what, value] : experiment_.items())
      if (!experiment.contains(what) || experiment[what] != value) {
        refused_ = fmt::format("is of {} {}", what == "data" ? "other" : "another", what);
        return;
      }
    if (kept.at("sha256") != checksum_of(kept.at("runs"))) throw lifelong::FormatError("its SHA-256 is another");
    std::vector<RunResult> runs;
    for (const Json& run : kept.at("runs")) {
      runs.push_back(run_from_json(run));
      set_times(runs.back(), kept.at("times").at(runs.size() - 1));
    }
    runs_ = std::move(runs);
  } catch (const Json::exception& error) {
    refused_ = fmt::format("is damaged ({})", error.what());
  } catch (const lifelong::FormatError& error) {
    refused_ = fmt::format("is damaged ({})", error.what());
  }
}

std::string KeptRuns::checksum_of(const Json& runs) const {
  const std::string text = experiment_.dump() + runs.dump();
  return sha256(std::as_bytes(std::span(text)));
}

const RunResult* KeptRuns::find(const std::string& method, std::uint64_t seed, std::optional<double> strength) const {
  const auto run = std::find_if(runs_.begin(), runs_.end(), [&](const RunResult& each) {
    return each.method == method && each.seed == seed && each.strength == strength;
  });
  return run == runs_.end() ? nullptr : &*run;
}

void KeptRuns::add(RunResult run) {
  runs_.push_back(std::move(run));
  Json runs = Json::array(), times = Json::array();
  for (const RunResult& each : runs_) {
    runs.push_back(to_json(each));
    times.push_back(times_to_json(each));
  }
  const Json kept{{"experiment", experiment_}, {"runs", runs}, {"times", times}, {"sha256", checksum_of(runs)}};
  write_atomically(path_, kept.dump(1) + "\n");
}

void KeptRuns::forget() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace lab
