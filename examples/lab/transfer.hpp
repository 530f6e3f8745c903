// SPDX-License-Identifier: MIT
// `lifelong-lab transfer`: what one task does for another, from both ends.
#pragma once

#include "options.hpp"
#include "run_arguments.hpp"

namespace lab {

/// The first two tasks of a stream, in both orders.
struct TransferOptions {
  Options forth, back;
};

/// \throws lifelong::InvalidArgument for methods without plain and joint training, or with neither of the others.
TransferOptions resolved_transfer(const RunArguments& arguments, const std::string& command);

/// Learns the two tasks one after the other in both orders, each as `lifelong-lab run` in a folder of its own. Prints
/// for each task how well it is known when learned alone, after the other one (transfer), together with it (multi-task)
/// and by each lifelong method, and what is left of it after the other one. One report shows both. \throws as
/// `run_experiment`.
void transfer(const TransferOptions& options);

}  // namespace lab
