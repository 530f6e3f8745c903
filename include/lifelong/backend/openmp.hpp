// Runs loops on OpenMP threads.
#pragma once

#if !defined(_OPENMP)
#error "lifelong/backend/openmp.hpp needs OpenMP: link lifelong::openmp, or compile with -fopenmp"
#endif

#include <omp.h>

#include <atomic>
#include <cstddef>
#include <exception>

namespace lifelong::backend {

/// OpenMP threads, taking one task after the other. Which thread runs a task is left open, so tasks must write to
/// separate places; the library's loops do, which makes its results bitwise equal for any number of threads.
/// GCC's runtime allocates nothing per loop, LLVM's does. Models `ExecutionBackend`.
struct OpenMP {
  int thread_count = 0;  ///< 0: as many as OMP_NUM_THREADS or the machine says

  [[nodiscard]] std::size_t threads() const { return static_cast<std::size_t>(resolved()); }

  /// Calls `task(i)` for i = 0 .. count-1, in any order, from `threads()` threads. If tasks throw, one of their
  /// exceptions is rethrown when all threads have stopped; tasks not yet begun are skipped.
  template <class Task>
  void parallel_for(std::size_t count, Task&& task) const {
    if (count == 0) return;
    if (count == 1 || resolved() == 1) {
      for (std::size_t i = 0; i < count; ++i) task(i);
      return;
    }
#if defined(__cpp_exceptions)
    std::exception_ptr failure;
    std::atomic<bool> failed{false};
#endif
#pragma omp parallel for schedule(dynamic, 1) num_threads(resolved())
    for (std::size_t i = 0; i < count; ++i) {
#if defined(__cpp_exceptions)
      if (failed.load(std::memory_order_relaxed)) continue;
      try {
        task(i);
      } catch (...) {
        if (!failed.exchange(true)) failure = std::current_exception();
      }
#else
      task(i);
#endif
    }
#if defined(__cpp_exceptions)
    if (failure) std::rethrow_exception(failure);
#endif
  }

 private:
  [[nodiscard]] int resolved() const { return thread_count > 0 ? thread_count : omp_get_max_threads(); }
};

}  // namespace lifelong::backend
