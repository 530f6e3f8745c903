// SPDX-License-Identifier: MIT
// The cells of a table of text: RFC 4180, with any delimiter and either end of line.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/io/scanner.hpp>

namespace lifelong::io::csv_detail {

using io_detail::in_quotes;
using lifelong::detail::raise;

/// Where errors are: lines and columns count from 1, as in an editor.
struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};

struct Cell {
  std::string_view text;  ///< without its quotes, and with one quote for two
  bool quoted = false;
  std::size_t line = 1;  ///< on which it begins
};

/// Reads rows from front to back, each byte once. Quoted cells are unpacked where they lie, so the text changes.
class CellReader {
 public:
  CellReader(std::span<char> text, char delimiter, const std::string& file)
      : text_(text), delimiter_(delimiter), file_(file) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (std::string_view(text.data(), text.size()).starts_with(byte_order_mark)) at_ = byte_order_mark.size();
  }

  /// The next row, which must have at most `most` cells; false at the end. An empty line is one empty cell.
  bool row(std::vector<Cell>& cells, std::size_t most) {
    cells.clear();
    if (at_ == text_.size()) return false;
    do {
      if (cells.size() == most) fail({line_, most + 1}, "there are more than " + std::to_string(most) + " columns");
      cells.push_back(cell(cells.size() + 1));
    } while (accept(delimiter_));
    end_of_line(cells.size());
    return true;
  }

  [[noreturn]] void fail(Place place, const std::string& why) const {
    raise<FormatError>("'" + file_ + "', line " + std::to_string(place.line) + ", column " +
                       std::to_string(place.column) + ": " + why);
  }

 private:
  bool accept(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  [[nodiscard]] std::string_view view(std::size_t first, std::size_t end) const {
    return {text_.data() + first, end - first};
  }

  Cell cell(std::size_t column) {
    if (accept('"')) return quoted(column);
    const std::size_t first = at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == delimiter_ || c == '\n' || c == '\r') break;
      if (c == '"') fail({line_, column}, "a cell with a quote in it must stand in quotes, and the quote twice");
      if (c == '\0') fail({line_, column}, "there is a zero byte: the file is no text, or not UTF-8");
    }
    return {view(first, at_), false, line_};
  }

  /// The rest of a cell whose first quote has been read.
  Cell quoted(std::size_t column) {
    const std::size_t first = at_, line = line_;
    std::size_t end = first;
    for (;; ++at_) {
      if (at_ == text_.size()) fail({line, column}, "the quotes of this cell are never closed");
      const char c = text_[at_];
      if (c == '\0') fail({line_, column}, "there is a zero byte: the file is no text, or not UTF-8");
      if (c == '\n') ++line_;
      if (c == '"') {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      text_[end++] = c;
    }
    ++at_;
    return {view(first, end), true, line};
  }

  void end_of_line(std::size_t column) {
    if (at_ == text_.size()) return;
    if (text_[at_] != '\n' && text_[at_] != '\r')
      fail({line_, column}, "there is text behind the closing quote of a cell");
    const bool carriage = accept('\r');
    if (!accept('\n') && carriage)
      fail({line_, column}, "a line ends with a carriage return alone, not with a line feed (\\n or \\r\\n)");
    ++line_;
  }

  std::span<char> text_;
  char delimiter_;
  const std::string& file_;
  std::size_t at_ = 0, line_ = 1;
};

}  // namespace lifelong::io::csv_detail

#include <lifelong/config/pop_macros.hpp>
