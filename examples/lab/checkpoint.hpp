// SPDX-License-Identifier: MIT
// A run that is not finished, on disk: what its student knows, and where it was.
#pragma once

#include <chrono>
#include <filesystem>
#include <lifelong/io/safetensors.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace lab {

/// A student at a moment of its run, as a file of tensors whose metadata have the session.
struct SavedRun {
  lifelong::io::Safetensors student;
  nlohmann::ordered_json session;
};

/// The last state of one run that was saved, in a file that is replaced in one step.
class Checkpoint {
 public:
  /// `identity` says whose run it is: only a file with the same is taken up. The file is saved every so many seconds.
  Checkpoint(std::filesystem::path path, nlohmann::ordered_json identity, double seconds);

  /// What was saved, or nothing. A file that is damaged or of another run is named on the standard error.
  [[nodiscard]] std::optional<SavedRun> load() const;

  /// Whether it is time to save again.
  [[nodiscard]] bool is_due() const { return Clock::now() - saved_ >= every_; }
  /// \throws lifelong::FileError; an older file then stays.
  void save(SavedRun run);
  /// Removes the file.
  void forget() const;

 private:
  using Clock = std::chrono::steady_clock;

  std::filesystem::path path_;
  nlohmann::ordered_json identity_;
  std::chrono::duration<double> every_;
  Clock::time_point saved_ = Clock::now();
};

}  // namespace lab
