// SPDX-License-Identifier: MIT
// A lack of memory, reported as an error that says what the memory was wanted for.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>

#include <lifelong/core/error.hpp>

namespace lifelong {

/// How many bytes a learner may take, its model's parameters included; by default there is no limit. A limit is worth
/// setting where the system promises memory that it does not have and ends the program when that memory is used, as
/// Linux does.
struct MemoryLimit {
  std::size_t bytes = static_cast<std::size_t>(-1);
};

namespace detail {

/// `16 GB`, `1.25 MB`: decimal units.
inline std::string bytes_text(double bytes) {
  const char* units[] = {" bytes", " kB", " MB", " GB", " TB", " PB", " EB"};
  int unit = 0;
  for (; bytes >= 1000 && unit < 6; ++unit) bytes /= 1000;
  return text(bytes) + units[unit];
}

/// Adds an array, "name bytes", to a list of what memory is wanted for.
LIFELONG_RARE inline void add_to_bill(std::string& list, const char* name, std::size_t bytes) {
  if (!list.empty()) list += ", ";
  list.append(name).append(" ").append(std::to_string(bytes));
}

/// "a learner of 5 parameters needs 60 bytes, 12 bytes each (LIST)".
LIFELONG_RARE inline std::string bill(std::size_t parameters, std::size_t each, const std::string& list) {
  std::string line = "a learner of ";
  line.append(std::to_string(parameters)).append(" parameters needs ");
  line.append(bytes_text(static_cast<double>(parameters) * static_cast<double>(each))).append(", ");
  return line.append(std::to_string(each)).append(" bytes each (").append(list).append(")");
}

/// Returns what `body` returns. \throws OutOfMemory with the text that `message()` returns if there is too little
/// memory.
template <class Body, class Message>
auto with_memory(const Body& body, const Message& message) {
#if defined(__cpp_exceptions)
  try {
    return body();
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  raise<OutOfMemory>(message());
#else
  static_cast<void>(message);
  return body();
#endif
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
