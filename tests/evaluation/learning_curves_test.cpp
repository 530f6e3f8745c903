// SPDX-License-Identifier: MIT
#include <limits>
#include <vector>

#include <lifelong/evaluation/learning_curves.hpp>

#include "catch.hpp"

namespace learning_curves_test {

namespace ll = lifelong;
using test::WithinAbs;

namespace {

/// Task 1 falls to 0.3 while task 2 begins, comes back to 0.7, and falls again, with task 2, while task 3 is learned.
ll::LearningCurves three_tasks() {
  ll::LearningCurves curves;
  curves.begin_task({0.1});
  curves.add({0.5});
  curves.add({0.9});
  curves.begin_task({0.9, 0.2});
  curves.add({0.3, 0.6});
  curves.add({0.7, 0.8});
  curves.begin_task({0.7, 0.8, 0.0});
  curves.add({0.5, 0.4, 0.6});
  curves.add({0.4, 0.6, 1.0});
  return curves;
}

}  // namespace

TEST_CASE("metrics of the course equal the formulas worked by hand") {
  const ll::LearningCurves curves = three_tasks();
  CHECK(curves.tasks() == 3);
  CHECK_THAT(*curves.min_accuracy(), WithinAbs((0.3 + 0.4) / 2, 1e-15));
  CHECK_THAT(*curves.worst_case_accuracy(), WithinAbs(1.0 / 3 + 2.0 / 3 * 0.35, 1e-15));
  // task 2: 0.9 before, 0.7 at the end, 0.3 between; task 3: (0.7 + 0.8)/2 before, 0.5 at the end, 0.45 between
  CHECK_THAT(*curves.stability_gap(), WithinAbs((0.4 + 0.05) / 2, 1e-15));
  CHECK_THAT(curves.area(), WithinAbs(((0.1 + 0.5 + 0.9) / 3 + (0.2 + 0.6 + 0.8) / 3 + 1.6 / 3) / 3, 1e-15));
}

TEST_CASE("without a second task there is nothing old that could fall") {
  ll::LearningCurves curves;
  CHECK_THROWS_AS(curves.area(), ll::InvalidArgument);
  curves.begin_task({0.25});
  CHECK(curves.area() == 0.25);
  CHECK_FALSE(curves.min_accuracy().has_value());
  CHECK_FALSE(curves.worst_case_accuracy().has_value());
  CHECK_FALSE(curves.stability_gap().has_value());
}

TEST_CASE("a task that was only tested at its ends shows no gap") {
  ll::LearningCurves curves;
  curves.begin_task({0.1});
  curves.add({0.9});
  curves.begin_task({0.9, 0.1});
  curves.add({0.6, 0.8});
  CHECK(curves.stability_gap() == 0.0);
  CHECK(curves.min_accuracy() == 0.6);
}

TEST_CASE("moments that cannot be are refused and leave the curves as they were") {
  ll::LearningCurves curves;
  CHECK(test::message_of<ll::InvalidArgument>([&] { curves.add({0.5}); }) ==
        "LearningCurves.add: begin_task comes first");
  CHECK_THROWS_AS(curves.begin_task({0.5, 0.5}), ll::ShapeMismatch);
  const double bad = GENERATE(-0.001, 1.001, std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_AS(curves.begin_task({bad}), ll::InvalidArgument);
  CHECK(curves.tasks() == 0);
  curves.begin_task({0.5});
  CHECK_THROWS_AS(curves.add({0.5, 0.5}), ll::ShapeMismatch);
  CHECK_THROWS_AS(curves.add({bad}), ll::InvalidArgument);
  CHECK(curves.area() == 0.5);
}

}  // namespace learning_curves_test
