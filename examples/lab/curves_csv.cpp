// SPDX-License-Identifier: MIT
#include "curves_csv.hpp"

#include <fmt/format.h>

namespace lab {

std::string curves_csv(std::span<const RunResult> runs) {
  std::string table = "method,seed,strength,task,epoch,tested_on,accuracy\n";
  for (const RunResult& run : runs) {
    const std::string strength = run.strength ? fmt::format("{}", *run.strength) : "";
    for (const CurvePoint& point : run.outcome.curve)
      for (std::size_t task = 0; task < point.accuracies.size(); ++task)
        table += fmt::format("{},{},{},{},{},{},{}\n", run.method, run.seed, strength, point.task + 1, point.epoch,
                             task + 1, point.accuracies[task]);
  }
  return table;
}

}  // namespace lab
