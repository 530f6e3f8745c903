// SPDX-License-Identifier: MIT
// Whether somebody watches: is a file a terminal?
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstdio>

#if !defined(_WIN32) && __has_include(<unistd.h>)
#include <unistd.h>
#define LIFELONG_POSIX_TERMINALS 1
#else
#define LIFELONG_POSIX_TERMINALS 0
#endif

namespace lifelong::io {

/// True if `file` is a terminal, where a line can be overwritten. False wherever the system cannot say.
[[nodiscard]] inline bool is_terminal([[maybe_unused]] std::FILE* file) {
#if LIFELONG_POSIX_TERMINALS
  return ::isatty(::fileno(file)) == 1;
#else
  return false;
#endif
}

}  // namespace lifelong::io
#undef LIFELONG_POSIX_TERMINALS

#include <lifelong/config/pop_macros.hpp>
