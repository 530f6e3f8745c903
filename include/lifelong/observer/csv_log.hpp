// SPDX-License-Identifier: MIT
// The losses of all steps as a table in a file.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/io/appended_file.hpp>
#include <lifelong/learner/options.hpp>

namespace lifelong::observer {

/// What `CsvLog` writes.
struct CsvLogOptions {
  std::size_t every = 1;  ///< steps from row to row: rows are of the steps n, 2n, 3n, ... and of a call's last step
  /// Columns of your own, which come first, with the text that all rows of this log have: {{"task", "pears"}}.
  std::vector<std::pair<std::string, std::string>> columns = {};
};

/// Appends a row `epoch,step,loss,penalty` to a file of comma-separated values after every step: RFC 4180, with lines
/// that end in a line feed. Epochs and steps count from 1; numbers have a decimal point whatever the locale, and as
/// many digits as read back the same. A file that is there already is continued, if it has the same columns. Each row
/// is in the file when the next step begins. When a call is resumed, steps that were not in the checkpoint come a
/// second time, with the same numbers. It allocates nothing per step.
class CsvLog {
 public:
  /// \throws InvalidArgument for `every` = 0; FileError if the file cannot be written; FormatError if it begins with
  /// another line than the names of these columns.
  explicit CsvLog(std::string path, const CsvLogOptions& options = {})
      : every_(checked(options.every)),
        own_cells_(own(options, false)),
        file_(std::move(path), own(options, true) + "epoch,step,loss,penalty") {
    row_.reserve(own_cells_.size() + longest_numbers);
  }

  /// \throws FileError if the row cannot be written. An error here ends the training as any exception in a callback.
  void operator()(const FitProgress& at) {
    if (at.step % every_ != 0 && at.step != at.steps) return;
    row_ = own_cells_;
    row_ += std::to_string(at.epoch + 1);
    row_ += ',';
    row_ += std::to_string(at.step);
    add_number(at.loss);
    add_number(at.penalty);
    row_ += '\n';
    file_.write(row_);
  }

 private:
  static constexpr std::size_t longest_numbers = 128;

  static std::size_t checked(std::size_t every) {
    lifelong::detail::require_at_least("CsvLog.every", static_cast<double>(every), 1);
    return every;
  }

  /// The names of the user's columns, or their texts, each with a comma behind it.
  static std::string own(const CsvLogOptions& options, bool names) {
    std::string cells;
    for (const auto& [name, text] : options.columns) cells += quoted(names ? name : text) + ",";
    return cells;
  }
  static std::string quoted(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
    std::string cell = "\"";
    for (const char c : text) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
    return cell + "\"";
  }

  /// The shortest text that reads back as the same number; that of `exact_text`, but without a string of its own.
  void add_number(double value) {
    char text[40] = "";
    for (int digits = 6; digits <= 17; ++digits) {
      std::snprintf(text, sizeof text, "%.*g", digits, value);
      if (std::strtod(text, nullptr) == value) break;
    }
    std::replace(text, text + sizeof text, ',', '.');  // the decimal point of some locales
    row_ += ',';
    row_ += text;
  }

  std::size_t every_;
  std::string own_cells_, row_;
  io::io_detail::AppendedFile file_;
};

}  // namespace lifelong::observer

#include <lifelong/config/pop_macros.hpp>
