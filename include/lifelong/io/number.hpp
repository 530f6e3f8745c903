// SPDX-License-Identifier: MIT
// Numbers in texts, the same in every locale.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <charconv>
#include <clocale>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace lifelong::io::io_detail {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The text without the spaces and tabs around it.
constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// A whole number in digits, with a sign or without, that fits into 64 bits; nothing if the text is anything else.
constexpr std::optional<std::int64_t> whole_number(std::string_view text) {
  const bool negative = text.substr(0, 1) == "-";
  if (negative || text.substr(0, 1) == "+") text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  const std::uint64_t most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  std::uint64_t size = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (size > (most - digit) / 10) return std::nullopt;
    size = 10 * size + digit;
  }
  return static_cast<std::int64_t>(negative ? 0 - size : size);
}

/// Whether the text is a decimal number such as `-1`, `+.5`, `2.`, `6.02e23`.
constexpr bool is_decimal(std::string_view text) {
  std::size_t at = 0;
  const auto accept = [&](char a, char b) {
    const bool there = at < text.size() && (text[at] == a || text[at] == b);
    at += there ? 1 : 0;
    return there;
  };
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - first;
  };
  accept('+', '-');
  const std::size_t before = digits();
  const std::size_t after = accept('.', '.') ? digits() : 0;
  if (before + after == 0) return false;
  if (accept('e', 'E')) {
    accept('+', '-');
    if (digits() == 0) return false;
  }
  return at == text.size();
}

/// `strtod` of a decimal number, whatever the locale's decimal point.
inline double by_strtod(std::string_view decimal) {
  std::string text(decimal);
  if (const std::size_t point = text.find('.'); point != std::string::npos)
    text.replace(point, 1, std::localeconv()->decimal_point);
  return std::strtod(text.c_str(), nullptr);
}

/// The double nearest to a decimal number: Inf where it is too large, 0 where it is too small. Nothing if the text is
/// anything else, such as `nan`, `0x1p3` or ` 1`.
inline std::optional<double> real_number(std::string_view text) {
  if (!is_decimal(text)) return std::nullopt;
#if defined(__cpp_lib_to_chars)
  const std::string_view unsigned_plus = text.front() == '+' ? text.substr(1) : text;
  double value = 0;
  const auto result = std::from_chars(unsigned_plus.data(), unsigned_plus.data() + unsigned_plus.size(), value);
  if (result.ec == std::errc()) return value;
#endif
  return by_strtod(text);  // also for what is out of range, of which from_chars does not say which way
}

}  // namespace lifelong::io::io_detail

#include <lifelong/config/pop_macros.hpp>
