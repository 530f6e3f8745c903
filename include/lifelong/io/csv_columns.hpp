// SPDX-License-Identifier: MIT
// What a CSV file holds, and which of its columns are read.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/io/csv_cells.hpp>
#include <lifelong/io/number.hpp>
#include <lifelong/io/scanner.hpp>

namespace lifelong::io {

/// A column of a table: its name in the header, or its number, which counts from 0.
struct CsvColumn {
  CsvColumn(const char* column_name) : name(column_name) {}             // NOLINT(google-explicit-constructor)
  CsvColumn(std::string column_name) : name(std::move(column_name)) {}  // NOLINT(google-explicit-constructor)
  /// \throws InvalidArgument for a number below 0.
  template <std::integral I>
  CsvColumn(I column) : number(static_cast<std::size_t>(column)) {  // NOLINT(google-explicit-constructor)
    if (!std::in_range<std::size_t>(column))
      lifelong::detail::raise<InvalidArgument>("a CsvColumn counts from 0, but is " + std::to_string(column));
  }

  std::string name;
  std::optional<std::size_t> number;
};

/// What a CSV file holds, and what of it is read.
struct CsvOptions {
  char delimiter = ',';
  bool header = true;                            ///< whether the first line names the columns
  std::vector<CsvColumn> features = {};          ///< in this order; empty: all but `label` and `targets`
  std::optional<CsvColumn> label = {};           ///< classes, whole numbers from 0
  std::vector<CsvColumn> targets = {};           ///< real numbers to be predicted
  std::optional<double> missing = {};            ///< stands for a feature that is empty, NA or NaN
  std::uint64_t limit = std::uint64_t{1} << 32;  ///< size of the largest file that is accepted, in bytes
};

namespace csv_detail {

inline constexpr std::size_t most_columns = 1 << 20;

/// \throws InvalidArgument, which names the setting.
inline void require_options(const CsvOptions& options) {
  const char c = options.delimiter;
  if (io_detail::is_digit(c) || std::string_view("\"\r\n.+-eE").find(c) != std::string_view::npos || c == '\0')
    raise<InvalidArgument>("CsvOptions.delimiter cannot be " + in_quotes(std::string_view(&c, 1)) +
                           ", which is part of numbers or lines");
  if (options.label && !options.targets.empty())
    raise<InvalidArgument>("CsvOptions has a label and targets, but an example has one or the other");
}

inline void require_answers(bool there, const std::string& file) {
  if (!there)
    raise<InvalidArgument>("'" + file + "' is read without answers: set CsvOptions.label or CsvOptions.targets");
}

/// What a column is read as, and its place among the columns of that role.
struct Role {
  enum class Kind { none, feature, label, target } kind = Kind::none;
  std::size_t place = 0;
};

/// Which columns are read, found out from the first row.
class Columns {
 public:
  Columns(const std::vector<Cell>& first, const CsvOptions& options, const std::string& file)
      : roles(first.size()), file_(file), has_header_(options.header) {
    if (options.header)
      for (const Cell& cell : first) names_.emplace_back(cell.quoted ? cell.text : io_detail::trimmed(cell.text));
    for (std::size_t column = 0; column < names_.size(); ++column)
      if (const auto [found, is_new] = numbers_.try_emplace(names_[column], column); !is_new) found->second = twice;
    if (options.label) take(*options.label, {Role::Kind::label, 0});
    for (const CsvColumn& column : options.targets) take(column, {Role::Kind::target, targets++});
    for (const CsvColumn& column : options.features) take(column, {Role::Kind::feature, features++});
    if (options.features.empty())
      for (Role& role : roles)
        if (role.kind == Role::Kind::none) role = {Role::Kind::feature, features++};
    if (features == 0) raise<FormatError>("'" + file + "' has no columns but those of the answers");
  }

  /// The names of the columns of one role, in its order.
  [[nodiscard]] std::vector<std::string> names(Role::Kind kind, std::size_t count) const {
    std::vector<std::string> of_role(has_header_ ? count : 0);
    for (std::size_t column = 0; column < names_.size(); ++column)
      if (roles[column].kind == kind) of_role[roles[column].place] = names_[column];
    return of_role;
  }

  /// ` ('speed')`, or nothing without a header.
  [[nodiscard]] std::string called(std::size_t column) const {
    return has_header_ ? "(" + in_quotes(names_[column]) + ") " : std::string();
  }

  std::vector<Role> roles;  ///< one per column
  std::size_t features = 0, targets = 0;

 private:
  static constexpr std::size_t twice = static_cast<std::size_t>(-1);

  void take(const CsvColumn& wanted, Role role) {
    const std::size_t column = wanted.number ? by_number(*wanted.number) : by_name(wanted.name);
    if (roles[column].kind != Role::Kind::none)
      raise<InvalidArgument>("column " + (wanted.number ? std::to_string(column) : in_quotes(wanted.name)) + " of '" +
                             file_ + "' is asked for twice");
    roles[column] = role;
  }

  [[nodiscard]] std::size_t by_number(std::size_t number) const {
    if (number >= roles.size())
      raise<FormatError>("'" + file_ + "' has no column number " + std::to_string(number) + ": it has " +
                         std::to_string(roles.size()) + ", counted from 0");
    return number;
  }

  [[nodiscard]] std::size_t by_name(const std::string& name) const {
    if (!has_header_)
      raise<InvalidArgument>("column " + in_quotes(name) + " of '" + file_ +
                             "' is asked for by name, but CsvOptions.header is false");
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) raise<FormatError>("'" + file_ + "' has no column " + in_quotes(name) + known_names());
    if (found->second == twice)
      raise<FormatError>("'" + file_ + "' has several columns " + in_quotes(name) + ": ask for one by its number");
    return found->second;
  }

  [[nodiscard]] std::string known_names() const {
    constexpr std::size_t most = 10;
    std::string text;
    for (std::size_t k = 0; k < names_.size() && k < most; ++k) text += (k > 0 ? ", " : "") + in_quotes(names_[k]);
    return "; it has " + text + (names_.size() > most ? ", ..." : "");
  }

  const std::string& file_;
  bool has_header_;
  std::vector<std::string> names_;
  std::map<std::string_view, std::size_t> numbers_;
};

/// True for a first line that is more likely an example than names: numbers alone, except 0, 1, 2, ... as pandas names
/// columns without names.
inline bool looks_like_numbers(const std::vector<Cell>& first) {
  bool counts = true;
  for (std::size_t k = 0; k < first.size(); ++k) {
    const std::string_view text = io_detail::trimmed(first[k].text);
    if (first[k].quoted || !io_detail::real_number(text)) return false;
    counts = counts && text == std::to_string(k);
  }
  return !counts;
}

}  // namespace csv_detail
}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
