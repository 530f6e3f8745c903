// SPDX-License-Identifier: MIT
// The parts of the report's page: the files of report/, which the build puts into the program.
#pragma once

#include <string_view>

namespace lab::report_parts {

extern const std::string_view page, style, vega, figures, draw;

}  // namespace lab::report_parts
