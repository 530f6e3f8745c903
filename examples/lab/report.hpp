// SPDX-License-Identifier: MIT
// The report: one page that shows finished experiments, complete in itself.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "finished.hpp"

namespace lab {

/// Whether the program has what draws the plots. It has not if it was built where that could not be installed.
bool can_report();

/// The page, a function of the experiments alone: the same results make the same bytes. It needs no other file and no
/// network.
std::string report_page(std::span<const Finished> experiments);

}  // namespace lab
