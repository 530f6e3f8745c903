// SPDX-License-Identifier: MIT
// The counts of a learner are in its checkpoint, each under its name, and come back from it.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace checkpoint_counts_test {

namespace ll = lifelong;

namespace {

auto make() {
  return ll::Learner{test::TinyModel(), ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Momentum{}};
}

}  // namespace

TEST_CASE("a learner's counts are shown in a fixed order, by name", "[checkpoint]") {
  auto learner = make();
  learner.consolidate(test::TinyTask(1, 37));
  learner.fit(test::TinyTask(2, 10), {.epochs = 3, .batch_size = 4});
  std::vector<std::string> counts;
  learner.state().visit([](const std::string&, auto&) {},
                        [&](const std::string& name, auto& number) {
                          if (name.rfind("learner.", 0) == 0)
                            counts.push_back(name + " " + std::to_string(static_cast<std::uint64_t>(number)));
                        });
  CHECK(counts == std::vector<std::string>{"learner.optimizer_steps 9", "learner.task_steps 9", "learner.tasks 1",
                                           "learner.epochs_trained 3", "learner.fit_steps 9", "learner.fit_batches 3",
                                           "learner.estimated_on 37"});
}

TEST_CASE("a learner from a checkpoint says on how many samples its importance was estimated", "[checkpoint]") {
  auto learner = make(), restored = make();
  learner.consolidate(test::TinyTask(1, 37));
  CHECK_THAT(learner.recipe(), test::ContainsSubstring("; estimated on 37 samples"));
  ll::io::restore(ll::io::checkpoint(learner), restored);
  CHECK(restored.recipe() == learner.recipe());
}

}  // namespace checkpoint_counts_test
