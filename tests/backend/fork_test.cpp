// SPDX-License-Identifier: MIT
// A process that was forked after threads had been used goes on alone, to the same bits.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"

#if defined(LIFELONG_SEES_FORKS)
#include <sys/wait.h>
#include <unistd.h>

namespace fork_test {

namespace ll = lifelong;

namespace {

/// Runs `body` in a forked process and returns its answer; 20 seconds are enough for it.
template <class Body>
int in_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("a child of a process with threads trains on one thread, to the same bits", "[threads]") {
  const test::RandomBatch<float> data(512, 64, 10);
  const ll::backend::OpenMP threads{2};
  const auto train = [&](auto& learner) {
    for (int step = 0; step < 3; ++step) learner.step(data.batch());
    learner.consolidate(std::vector{data.batch()});
    return std::vector<float>(learner.parameters().begin(), learner.parameters().end());
  };
  ll::Learner learner{ll::nn::mlp<float>({64, 256, 10}, {.seed = 1}, threads), ll::importance::Fisher{},
                      ll::penalty::Quadratic{}, ll::optimizer::Adam{}, threads};
  train(learner);
  auto copy = learner;
  const std::vector<float> expected = train(learner);
  CHECK(in_child([&] {
          if (threads.threads() != 1) return 2;
          return train(copy) == expected ? 0 : 1;
        }) == 0);
  CHECK(threads.threads() == 2);
  CHECK(train(copy) == expected);
}

TEST_CASE("a child of a child trains as well", "[threads]") {
  const ll::backend::OpenMP threads{2};
  std::vector<int> ran(100);
  const auto count = [&] {
    threads.parallel_for(ran.size(), [&](std::size_t i) { ++ran[i]; });
    return ran == std::vector<int>(100, ran[0]) ? ran[0] : -1;
  };
  CHECK(count() == 1);
  CHECK(in_child([&] { return count() == 2 ? in_child(count) : 99; }) == 3);
  CHECK(count() == 2);
}
#endif

}  // namespace fork_test
