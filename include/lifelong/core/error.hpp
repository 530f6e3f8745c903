// SPDX-License-Identifier: MIT
// The errors of the library: each names the thing, its value and, where there is one, the file or the parameter.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <lifelong/config.hpp>

namespace lifelong {

/// Base of every error the library reports. Unless a function says otherwise, it leaves its object as it was.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A setting or argument outside its domain, for example a negative strength.
struct InvalidArgument : Error {
  using Error::Error;
};

/// Sizes that do not belong together, for example a gradient shorter than the parameters.
struct ShapeMismatch : Error {
  using Error::Error;
};

/// NaN or Inf, found in the step where it appears.
struct NumericError : Error {
  using Error::Error;
};

/// There is not enough memory for what was asked.
struct OutOfMemory : Error {
  using Error::Error;
};

/// A file or folder that cannot be opened, read or written.
struct FileError : Error {
  using Error::Error;
};

/// A file whose contents are not what its format promises.
struct FormatError : Error {
  using Error::Error;
};

namespace detail {

/// Throws `E(message)`; where exceptions are switched off, it prints the message and ends the program.
template <class E>
[[noreturn]] LIFELONG_RARE void raise(const std::string& message) {
#if defined(__cpp_exceptions)
  throw E(message);
#else
  std::fputs(message.c_str(), stderr);
  std::fputc('\n', stderr);
  std::abort();
#endif
}

/// True unless the value is NaN or Inf. It looks at the bits, because flags such as -ffinite-math-only let a compiler
/// assume that no comparison ever meets one.
[[nodiscard]] constexpr bool is_finite(double value) {
  constexpr std::uint64_t exponent = 0x7FF0000000000000ULL;
  return (std::bit_cast<std::uint64_t>(value) & exponent) != exponent;
}
[[nodiscard]] constexpr bool is_finite(float value) {
  constexpr std::uint32_t exponent = 0x7F800000U;
  return (std::bit_cast<std::uint32_t>(value) & exponent) != exponent;
}

/// A number as text with `digits` digits, 6 where nobody reads further, whatever the locale: `0.1`, `-3`, `1e+20`,
/// `nan`, `-inf`.
LIFELONG_RARE inline std::string text(double value, int digits = 6) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  if (!is_finite(value)) return (bits << 12) != 0 ? "nan" : (bits >> 63) != 0 ? "-inf" : "inf";
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
  for (char& c : buffer)
    if (c == ',') c = '.';  // the decimal point of some locales
  return buffer;
}

/// The shortest of these texts that reads back as the same number, for recipes. std::to_chars would do, but its tables
/// alone are larger than a small learner.
LIFELONG_RARE inline std::string exact_text(double value) {
  int digits = 6;
  for (char buffer[40]; digits < 17; ++digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
    if (std::strtod(buffer, nullptr) == value) break;
  }
  return text(value, digits);
}

/// "NAME must be RULE, but is VALUE", as an error. Checks have this in common, which keeps them small where they are
/// inlined. A value that rounds to one that the rule speaks of has all its digits.
[[noreturn]] LIFELONG_RARE inline void refuse_value(const char* name, const std::string& rule, double value) {
  std::string shown = text(value);
  if (rule.find(shown) != std::string::npos) shown = text(value, 17);
  raise<InvalidArgument>(std::string(name) + " must be " + rule + ", but is " + shown);
}

[[noreturn]] LIFELONG_RARE inline void refuse_below(const char* name, double value, double least) {
  refuse_value(name, "a finite number of at least " + text(least), value);
}
[[noreturn]] LIFELONG_RARE inline void refuse_outside(const char* name, double value, double least, double most,
                                                      const char* end) {
  refuse_value(name, "in [" + text(least) + ", " + text(most) + end, value);
}

/// \throws InvalidArgument unless `value` is a finite number of at least `least`; `name` reads like
/// `Quadratic.strength`.
inline void require_at_least(const char* name, double value, double least) {
  if (!(is_finite(value) && value >= least)) refuse_below(name, value, least);
}

/// \throws InvalidArgument unless `value` is a finite number above 0.
inline void require_positive(const char* name, double value) {
  if (!is_finite(value) || !(value > 0)) refuse_value(name, "a finite number above 0", value);
}

/// \throws InvalidArgument unless `least <= value < below`.
inline void require_within(const char* name, double value, double least, double below) {
  if (!(is_finite(value) && value >= least && value < below)) refuse_outside(name, value, least, below, ")");
}

/// \throws InvalidArgument unless `least <= value <= most`.
inline void require_between(const char* name, double value, double least, double most) {
  if (!(is_finite(value) && value >= least && value <= most)) refuse_outside(name, value, least, most, "]");
}

/// The setting as a number of type T. \throws InvalidArgument if T has no such number, not even a rounded one: Inf, or
/// 0 for a setting that is not 0.
template <class T>
T setting(const char* name, double value) {
  const T rounded = static_cast<T>(value);
  if (is_finite(value) && (!is_finite(rounded) || (rounded == 0) != (value == 0)))
    refuse_value(name, "a number that fits the parameters' type, float", value);  // a double fits itself
  return rounded;
}

/// "WHAT has ACTUAL elements where NEEDED", as an error.
[[noreturn]] LIFELONG_RARE inline void refuse_size(const char* what, std::size_t actual, const std::string& needed) {
  std::string line(what);
  raise<ShapeMismatch>(line.append(" has ").append(std::to_string(actual)).append(" elements where ").append(needed));
}

/// \throws ShapeMismatch unless the sizes agree; `what` names the array.
LIFELONG_ONE_COPY inline void require_size(const char* what, std::size_t actual, std::size_t expected) {
  if (actual != expected) refuse_size(what, actual, std::to_string(expected) + " are needed");
}

/// \throws InvalidArgument unless `i < size`; `what` names the collection.
inline void require_index(const char* what, std::size_t i, std::size_t size) {
  if (i >= size)
    raise<InvalidArgument>(std::string(what) + " has no element number " + std::to_string(i) + ": it has " +
                           std::to_string(size) + ", counted from 0");
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
