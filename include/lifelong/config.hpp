// SPDX-License-Identifier: MIT
// Macros for the compiler in use. A build system has to define none of them.
#pragma once

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 202002L
#error "lifelong needs C++20: compile with -std=c++20, or with CMake link lifelong::lifelong, which asks for it"
#endif

#if (defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)) && \
    !defined(LIFELONG_ALLOW_FAST_MATH)
#error \
    "-ffast-math and -ffinite-math-only change results and assume that there is no NaN: compile without them, or define LIFELONG_ALLOW_FAST_MATH"
#endif

/// Marks functions that run on the host and, in a CUDA translation unit, on the device as well.
#if defined(__CUDACC__)
#define LIFELONG_HOST_DEVICE __host__ __device__
#else
#define LIFELONG_HOST_DEVICE
#endif

/// Goes behind the parameters of a lambda that is part of a kernel, so that it is inlined however long the kernel gets.
#if defined(__GNUC__) || defined(__clang__)
#define LIFELONG_ALWAYS_INLINE __attribute__((always_inline))
#else
#define LIFELONG_ALWAYS_INLINE
#endif

/// Keeps one copy of a function for all its callers, which do not inline it.
#if defined(__clang__)
#define LIFELONG_ONE_COPY __attribute__((noinline))
#elif defined(__GNUC__)
#define LIFELONG_ONE_COPY __attribute__((noinline, noclone))
#else
#define LIFELONG_ONE_COPY
#endif

/// Marks what runs only when something has gone wrong, so that it is compiled to be small.
#if defined(__GNUC__) || defined(__clang__)
#define LIFELONG_RARE __attribute__((cold)) LIFELONG_ONE_COPY
#else
#define LIFELONG_RARE
#endif

/// Goes behind a parameter that the result keeps a view of, so that clang and MSVC warn of views of temporaries.
#if defined(__has_cpp_attribute)
#if __has_cpp_attribute(clang::lifetimebound)
#define LIFELONG_LIFETIME_BOUND [[clang::lifetimebound]]
#elif __has_cpp_attribute(msvc::lifetimebound)
#define LIFELONG_LIFETIME_BOUND [[msvc::lifetimebound]]
#endif
#endif
#if !defined(LIFELONG_LIFETIME_BOUND)
#define LIFELONG_LIFETIME_BOUND
#endif
