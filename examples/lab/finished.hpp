// SPDX-License-Identifier: MIT
// A finished experiment, read from the folder where it was left.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "results.hpp"

namespace lab {

struct Finished {
  std::string name;             ///< of the folder
  nlohmann::ordered_json head;  ///< what `results.json` says beside its runs
  std::vector<RunResult> runs;
  nlohmann::ordered_json surface;  ///< `surface.json`, or null if the folder has none
};

/// Reads `results.json`, and `surface.json` if it is there. \throws lifelong::FileError if `folder` has no
/// `results.json`, lifelong::FormatError naming the file and what is wrong if it is not one that this program could
/// have written.
Finished read_finished(const std::filesystem::path& folder);

/// The runs of each method with each strength, in the order in which they come.
std::vector<std::vector<const RunResult*>> by_method(std::span<const RunResult> runs);

}  // namespace lab
