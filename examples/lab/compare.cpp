// SPDX-License-Identifier: MIT
#include "compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <lifelong/core/error.hpp>
#include <optional>
#include <string>
#include <vector>

#include "finished.hpp"
#include "statistics.hpp"

namespace lab {

namespace {

/// The run of the same method, seed and place in a sweep, or nullptr. In a plain run the strengths may differ.
const RunResult* counterpart(const RunResult& run, const Finished& other, bool sweeps) {
  const auto found = std::ranges::find_if(other.runs, [&](const RunResult& each) {
    return each.method == run.method && each.seed == run.seed && (!sweeps || each.strength == run.strength);
  });
  return found == other.runs.end() ? nullptr : &*found;
}

struct Line {
  std::string method;
  SeedMean first, second, difference;
  std::size_t seeds;
};

std::optional<Line> line_of(const std::vector<const RunResult*>& runs, const Finished& other, bool sweeps) {
  std::vector<double> first, second, difference;
  for (const RunResult* run : runs)
    if (const RunResult* also = counterpart(*run, other, sweeps)) {
      first.push_back(100 * run->average_accuracy);
      second.push_back(100 * also->average_accuracy);
      difference.push_back(second.back() - first.back());
    }
  if (difference.empty()) return std::nullopt;
  const std::string strength = sweeps ? fmt::format(" {:g}", *runs[0]->strength) : "";
  return Line{runs[0]->method + strength, *mean_over_seeds(first), *mean_over_seeds(second),
              *mean_over_seeds(difference), difference.size()};
}

std::string verdict(const SeedMean& difference) {
  if (!difference.half_width) return "one seed: may be chance";
  if (std::abs(difference.mean) <= *difference.half_width) return "no difference to be seen";
  return difference.mean > 0 ? "the second is better" : "the first is better";
}

}  // namespace

void describe_compare(CLI::App& app, CompareArguments& arguments) {
  app.add_option("FIRST", arguments.first, "A folder with a results.json")->required();
  app.add_option("SECOND", arguments.second, "Another one")->required();
}

CompareOptions resolved(const CompareArguments& arguments) { return {arguments.first, arguments.second}; }

void compare(const CompareOptions& options) {
  const Finished first = read_finished(options.first), second = read_finished(options.second);
  const bool sweeps = first.head.at("kind") == "sweep" && second.head.at("kind") == "sweep";
  std::vector<Line> lines;
  for (const auto& runs : by_method(first.runs))
    if (const std::optional<Line> line = line_of(runs, second, sweeps)) lines.push_back(*line);
  if (lines.empty())
    throw lifelong::InvalidArgument(
        fmt::format("{} and {} have no method with the same seed", options.first.string(), options.second.string()));
  fmt::print(
      "Average accuracy in percent; ± is the 95 % interval of the mean difference of a seed (Student's t)\n\n"
      "{:<18}{:>6}{:>9}{:>9}{:>16}  verdict\n",
      "method", "seeds", "first", "second", "difference");
  for (const auto& [method, a, b, difference, seeds] : lines) {
    const std::string change = difference.half_width
                                   ? fmt::format("{:+.1f} ± {:.1f}", difference.mean, *difference.half_width)
                                   : fmt::format("{:+.1f}", difference.mean);
    fmt::print("{:<18}{:>6}{:>9.1f}{:>9.1f}{:>16}  {}\n", method, seeds, a.mean, b.mean, change, verdict(difference));
  }
}

}  // namespace lab
