// SPDX-License-Identifier: MIT
// The errors of the library: each names the thing, its value and, where there is one, the file or the parameter.
#pragma once

#include <cstddef>
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
[[noreturn]] void raise(const std::string& message) {
#if defined(__cpp_exceptions)
  throw E(message);
#else
  std::fputs(message.c_str(), stderr);
  std::fputc('\n', stderr);
  std::abort();
#endif
}

/// Shortest usual text of a number: `0.1`, `-3`, `nan`.
inline std::string text(double value) {
  if (value != value) return "nan";  // printf writes the sign of a NaN
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", value);
  return buffer;
}

/// "NAME must be RULE, but is VALUE", as an error. Checks have this in common, which keeps them small where they are
/// inlined.
[[noreturn]] LIFELONG_ONE_COPY inline void refuse_value(const char* name, const char* rule, double value) {
  raise<InvalidArgument>(std::string(name) + " must be " + rule + ", but is " + text(value));
}

/// \throws InvalidArgument unless `value` is a finite number of at least `least`; `name` reads like
/// `Quadratic.strength`.
inline void require_at_least(const char* name, double value, double least) {
  if (value >= least && value - value == 0) return;
  char rule[64];
  std::snprintf(rule, sizeof rule, "a finite number of at least %g", least);
  refuse_value(name, rule, value);
}

/// \throws InvalidArgument unless `value` is a finite number above 0.
inline void require_positive(const char* name, double value) {
  if (!(value > 0 && value - value == 0)) refuse_value(name, "a finite number above 0", value);
}

/// \throws InvalidArgument unless `least <= value < below`.
inline void require_within(const char* name, double value, double least, double below) {
  if (value >= least && value < below) return;
  char rule[64];
  std::snprintf(rule, sizeof rule, "in [%g, %g)", least, below);
  refuse_value(name, rule, value);
}

/// \throws InvalidArgument unless `least <= value <= most`.
inline void require_between(const char* name, double value, double least, double most) {
  if (value >= least && value <= most) return;
  char rule[64];
  std::snprintf(rule, sizeof rule, "in [%g, %g]", least, most);
  refuse_value(name, rule, value);
}

/// \throws ShapeMismatch unless the sizes agree; `what` names the array.
LIFELONG_ONE_COPY inline void require_size(const char* what, std::size_t actual, std::size_t expected) {
  if (actual != expected)
    raise<ShapeMismatch>(std::string(what) + " has " + std::to_string(actual) + " elements where " +
                         std::to_string(expected) + " are needed");
}

/// \throws InvalidArgument unless `i < size`; `what` names the collection.
inline void require_index(const char* what, std::size_t i, std::size_t size) {
  if (i >= size)
    raise<InvalidArgument>(std::string(what) + " has no element number " + std::to_string(i) + ": it has " +
                           std::to_string(size) + ", counted from 0");
}

}  // namespace detail
}  // namespace lifelong
