// SPDX-License-Identifier: MIT
#include "search.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "finished.hpp"

namespace lab {

namespace {

/// Numbers that people can type again.
double rounded(double strength) { return std::stod(fmt::format("{:.3g}", strength)); }

/// 0, and the values from `from` to `to` that follow one another by the same factor.
std::vector<double> grid_of(const Sweep& sweep) {
  std::vector<double> strengths{0};
  for (std::size_t k = 0; k < sweep.values; ++k)
    strengths.push_back(rounded(
        sweep.from * std::pow(sweep.to / sweep.from, static_cast<double>(k) / static_cast<double>(sweep.values - 1))));
  return strengths;
}

/// The mean over all seeds of the accuracies right after each task but the first, which no strength changes; nothing if
/// a run is missing.
std::optional<double> plasticity(std::span<const RunResult> runs, const std::string& method, double strength,
                                 std::size_t seeds) {
  double sum = 0;
  std::size_t count = 0;
  for (const RunResult& run : runs) {
    if (run.method != method || run.strength != strength) continue;
    const auto& rows = run.outcome.accuracy_matrix;
    double of_run = 0;
    for (std::size_t task = 1; task < rows.size(); ++task) of_run += rows[task][task];
    sum += of_run / static_cast<double>(rows.size() - 1);
    ++count;
  }
  if (count < seeds) return std::nullopt;
  return sum / static_cast<double>(count);
}

bool learns(const Options& options, std::span<const RunResult> runs, const std::string& method, double strength) {
  const auto with = plasticity(runs, method, strength, options.seeds.size()),
             without = plasticity(runs, method, 0, options.seeds.size());
  return with && without && *with >= *without - options.sweep->drop / 100;
}

/// The runs of one method with one strength.
std::vector<Planned> runs_of(const Options& options, const std::string& method, double strength) {
  Options one = options;
  one.methods = {method};
  return planned_runs(one, {strength});
}

/// Between a strength that learns, or is small, and one that does not, or is large.
struct Bracket {
  double low, high;

  [[nodiscard]] double middle() const { return rounded(std::sqrt(low * high)); }
};

std::vector<Planned> bisect(const Options& options, const KeptRuns& kept, Runner& runner) {
  std::vector<Planned> tried = planned_runs(options, {0});
  runner.make(tried);
  std::map<std::string, Bracket> brackets;
  for (const std::string& method : options.methods) brackets[method] = {options.sweep->from, options.sweep->to};
  for (std::size_t round = 0; round < options.sweep->values; ++round) {
    std::vector<Planned> runs;
    for (const std::string& method : options.methods)
      for (const Planned& run : runs_of(options, method, brackets[method].middle())) runs.push_back(run);
    runner.make(runs);
    tried.insert(tried.end(), runs.begin(), runs.end());
    for (auto& [method, bracket] : brackets) {
      const double middle = bracket.middle();
      (learns(options, kept.all(), method, middle) ? bracket.low : bracket.high) = middle;
    }
  }
  return tried;
}

double mean_accuracy(const std::vector<const RunResult*>& group) {
  double sum = 0;
  for (const RunResult* run : group) sum += run->average_accuracy;
  return sum / static_cast<double>(group.size());
}

}  // namespace

std::size_t most_runs(const Options& options) {
  return options.methods.size() * options.seeds.size() * (options.sweep->values + 1);
}

std::vector<Planned> try_strengths(const Options& options, const KeptRuns& kept, Runner& runner) {
  if (options.sweep->bisect) return bisect(options, kept, runner);
  std::vector<Planned> runs = planned_runs(options, grid_of(*options.sweep));
  runner.make(runs);
  return runs;
}

std::string choice(const Options& options, std::span<const RunResult> runs) {
  struct Candidate {
    double merit, strength;
  };
  std::map<std::string, Candidate> best;
  for (const auto& group : by_method(runs)) {
    const std::string& method = group[0]->method;
    const double strength = *group[0]->strength;
    if (options.sweep->bisect && !learns(options, runs, method, strength)) continue;
    const Candidate candidate{options.sweep->bisect ? strength : mean_accuracy(group), strength};
    const auto [at, first] = best.try_emplace(method, candidate);
    if (!first && candidate.merit > at->second.merit) at->second = candidate;
  }
  std::string text, none;
  for (const auto& [method, candidate] : best) {
    if (options.sweep->bisect && candidate.strength == 0)
      none += fmt::format("\nNone that was tried for {} learns as well; try a smaller --from", method);
    else
      text += fmt::format(" --strength {}={:g}", method, candidate.strength);
  }
  return options.sweep->bisect
             ? fmt::format("Largest that learn the first {} tasks within {:g} points of no penalty:{}{}",
                           options.sweep->first, options.sweep->drop, text, none)
             : fmt::format("Best on the first {} tasks:{}", options.sweep->first, text);
}

}  // namespace lab
