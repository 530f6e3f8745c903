// SPDX-License-Identifier: MIT
// Counts the allocations of a test program, where that can be done: then LIFELONG_TEST_COUNTS_ALLOCATIONS is defined.
// Only one file of a program may include it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIFELONG_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LIFELONG_TEST_SANITIZED
#endif
#endif

#if defined(__GLIBC__) && !defined(LIFELONG_TEST_SANITIZED)
#define LIFELONG_TEST_COUNTS_ALLOCATIONS

inline std::atomic<std::size_t> allocations{0};

// Every allocation of the program, Eigen's and operator new's alike, comes through one of these.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
}
#endif
