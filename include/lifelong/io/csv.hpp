// SPDX-License-Identifier: MIT
// CSV files: tables of text with a row for each example (RFC 4180).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/io/csv_cells.hpp>
#include <lifelong/io/csv_columns.hpp>
#include <lifelong/io/file.hpp>
#include <lifelong/io/number.hpp>
#include <lifelong/stream/dataset.hpp>

namespace lifelong::io {

/// The numbers of a CSV file, row by row. `S` is the type of features, as in `Dataset<S>`.
template <class S = float>
struct CsvTable {
  using target_type = typename Dataset<S>::target_type;

  std::string name;                             ///< what errors call it, usually its path
  std::size_t size = 0;                         ///< examples N
  std::size_t features_each = 0;                ///< F
  std::size_t targets_each = 0;                 ///< K
  std::vector<std::string> feature_names = {};  ///< F, or empty without a header
  std::vector<std::string> target_names = {};   ///< K, or empty without a header
  std::vector<S> features = {};                 ///< N x F, row-major
  std::vector<std::int32_t> labels = {};        ///< N, or empty if there is no column of labels
  std::vector<target_type> targets = {};        ///< N x K, row-major

  /// The examples as a data set, which takes the numbers over: `read_csv(path, options).dataset()`. `shape` is that of
  /// one example, {F} if it is not given. \throws InvalidArgument for a table without labels and targets; and what the
  /// constructor of Dataset throws.
  [[nodiscard]] Dataset<S> dataset(std::vector<std::size_t> shape = {}) && {
    if (shape.empty()) shape.push_back(features_each);
    if (targets_each != 0) return {std::move(features), std::move(targets), targets_each, std::move(shape)};
    csv_detail::require_answers(!labels.empty(), name);
    return {std::move(features), std::move(labels), std::move(shape)};
  }
};

namespace csv_detail {

/// Whether a cell says that its number is not known.
inline bool is_missing(std::string_view text) {
  for (const std::string_view word : {"", "NA", "N/A", "nan", "NaN", "NAN", "-nan", "null", "NULL"})
    if (text == word) return true;
  return false;
}

/// The number `value` as one of type S, if S has it, rounded if it is a float.
template <class S>
std::optional<S> as(double value) {
  if constexpr (std::is_floating_point_v<S>) {
    const S rounded = static_cast<S>(value);
    return lifelong::detail::is_finite(rounded) ? std::optional(rounded) : std::nullopt;
  } else {
    if (!(value >= 0 && value <= 255)) return std::nullopt;
    const S whole = static_cast<S>(value);
    return static_cast<double>(whole) == value ? std::optional(whole) : std::nullopt;
  }
}

template <class S>
inline constexpr const char* range_of = sizeof(S) == 8   ? "a double: it is too large"
                                        : sizeof(S) == 4 ? "a float: it is too large"
                                                         : "a whole number from 0 to 255";

/// Turns the cells of one file into numbers.
template <class S>
class TableReader {
  using Target = typename CsvTable<S>::target_type;

 public:
  TableReader(std::span<char> text, const CsvOptions& options, const std::string& name)
      : cells_(text, options.delimiter, name), options_(options) {
    table_.name = name;
    if (!options.missing) return;
    missing_ = as<S>(*options.missing);
    if (!missing_)
      raise<InvalidArgument>("CsvOptions.missing is " + lifelong::detail::text(*options.missing) + ", not " +
                             range_of<S>);
  }

  CsvTable<S> read() {
    std::vector<Cell> row;
    if (!next(row, most_columns)) raise<FormatError>("'" + table_.name + "' has no lines");
    if (options_.header && looks_like_numbers(row))
      raise<FormatError>("the first line of '" + table_.name +
                         "' has only numbers, no names of columns: set CsvOptions.header to false");
    const Columns columns(row, options_, table_.name);
    table_.features_each = columns.features;
    table_.targets_each = columns.targets;
    table_.feature_names = columns.names(Role::Kind::feature, columns.features);
    table_.target_names = columns.names(Role::Kind::target, columns.targets);
    if (!options_.header) add(row, columns);
    while (next(row, columns.roles.size())) add(row, columns);
    if (table_.size == 0) raise<FormatError>("'" + table_.name + "' has names of columns, but no examples");
    return std::move(table_);
  }

 private:
  /// The next line that is not empty. Only at the end of a file may lines be empty.
  bool next(std::vector<Cell>& row, std::size_t most) {
    std::size_t empty = 0;
    while (cells_.row(row, most)) {
      const bool is_empty = row.size() == 1 && row[0].text.empty() && !row[0].quoted;
      if (!is_empty && empty != 0) cells_.fail({empty, 1}, "the line is empty");
      if (!is_empty) return true;
      if (empty == 0) empty = row[0].line;
    }
    return false;
  }

