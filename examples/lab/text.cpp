// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <lifelong/core/error.hpp>

namespace lab {

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::uint64_t whole_number(const std::string& what, const std::string& text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value < least || value > most)
    throw lifelong::InvalidArgument(
        fmt::format("{} must be a whole number from {} to {}, but is '{}'", what, least, most, text));
  return value;
}

double real_number(const std::string& what, const std::string& text, bool above_zero) {
  char* stop = nullptr;
  const double value = std::strtod(text.c_str(), &stop);
  const bool number = !text.empty() && stop == text.c_str() + text.size();
  if (!number || !std::isfinite(value) || value < 0 || (above_zero && value == 0))
    throw lifelong::InvalidArgument(
        fmt::format("{} must be a finite number {} 0, but is '{}'", what, above_zero ? "above" : "of at least", text));
  return value;
}

std::string joined(std::span<const std::string> parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string duration(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string bytes(std::size_t count) {
  if (count < 1000) return fmt::format("{} B", count);
  double value = static_cast<double>(count);
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1000;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string shell_quoted(const std::string& argument) {
  const char* plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=,./:@%+";
  if (!argument.empty() && argument.find_first_not_of(plain) == std::string::npos) return argument;
  std::string quoted = "'";
  for (const char c : argument) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace lab
