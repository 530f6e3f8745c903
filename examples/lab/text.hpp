// SPDX-License-Identifier: MIT
// Numbers and lists as people type and read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lab {

/// The parts of `text` between commas.
std::vector<std::string> split_list(const std::string& text);

/// `what` is the option's name. \throws lifelong::InvalidArgument unless `text` is a number from `least` to `most`.
std::uint64_t whole_number(const std::string& what, const std::string& text, std::uint64_t least = 0,
                           std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

/// \throws lifelong::InvalidArgument unless `text` is a finite number of at least 0, or above 0 if asked for.
double real_number(const std::string& what, const std::string& text, bool above_zero = false);

/// `a, b, c`
std::string joined(std::span<const std::string> parts, std::string_view separator = ", ");

/// `45 s`, `2 min 10 s`, `1 h 05 min`
std::string duration(double seconds);

/// `812 B`, `1.2 MB`
std::string bytes(std::size_t count);

/// The argument as a shell takes it.
std::string shell_quoted(const std::string& argument);

}  // namespace lab
