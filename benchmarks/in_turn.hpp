// Times several bodies in turn, so that whatever else the machine does meets all of them alike.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <limits>

namespace lifelong::benchmarks {

/// What one call takes. Other programs on the machine lengthen `wall`, and `processor` much less.
struct Seconds {
  double wall = std::numeric_limits<double>::infinity();
  double processor = std::numeric_limits<double>::infinity();  ///< of all threads together
};

template <class Body>
Seconds seconds(Body& body) {
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t processor_begin = std::clock();
  body();
  const double processor = static_cast<double>(std::clock() - processor_begin) / CLOCKS_PER_SEC;
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), processor};
}

/// Calls all bodies once per iteration of `state`, one after the other, and returns the least time of each. The
/// benchmark itself reports the first one's mean wall time.
template <class... Bodies>
std::array<Seconds, sizeof...(Bodies)> best_in_turn(benchmark::State& state, Bodies&&... bodies) {
  std::array<Seconds, sizeof...(Bodies)> best;
  for (auto _ : state) {
    const std::array<Seconds, sizeof...(Bodies)> now{seconds(bodies)...};
    for (std::size_t k = 0; k < best.size(); ++k) {
      best[k].wall = std::min(best[k].wall, now[k].wall);
      best[k].processor = std::min(best[k].processor, now[k].processor);
    }
    state.SetIterationTime(now[0].wall);
  }
  return best;
}

}  // namespace lifelong::benchmarks
