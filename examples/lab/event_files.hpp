// SPDX-License-Identifier: MIT
// Curves for TensorBoard.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "results.hpp"

namespace lab {

/// Writes `FOLDER/METHOD-SEED[-STRENGTH]/events.out.tfevents.0.lifelong` for each run: scalars `accuracy/seen` (the
/// mean over the tasks seen) and `accuracy/task K`, at steps that count hundredths of an epoch. Times are 0, so that
/// files are a function of the results. \throws lifelong::FileError.
void write_event_files(const std::filesystem::path& folder, std::span<const RunResult> runs, std::size_t epochs);

}  // namespace lab
