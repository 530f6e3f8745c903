// SPDX-License-Identifier: MIT
// The line about a learner says on how many samples the last task's importance was estimated.
#include <lifelong/lifelong.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace estimated_on_test {

namespace ll = lifelong;
using test::TinyTask;

TEST_CASE("a recipe says on how many samples of the last task the importance was estimated", "[learner][recipe]") {
  ll::Learner learner{test::TinyModel(), ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  const std::string parts = ll::importance::Fisher{}.recipe() + "; " + ll::penalty::Quadratic{}.recipe() + "; " +
                            ll::optimizer::Sgd{}.recipe();
  CHECK(learner.recipe() == parts);
  learner.consolidate(TinyTask(1, 20));
  CHECK(learner.recipe() == parts + "; estimated on 20 samples");
  learner.consolidate(TinyTask(2, 37), {.batch_size = 10});
  CHECK(learner.recipe() == parts + "; estimated on 37 samples");
  learner.update_importance(TinyTask(3, 5));  // which is no task
  CHECK(learner.recipe() == parts + "; estimated on 37 samples");

  const TinyTask task(4, 9);
  learner.consolidate(std::vector<ll::Batch<double>>{task.all().slice(0, 4), {}, task.all().slice(4, 5)});
  CHECK(learner.recipe() == parts + "; estimated on 9 samples");
}

TEST_CASE("an importance that needs no data was estimated on none", "[learner][recipe]") {
  ll::Learner learner{test::TinyModel(), ll::importance::Constant{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  const std::string before = learner.recipe();
  learner.consolidate();
  CHECK(learner.recipe() == before);
  learner.consolidate(TinyTask(1, 37));
  CHECK(learner.recipe() == before);
}

}  // namespace estimated_on_test
