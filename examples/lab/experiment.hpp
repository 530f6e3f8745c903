// SPDX-License-Identifier: MIT
// All runs of a command, from the data to the results.
#pragma once

#include "options.hpp"

namespace lab {

/// Checks everything that can be checked before training, trains what is not kept from an interrupted run of the same
/// command, and writes `results.json` and the table. \throws lifelong::Error, or Interrupted after telling the user
/// what is kept.
void run_experiment(const Options& options);

}  // namespace lab
