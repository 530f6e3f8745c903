// SPDX-License-Identifier: MIT
// The accuracies of all runs in the course of training, as a table.
#pragma once

#include <span>
#include <string>

#include "results.hpp"

namespace lab {

/// A row for each moment and each task that was tested: `method,seed,strength,task,epoch,tested_on,accuracy`, with
/// tasks from 1 and accuracies from 0 to 1. A run without strength has none.
std::string curves_csv(std::span<const RunResult> runs);

}  // namespace lab
