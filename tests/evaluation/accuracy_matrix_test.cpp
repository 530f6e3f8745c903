// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <span>
#include <sstream>
#include <vector>

#include <lifelong/evaluation/accuracy_matrix.hpp>

#include "catch.hpp"

namespace accuracy_matrix_test {

namespace ll = lifelong;
using test::WithinAbs;

namespace {

/// Three tasks; task 0 gets better before it is forgotten, so that the definitions of forgetting differ.
ll::AccuracyMatrix three_tasks() {
  ll::AccuracyMatrix matrix{3};
  matrix.set_initial({0.1, 0.2, 0.3});
  matrix.add_row({0.8, 0.3, 0.1});
  matrix.add_row({0.9, 0.7, 0.5});
  matrix.add_row({0.4, 0.6, 1.0});
  return matrix;
}

}  // namespace

TEST_CASE("metrics equal the papers' formulas worked by hand") {
  const ll::AccuracyMatrix matrix = three_tasks();
  CHECK(matrix.tasks() == 3);
  CHECK(matrix.rows() == 3);
  CHECK(matrix(1, 2) == 0.5);
  CHECK_THAT(matrix.average_accuracy(), WithinAbs(2.0 / 3, 1e-15));   // (0.4 + 0.6 + 1.0) / 3
  CHECK_THAT(matrix.learning_accuracy(), WithinAbs(2.5 / 3, 1e-15));  // (0.8 + 0.7 + 1.0) / 3
  CHECK_THAT(*matrix.backward_transfer(), WithinAbs(-0.25, 1e-15));   // ((0.4 - 0.8) + (0.6 - 0.7)) / 2
  CHECK_THAT(*matrix.forward_transfer(), WithinAbs(0.15, 1e-15));     // ((0.3 - 0.2) + (0.5 - 0.3)) / 2
  CHECK_THAT(*matrix.forgetting(), WithinAbs(0.3, 1e-15));            // ((0.9 - 0.4) + (0.7 - 0.6)) / 2
  CHECK_THAT(*matrix.worst_forgetting(), WithinAbs(0.5, 1e-15));      // 0.9 - 0.4
  CHECK(matrix.worst_accuracy() == 0.4);
  // (0.8 + (0.9 + 0.7) / 2 + (0.4 + 0.6 + 1.0) / 3) / 3
  CHECK_THAT(matrix.running_average(), WithinAbs((0.8 + 0.8 + 2.0 / 3) / 3, 1e-15));
  // ((0.9 - 0.8) + (0.9 - 0.7) + (0.7 - 1.0)) / 3
  CHECK_THAT(matrix.intransigence(std::vector{0.9, 0.9, 0.7}), WithinAbs(0.0, 1e-15));
}

TEST_CASE("the definitions of forgetting differ where a task has got better") {
  const ll::AccuracyMatrix matrix = three_tasks();
  CHECK_THAT(*matrix.forgetting_since_learned(), WithinAbs(0.25, 1e-15));  // ((0.8 - 0.4) + (0.7 - 0.6)) / 2
  CHECK_THAT(*matrix.forgetting_from_best(), WithinAbs(0.3, 1e-15));       // ((0.9 - 0.4) + (0.7 - 0.6)) / 2
  ll::AccuracyMatrix better{2};
  better.add_row({0.5, 0.1});
  CHECK_FALSE(better.forgetting_since_learned().has_value());
  CHECK_FALSE(better.forgetting_from_best().has_value());
  better.add_row({0.75, 0.9});
  CHECK(better.forgetting() == -0.25);
  CHECK(better.forgetting_since_learned() == -0.25);
  CHECK(better.forgetting_from_best() == 0.0);
}

TEST_CASE("metrics equal the worked values of other libraries' tests") {
  // Avalanche, tests/evaluation/test_functional_metrics.py: after task 3 forgetting is 0.8 of task 1, -0.2 of task 2
  ll::AccuracyMatrix avalanche{3};
  avalanche.add_row({1.0, 0.0, 0.0});
  avalanche.add_row({0.5, 0.8, 1.0});
  CHECK_THAT(*avalanche.forgetting_since_learned(), WithinAbs(0.5, 1e-15));
  avalanche.add_row({0.2, 1.0, 0.5});
  CHECK_THAT(*avalanche.forgetting_since_learned(), WithinAbs((0.8 - 0.2) / 2, 1e-15));
  CHECK_THAT(*avalanche.worst_forgetting(), WithinAbs(0.8, 1e-15));

  // Renate, test/renate/evaluation/metrics/test_classification.py, whose accuracies before a task's own turn are those
  // that its forward transfer takes, less 0.1 and 0.09 of the untrained model
  ll::AccuracyMatrix renate{3};
  renate.set_initial({0.1, 0.1, 0.09});
  renate.add_row({0.9362000226974487, 0.6093000173568726, 0.0});
  CHECK_THAT(renate.average_accuracy(), WithinAbs(0.9362000226974487, 1e-15));
  renate.add_row({0.8284000158309937, 0.9506999850273132, 0.3382999897003174});
  CHECK_THAT(renate.average_accuracy(), WithinAbs(0.88955000042915345, 1e-15));
  CHECK_THAT(*renate.forgetting(), WithinAbs(0.107800006866455, 1e-15));
  CHECK_THAT(*renate.forward_transfer(), WithinAbs(0.5093000173568726, 1e-15));
  renate.add_row({0.4377000033855438, 0.48260000348091125, 0.9438999891281128});
  CHECK_THAT(renate.average_accuracy(), WithinAbs(0.62139999866485596, 1e-15));
  CHECK_THAT(*renate.forgetting(), WithinAbs(0.48330000042915344, 1e-15));
  CHECK_THAT(*renate.backward_transfer(), WithinAbs(-0.48330000042915344, 1e-15));
  CHECK_THAT(*renate.forward_transfer(), WithinAbs((0.5093000173568726 + 0.2482999897003174) / 2, 1e-15));
}

TEST_CASE("metrics look at the tasks learned so far") {
  ll::AccuracyMatrix matrix{3};
  matrix.add_row({0.8, 0.3, 0.1});
  CHECK(matrix.average_accuracy() == 0.8);
  CHECK(matrix.learning_accuracy() == 0.8);
  CHECK(matrix.running_average() == 0.8);
  CHECK(matrix.worst_accuracy() == 0.8);
  CHECK_THAT(matrix.intransigence(std::vector{0.9, 0.9, 0.7}), WithinAbs(0.1, 1e-15));
  matrix.add_row({0.9, 0.7, 0.5});
  CHECK_THAT(matrix.average_accuracy(), WithinAbs(0.8, 1e-15));
  CHECK_THAT(*matrix.backward_transfer(), WithinAbs(0.1, 1e-15));
  CHECK_THAT(*matrix.forgetting(), WithinAbs(-0.1, 1e-15));
}

TEST_CASE("what is undefined is nothing, never 0") {
  ll::AccuracyMatrix matrix{2};
  CHECK_THROWS_AS(matrix.average_accuracy(), ll::InvalidArgument);
  CHECK_THROWS_AS(matrix.learning_accuracy(), ll::InvalidArgument);
  CHECK_THROWS_AS(matrix.running_average(), ll::InvalidArgument);
  CHECK_THROWS_AS(matrix.worst_accuracy(), ll::InvalidArgument);
  CHECK_THROWS_AS(matrix.intransigence(std::vector{0.5, 0.5}), ll::InvalidArgument);
  matrix.add_row({0.8, 0.3});
  CHECK_FALSE(matrix.backward_transfer().has_value());
  CHECK_FALSE(matrix.forgetting().has_value());
  CHECK_FALSE(matrix.worst_forgetting().has_value());
  CHECK_THROWS_AS(matrix.intransigence(std::vector{0.5}), ll::ShapeMismatch);
  CHECK_THROWS_AS(matrix.intransigence(std::vector{0.5, 1.5}), ll::InvalidArgument);
  CHECK_FALSE(matrix.forward_transfer().has_value());
  ll::AccuracyMatrix with_initial = matrix;
  with_initial.set_initial({0.5, 0.5});
  CHECK_FALSE(with_initial.forward_transfer().has_value());
  matrix.add_row({0.8, 0.3});
  CHECK(matrix.backward_transfer() == 0.0);
  CHECK_FALSE(matrix.forward_transfer().has_value());  // no initial row
  matrix.set_initial({0.5, 0.25});
  CHECK_THAT(*matrix.forward_transfer(), WithinAbs(0.05, 1e-15));
}

TEST_CASE("rows that cannot be are refused and leave the matrix as it was") {
  ll::AccuracyMatrix matrix{2};
  CHECK_THROWS_AS(ll::AccuracyMatrix{0}, ll::InvalidArgument);
  CHECK_THROWS_AS(matrix.add_row({0.5}), ll::ShapeMismatch);
  CHECK_THROWS_AS(matrix.set_initial({0.5, 0.5, 0.5}), ll::ShapeMismatch);
  const double bad = GENERATE(-0.001, 1.001, 50.0, std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_AS(matrix.add_row({0.5, bad}), ll::InvalidArgument);
  CHECK_THROWS_AS(matrix.set_initial({0.5, bad}), ll::InvalidArgument);
  CHECK(matrix.rows() == 0);
  CHECK_THROWS_AS(matrix(0, 0), ll::InvalidArgument);
  const std::vector<double> row{0.0, 1.0};
  matrix.add_row(row);
  CHECK_THROWS_AS(matrix(0, 2), ll::InvalidArgument);
  matrix.add_row(row);
  CHECK(test::message_of<ll::InvalidArgument>([&] { matrix.add_row(row); }) ==
        "AccuracyMatrix already has a row for each of its 2 tasks");
}

TEST_CASE("the table is in percent and aligned") {
  std::ostringstream out;
  out << three_tasks();
  CHECK(out.str() ==
        "after \\ on      1      2      3\n"
        "         0   10.0   20.0   30.0\n"
        "         1   80.0   30.0   10.0\n"
        "         2   90.0   70.0   50.0\n"
        "         3   40.0   60.0  100.0\n");
}

}  // namespace accuracy_matrix_test
