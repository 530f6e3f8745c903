// SPDX-License-Identifier: MIT
// What the report draws, as JSON: all numbers are made here, and the page only shows them.
#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "finished.hpp"

namespace lab {

/// For each experiment: what was run; for each method its recipe, the metrics over its seeds, its accuracies after each
/// task and its accuracy matrix. Accuracies are in percent. What is undefined is null.
nlohmann::ordered_json report_data(std::span<const Finished> experiments);

}  // namespace lab
