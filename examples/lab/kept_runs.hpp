// SPDX-License-Identifier: MIT
// Finished runs on disk, so that an interrupted experiment goes on where it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "results.hpp"

namespace lab {

/// The runs in `FOLDER/partial.json`. They are taken up only if the file is whole, by its SHA-256, and if `experiment`,
/// which says what makes their results what they are, is the same as when they were kept.
class KeptRuns {
 public:
  KeptRuns(std::filesystem::path folder, nlohmann::ordered_json experiment);

  /// The run of this method, seed and strength, or nullptr. Valid until the next `add`.
  [[nodiscard]] const RunResult* find(const std::string& method, std::uint64_t seed,
                                      std::optional<double> strength) const;
  [[nodiscard]] const std::vector<RunResult>& all() const { return runs_; }

  /// Why the file that is there is not used, or nothing; the first `add` replaces it.
  [[nodiscard]] const std::string& refused() const { return refused_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Keeps a run. \throws lifelong::FileError.
  void add(RunResult run);

  /// Removes the file.
  void forget();

 private:
  void take_up();
  [[nodiscard]] std::string checksum_of(const nlohmann::ordered_json& runs) const;

  std::filesystem::path path_;
  nlohmann::ordered_json experiment_;
  std::vector<RunResult> runs_;
  std::string refused_;
};

}  // namespace lab
