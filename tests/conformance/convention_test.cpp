// SPDX-License-Identifier: MIT
// Learners with the settings of other codebases have the same bits on every backend.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/conventions.hpp>
#include <lifelong/lifelong.hpp>

#include "catch.hpp"
#include "conformance.hpp"

namespace convention_test {

namespace {

namespace cv = lifelong::convention;

template <class Recipe>
void require_same(const Recipe& recipe) {
  INFO(recipe.convention.name);
  test::require_same_training(recipe.importance, recipe.penalty, lifelong::optimizer::Momentum{.learning_rate = 0.05});
}

}  // namespace

TEST_CASE("conventions of agem are the same on every backend") {
  require_same(cv::agem::ewc(0.3, 0.9, 2));
  require_same(cv::agem::rwalk(0.3, 0.9, 2));
}

TEST_CASE("conventions of avalanche are the same on every backend") {
  require_same(cv::avalanche::si(0.3));
  require_same(cv::avalanche::rwalk(0.3, 0.9, 2));
}

TEST_CASE("conventions of hw14 are the same on every backend") {
  require_same(cv::hw14::ewc(0.3));
  require_same(cv::hw14::scp(0.3, 5));
  require_same(cv::hw14::si(0.3));
  require_same(cv::hw14::rwalk(0.3));
}

TEST_CASE("conventions of gem and gmvdv are the same on every backend") {
  require_same(cv::gem::ewc(0.3, 2));
  require_same(cv::gmvdv::ewc(0.3));
}

}  // namespace convention_test
