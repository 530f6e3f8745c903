// SPDX-License-Identifier: MIT
// The comparison of methods, for people.
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

namespace lab {

/// One line per method in the order of `runs`; mean ± standard deviation where a method ran with several seeds.
/// Accuracies in percent, undefined ones as `-`.
std::string table(const std::vector<RunResult>& runs);

}  // namespace lab
