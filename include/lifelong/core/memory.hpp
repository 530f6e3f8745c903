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
  return rounded_text(bytes) + units[unit];
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
