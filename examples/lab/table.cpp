// SPDX-License-Identifier: MIT
#include "table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "finished.hpp"
#include "statistics.hpp"
#include "text.hpp"

namespace lab {

namespace {

using Runs = std::vector<const RunResult*>;

struct Column {
  const char* upper;  // the two lines of its title
  const char* lower;
  std::function<std::string(const Runs&)> cell;
};

/// `61.2`, or `61.2 ± 0.5` over several seeds, or `-`.
std::string mean(const Runs& runs, const char* number,
                 const std::function<std::optional<double>(const RunResult&)>& of) {
  std::vector<double> values;
  for (const RunResult* run : runs)
    if (const std::optional<double> value = of(*run)) values.push_back(*value);
  const std::optional<SeedMean> estimate = mean_over_seeds(values);
  if (!estimate) return "-";
  const std::string text = fmt::format(fmt::runtime(number), estimate->mean);
  return estimate->half_width ? fmt::format("{} ± {:.1f}", text, *estimate->half_width) : text;
}

Column percent(const char* upper, const char* lower, const char* number,
               std::function<std::optional<double>(const RunResult&)> of) {
  return {upper, lower, [=](const Runs& runs) {
            return mean(runs, number, [&](const RunResult& run) {
              const std::optional<double> value = of(run);
              return value ? std::optional(100 * *value) : std::nullopt;
            });
          }};
}

std::string bytes_or_none(std::size_t count) { return count == 0 ? "-" : bytes(count); }

std::vector<Column> columns() {
  return {
      {"", "method", [](const Runs& runs) { return runs[0]->method; }},
      {"", "strength",
       [](const Runs& runs) { return runs[0]->strength ? fmt::format("{:g}", *runs[0]->strength) : "-"; }},
      percent("average", "accuracy %", "{:.1f}", [](const RunResult& run) { return run.average_accuracy; }),
      percent("backward", "transfer", "{:+.1f}", [](const RunResult& run) { return run.backward_transfer; }),
      percent("forward", "transfer", "{:+.1f}", [](const RunResult& run) { return run.forward_transfer; }),
      percent("", "forgetting", "{:.1f}", [](const RunResult& run) { return run.forgetting; }),
      percent("learning", "accuracy %", "{:.1f}", [](const RunResult& run) { return run.learning_accuracy; }),
      {"", "seconds",
       [](const Runs& runs) {
         return mean(runs, "{:.1f}",
                     [](const RunResult& run) { return run.outcome.train_seconds + run.outcome.importance_seconds; });
       }},
      {"", "state", [](const Runs& runs) { return bytes_or_none(runs[0]->outcome.state_bytes); }},
      {"", "memory", [](const Runs& runs) { return bytes_or_none(runs[0]->outcome.memory_bytes); }},
  };
}

/// Characters shown; `±` is two bytes.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Columns aligned: the first to the left, the others to the right.
std::string aligned(const std::vector<std::vector<std::string>>& lines) {
  std::string text;
  std::vector<std::size_t> widths(lines[0].size());
  for (const auto& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], width(line[c]));
  for (const auto& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      const std::string padding(widths[c] - width(line[c]), ' ');
      text += c == 0 ? line[c] + padding : "  " + padding + line[c];
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string table(const std::vector<RunResult>& runs) {
  std::vector<std::vector<std::string>> lines(2);
  for (const Column& column : columns()) {
    lines[0].emplace_back(column.upper);
    lines[1].emplace_back(column.lower);
  }
  const std::vector<Runs> groups = by_method(runs);
  for (const Runs& group : groups) {
    auto& line = lines.emplace_back();
    for (const Column& column : columns()) line.push_back(column.cell(group));
  }
  const bool several = groups.front().size() > 1;
  return aligned(lines) + (several ? "± is the 95 % interval of the mean over seeds (Student's t)\n" : "");
}

}  // namespace lab
