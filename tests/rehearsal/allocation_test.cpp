// SPDX-License-Identifier: MIT
// Rehearsals allocate nothing per step after warm-up.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn/mlp.hpp>
#include <lifelong/rehearsal/averaged_gem.hpp>
#include <lifelong/rehearsal/dark_experience.hpp>
#include <lifelong/rehearsal/distillation.hpp>
#include <lifelong/rehearsal/gem.hpp>
#include <lifelong/rehearsal/icarl.hpp>
#include <lifelong/rehearsal/replay.hpp>

#include <cstddef>

#include "allocations.hpp"
#include "catch.hpp"
#include "tiny_model.hpp"

namespace allocation_test {

namespace ll = lifelong;

TEMPLATE_TEST_CASE("a rehearsal allocates nothing after warm-up", "[rehearsal][allocation]", ll::rehearsal::Replay,
                   ll::rehearsal::DerPlusPlus, ll::rehearsal::Distillation, ll::rehearsal::ICarl, ll::rehearsal::AGem,
                   ll::rehearsal::Gem) {
#if !defined(LIFELONG_TEST_COUNTS_ALLOCATIONS)
  WARN("skipped: allocations are counted with glibc and without sanitizers only");
#else
  TestType policy;
  if constexpr (requires { policy.capacity; }) {
    policy.capacity = 30;
    policy.batch_size = 8;
  }
  ll::Learner learner{ll::nn::mlp<double>({4, 20, 3}), ll::importance::Fisher{}, ll::penalty::Quadratic{},
                      ll::optimizer::Adam{}, policy};
  const test::TinyTask first(1, 40), second(2, 40);
  const auto step = [&](const test::TinyTask& task, std::size_t n) { learner.step(task.all().slice(n, 10)); };
  for (std::size_t n = 0; n < 40; n += 10) step(first, n);
  learner.consolidate(first);
  for (std::size_t n = 0; n < 20; n += 10) step(second, n);
  const std::size_t before = allocations;
  for (std::size_t n = 0; n < 40; n += 10) step(second, n);
  CHECK(allocations - before == 0);
#endif
}

}  // namespace allocation_test
