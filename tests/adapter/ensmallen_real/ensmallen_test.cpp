// SPDX-License-Identifier: MIT
// The adapter on the real ensmallen and Armadillo, where they are installed.
#include <lifelong/adapter/ensmallen.hpp>
#include <lifelong/lifelong.hpp>

#include <ensmallen.hpp>
#include <ensmallen_bits/problems/logistic_regression_function.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "catch.hpp"

namespace ll = lifelong;

namespace {

struct Data {
  arma::mat inputs = arma::mat(2, 60);
  arma::Row<std::size_t> labels = arma::Row<std::size_t>(60);

  Data() {
    const ll::Random random(3);
    for (arma::uword n = 0; n < 60; ++n) {
      labels(n) = n % 2;
      inputs(0, n) = random.normal(2 * n) + (n % 2 == 0 ? 1 : -1);
      inputs(1, n) = random.normal(2 * n + 1);
    }
  }
};

}  // namespace

TEST_CASE("a learner takes the steps of ensmallen's own SGD", "[ensmallen]") {
  Data data;
  ens::test::LogisticRegressionFunction<arma::mat> function(data.inputs, data.labels);
  arma::mat theirs = function.InitialPoint(), ours = theirs;
  ens::StandardSGD sgd(0.2, 8, 60, -1, false);
  sgd.ResetPolicy() = true;
  sgd.Optimize(function, theirs);

  // [ensmallen]
  ll::Learner learner{ll::adapter::separable(function, ours),  // of mlpack's networks: separable(network)
                      ll::importance::Fisher{.labels = ll::importance::Labels::empirical}, ll::penalty::Quadratic{},
                      ll::optimizer::Sgd{.learning_rate = 0.2}};
  const auto ranges = ll::adapter::ranges(function.NumFunctions(), 8);
  for (const ll::adapter::FunctionRange& range : ranges) learner.step(range);
  learner.consolidate(ranges);
  // [ensmallen]
  CHECK(arma::abs(ours - theirs).max() < 1e-14);
  CHECK(arma::abs(ours).max() > 0.1);

  arma::mat gradient(ours.n_rows, ours.n_cols), expected(ours.n_rows, ours.n_cols, arma::fill::zeros);
  for (std::size_t n = 0; n < 60; ++n) {
    function.Gradient(ours, n, gradient, 1);
    expected += gradient % gradient / 60;
  }
  for (arma::uword i = 0; i < ours.n_elem; ++i)
    CHECK_THAT(learner.importance()[i], test::WithinRel(expected(i), 1e-12));
}
