// SPDX-License-Identifier: MIT
// What the program is asked to do, by one of its subcommands.
#pragma once

#include <optional>
#include <variant>

#include "compare.hpp"
#include "importance_options.hpp"
#include "options.hpp"
#include "report_command.hpp"
#include "reproduce.hpp"
#include "surface.hpp"
#include "transfer.hpp"

namespace lab {

using Command = std::variant<Options, ImportanceOptions, ReportOptions, SurfaceOptions, ReproduceOptions,
                             CompareOptions, TransferOptions>;

/// Reads the command line; nothing if it only asked for help or the version, which has then been printed.
/// \throws lifelong::InvalidArgument for anything that cannot be meant.
std::optional<Command> parse_command(int argc, char** argv);

}  // namespace lab