  void add(const std::vector<Cell>& row, const Columns& columns) {
    if (row.size() != columns.roles.size())
      cells_.fail({row.back().line, row.size()}, "the line ends here, with " + std::to_string(row.size()) +
                                                     " columns where the first has " +
                                                     std::to_string(columns.roles.size()));
    table_.features.resize(table_.features.size() + columns.features);
    table_.targets.resize(table_.targets.size() + columns.targets);
    for (std::size_t column = 0; column < row.size(); ++column) {
      const std::size_t place = columns.roles[column].place;
      const auto fail = [&](const std::string& why) {
        cells_.fail({row[column].line, column + 1}, columns.called(column) + in_quotes(row[column].text) + why);
      };
      switch (const std::string_view text = io_detail::trimmed(row[column].text); columns.roles[column].kind) {
        case Role::Kind::none:
          break;
        case Role::Kind::feature:
          table_.features[table_.size * columns.features + place] = feature(text, fail);
          break;
        case Role::Kind::target:
          table_.targets[table_.size * columns.targets + place] = number<Target>(text, fail);
          break;
        case Role::Kind::label:
          table_.labels.push_back(label(text, fail));
      }
    }
    ++table_.size;
  }

  template <class Fail>
  S feature(std::string_view text, const Fail& fail) const {
    if (!is_missing(text)) return number<S>(text, fail);
    if (!missing_) fail(" is no number: set CsvOptions.missing to what stands for it, or leave the row out");
    return *missing_;
  }

  template <class V, class Fail>
  static V number(std::string_view text, const Fail& fail) {
    const std::optional<double> value = io_detail::real_number(text);
    if (!value) fail(" is not a number");
    const std::optional<V> fitting = as<V>(*value);
    if (!fitting) fail(std::string(" is not ") + range_of<V>);
    return *fitting;
  }

  template <class Fail>
  static std::int32_t label(std::string_view text, const Fail& fail) {
    const std::optional<std::int64_t> value = io_detail::whole_number(text);
    if (!value) fail(" is not a class, which is a whole number");
    if (*value < 0 || !std::in_range<std::int32_t>(*value))
      fail(", but classes count from 0 to " + std::to_string(std::numeric_limits<std::int32_t>::max()));
    return static_cast<std::int32_t>(*value);
  }

  CellReader cells_;
  const CsvOptions& options_;
  std::optional<S> missing_;
  CsvTable<S> table_;
};

}  // namespace csv_detail

/// The numbers in `text`, which is a whole CSV file. Errors call it `name`. Lines end with LF or CR LF, the last one
/// also without; cells may stand in quotes, with quotes inside doubled and any delimiter or line end; a UTF-8 byte
/// order mark is skipped; columns that are not asked for may hold any text. Numbers are decimal, with a point in every
/// locale, and rounded to the nearest S by way of double. It reads each byte once. \throws InvalidArgument for settings
/// that cannot be; FormatError, which names the line and the column, both counted from 1, for a cell that is no number,
/// a label that is no class, a line of another length, an empty line before the last example, a column that is not
/// there, a first line without names; OutOfMemory.
template <class S = float>
[[nodiscard]] CsvTable<S> parse_csv(std::string text, const std::string& name, const CsvOptions& options = {}) {
  csv_detail::require_options(options);
  return io_detail::with_memory_for(name, [&] { return csv_detail::TableReader<S>(text, options, name).read(); });
}

/// Reads a CSV file. Example: `read_csv("log.csv", {.features = {"speed", "load"}, .targets = {"torque"}})`.
/// \throws FileError if it cannot be read; FormatError for a file larger than the limit; and what `parse_csv` throws.
template <class S = float>
[[nodiscard]] CsvTable<S> read_csv(const std::string& path, const CsvOptions& options = {}) {
  csv_detail::require_options(options);
  return io_detail::with_memory_for(path, [&] {
    const io_detail::File file = io_detail::open_to_read(path);
    const std::uint64_t one_more = options.limit + (options.limit < std::numeric_limits<std::uint64_t>::max() ? 1 : 0);
    std::vector<std::byte> bytes = io_detail::next_bytes(file.get(), one_more, path);
    if (bytes.size() > options.limit)
      csv_detail::raise<FormatError>("'" + path + "' is larger than the limit of " + std::to_string(options.limit) +
                                     " bytes");
    const std::span<char> text(reinterpret_cast<char*>(bytes.data()), bytes.size());
    return csv_detail::TableReader<S>(text, options, path).read();
  });
}

/// The examples of a CSV file as a data set that owns them. \throws as `read_csv` and `CsvTable::dataset`.
template <class S = float>
[[nodiscard]] Dataset<S> read_csv_dataset(const std::string& path, const CsvOptions& options) {
  csv_detail::require_answers(options.label || !options.targets.empty(), path);
  return read_csv<S>(path, options).dataset();
}

}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
