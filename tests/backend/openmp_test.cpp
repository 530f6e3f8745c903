// SPDX-License-Identifier: MIT
// Loops on OpenMP threads: every task once, whoever runs it.
#include <lifelong/backend/openmp.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.hpp"

namespace openmp_test {

using lifelong::backend::OpenMP;

TEST_CASE("OpenMP runs every task once, for any number of tasks and threads") {
  for (const int threads : {1, 2, 3, 8, 70})
    for (const std::size_t count : {0u, 1u, 2u, 3u, 7u, 64u, 65u, 1000u}) {
      std::vector<std::atomic<int>> runs(count);
      OpenMP{threads}.parallel_for(count, [&](std::size_t i) { ++runs.at(i); });
      for (std::size_t i = 0; i < count; ++i) {
        INFO(threads << " threads, task " << i << " of " << count);
        REQUIRE(runs[i] == 1);
      }
    }
}

TEST_CASE("OpenMP: tasks that a slow thread has not begun are taken over by the others") {
  constexpr std::size_t count = 9;
  std::atomic<std::size_t> done{0};
  std::atomic<bool> alone{false};
  OpenMP{2}.parallel_for(count, [&](std::size_t i) {
    if (i == 0) {  // waits for all others, and so do the tasks 2, 4, 6 and 8 of its share if nobody helps
      const auto latest = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (done < count - 1 && std::chrono::steady_clock::now() < latest)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      alone = done < count - 1;
    }
    ++done;
  });
  CHECK(done == count);
  CHECK_FALSE(alone);
}

TEST_CASE("OpenMP hands on what a task throws, when all threads have stopped") {
  std::atomic<int> running{0};
  const auto loop = [&] {
    OpenMP{4}.parallel_for(100, [&](std::size_t i) {
      ++running;
      if (i == 13) {
        --running;
        throw std::out_of_range("thirteen");
      }
      --running;
    });
  };
  CHECK_THROWS_AS(loop(), std::out_of_range);
  CHECK(running == 0);
}

}  // namespace openmp_test
