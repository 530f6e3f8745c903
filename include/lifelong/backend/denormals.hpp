// SPDX-License-Identifier: MIT
// Steps at full speed where moments have decayed to almost nothing.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <lifelong/config.hpp>

namespace lifelong::detail {

/// While it lives, the thread's arithmetic takes results and operands below the smallest normal number (1e-38 in float)
/// as 0. Processors are up to a hundred times slower on such numbers, and they are what is left of the moments of a
/// parameter that no example touches any more. On x86-64 and AArch64; elsewhere it does nothing.
class FlushDenormals {
 public:
#if defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__)) && !defined(__CUDA_ARCH__)
  FlushDenormals() : before_(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(before_ | 0x8040U); }
  ~FlushDenormals() { __builtin_ia32_ldmxcsr(before_); }

 private:
  unsigned before_;
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(__CUDA_ARCH__)
  FlushDenormals() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before_));
    __asm__ volatile("msr fpcr, %0" : : "r"(before_ | (1UL << 24)) : "memory");
  }
  ~FlushDenormals() { __asm__ volatile("msr fpcr, %0" : : "r"(before_) : "memory"); }

 private:
  unsigned long before_;
#else
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif

 public:
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
