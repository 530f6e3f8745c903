// SPDX-License-Identifier: MIT
// Runs loops on OpenMP threads.
#pragma once

#include <lifelong/config/push_macros.hpp>

#if !defined(_OPENMP)
#error "lifelong/backend/openmp.hpp needs OpenMP: link lifelong::openmp, or compile with -fopenmp"
#endif

#include <omp.h>
#if defined(__has_include) && !defined(_WIN32)
#if __has_include(<pthread.h>)
#include <pthread.h>
#define LIFELONG_SEES_FORKS
#endif
#endif

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>

#include <lifelong/config.hpp>

namespace lifelong::detail {

/// Whether this process was forked from one that had used threads. The child has none of them, and GCC's runtime would
/// wait for them forever.
inline bool threads_were_lost = false;

/// From now on, children that are forked know it.
inline void see_forks() {
#if defined(LIFELONG_SEES_FORKS)
  [[maybe_unused]] static const int registered = pthread_atfork(nullptr, nullptr, [] { threads_were_lost = true; });
#endif
}

}  // namespace lifelong::detail

namespace lifelong::backend {

/// Runs a loop's bodies on OpenMP threads. Of n threads the first runs the bodies 0, n, 2n, ..., the next 1, n + 1,
/// ..., so that loops over the same data find it in the same core's cache. A thread that has finished its own share
/// takes over bodies of the other shares that have not begun. Bodies must write to separate places; those of the
/// library's loops do, which makes its results bitwise equal for any number of threads. GCC's runtime allocates nothing
/// per loop; LLVM's does. A process that is forked after threads were used goes on with one thread. It models
/// `ExecutionBackend`.
struct OpenMP {
  int thread_count = 0;  ///< 0: as many as OMP_NUM_THREADS says, or else the machine has

  [[nodiscard]] std::size_t threads() const { return static_cast<std::size_t>(resolved()); }

  /// Calls `body(i)` for i = 0 .. count-1, in any order, from `threads()` threads. If bodies throw, one of their
  /// exceptions is rethrown when all threads have stopped; bodies that have not begun are skipped.
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const {
    if (count == 0) return;
    if (count == 1 || resolved() == 1) {
      for (std::size_t i = 0; i < count; ++i) body(i);
      return;
    }
    using Given = std::remove_reference_t<Body>;
    run_shares(count, {std::addressof(body),
                       [](const void* loop, std::size_t i) { (*static_cast<Given*>(const_cast<void*>(loop)))(i); }});
  }

 private:
  /// How many bodies of one thread's share have been taken, on a cache line of its own.
  struct alignas(64) Share {
    std::atomic<std::size_t> taken{0};
    std::size_t take() { return taken.fetch_add(1, std::memory_order_relaxed); }
  };

  /// A loop's bodies without their type, so that the threads are compiled once and not for each loop.
  struct Bodies {
    const void* loop;
    void (*run)(const void* loop, std::size_t i);
  };

  LIFELONG_ONE_COPY void run_shares(std::size_t count, Bodies bodies) const {
    lifelong::detail::see_forks();
    constexpr std::size_t most = 64;
    const std::size_t shares = std::min(most, threads());
    Share share[most];
#if defined(__cpp_exceptions)
    std::exception_ptr failure;
    std::atomic<bool> failed{false};
#endif
#pragma omp parallel num_threads(resolved())
    {
      const auto own = static_cast<std::size_t>(omp_get_thread_num());
      for (std::size_t s = own; s < own + shares; ++s) {
        Share& from = share[s % shares];
        for (std::size_t i = s % shares + shares * from.take(); i < count; i = s % shares + shares * from.take()) {
#if defined(__cpp_exceptions)
          if (failed.load(std::memory_order_relaxed)) break;
          try {
            bodies.run(bodies.loop, i);
          } catch (...) {
            if (!failed.exchange(true)) failure = std::current_exception();
          }
#else
          bodies.run(bodies.loop, i);
#endif
        }
      }
    }
#if defined(__cpp_exceptions)
    if (failure) std::rethrow_exception(failure);
#endif
  }

  [[nodiscard]] int resolved() const {
    if (lifelong::detail::threads_were_lost) return 1;
    return thread_count > 0 ? thread_count : omp_get_max_threads();
  }
};

}  // namespace lifelong::backend

#include <lifelong/config/pop_macros.hpp>
