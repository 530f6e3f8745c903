// SPDX-License-Identifier: MIT
// Which strengths a sweep tries, and which of them it chooses.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kept_runs.hpp"
#include "options.hpp"
#include "runner.hpp"

namespace lab {

/// How many runs a sweep makes at most.
std::size_t most_runs(const Options& options);

/// Tries the strengths of `options.sweep`, and returns all runs that were planned. By bisection, it looks for the
/// largest strength with which a method learns new tasks as well as without a penalty, but for the points that it may
/// drop: plasticity comes first, and then as much stability as it allows (De Lange et al., "A continual learning
/// survey: defying forgetting in classification tasks", TPAMI 2022, section 5.1, where the strength decays from a large
/// one).
std::vector<Planned> try_strengths(const Options& options, const KeptRuns& kept, Runner& runner);

/// What to type for the strengths that were chosen, and why: those of the largest average accuracy, or by bisection the
/// largest that learns.
std::string choice(const Options& options, std::span<const RunResult> runs);

}  // namespace lab
