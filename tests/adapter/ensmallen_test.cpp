// SPDX-License-Identifier: MIT
// Functions shaped as ensmallen's and mlpack's: a model like any other. Real ones: tests/adapter/ensmallen_real.
#include <lifelong/adapter/ensmallen.hpp>
#include <lifelong/lifelong.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace ensmallen_test {

namespace ll = lifelong;
using ll::adapter::FunctionRange;

namespace {

/// What arma::mat is here: column-major, on its own memory or another's.
class Matrix {
 public:
  using elem_type = double;
  std::size_t n_rows = 0, n_cols = 0;

  Matrix(std::size_t rows, std::size_t columns)
      : n_rows(rows), n_cols(columns), own_(rows * columns), data_(own_.data()) {}
  Matrix(double* memory, std::size_t rows, std::size_t columns, bool copy, bool strict)
      : n_rows(rows), n_cols(columns), data_(memory) {
    REQUIRE(!copy);
    REQUIRE(strict);
  }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;

  double* memptr() { return data_; }
  const double* memptr() const { return data_; }

  /// As a function does that does not care where its gradient lies.
  void move_elsewhere() {
    own_.assign(data_, data_ + n_rows * n_cols);
    data_ = own_.data();
  }

 private:
  std::vector<double> own_;
  double* data_;
};

/// The loss of a `TinyModel` at each sample of a task as a sum of functions, with parameters of its own.
struct Network {
  test::TinyTask task{5};
  test::TinyModel model{3};
  Matrix theta{9, 3};
  bool moves = false;

  Network() { std::copy(model.theta.begin(), model.theta.end(), theta.memptr()); }

  Matrix& Parameters() { return theta; }
  std::size_t NumFunctions() const { return task.size(); }
  double EvaluateWithGradient(const Matrix& parameters, const std::size_t begin, Matrix& gradient,
                              const std::size_t batchSize) {
    CHECK(&parameters == &theta);
    model.theta.assign(parameters.memptr(), parameters.memptr() + 27);
    const ll::Batch<double> all = task.all();
    const double mean = model.gradient(
        {batchSize, 4, all.inputs.subspan(begin * 4, batchSize * 4), all.labels.subspan(begin, batchSize)},
        std::span(gradient.memptr(), 27));
    for (std::size_t i = 0; i < 27; ++i) gradient.memptr()[i] *= static_cast<double>(batchSize);
    if (moves) gradient.move_elsewhere();
    return mean * static_cast<double>(batchSize);
  }
};

/// The same as two calls, at any parameters.
struct TwoCalls {
  Network network;
  std::size_t NumFunctions() const { return network.NumFunctions(); }
  double Evaluate(const Matrix& parameters, const std::size_t begin, const std::size_t batchSize) {
    Matrix ignored(9, 3);
    return evaluate(parameters, begin, ignored, batchSize);
  }
  void Gradient(const Matrix& parameters, const std::size_t begin, Matrix& gradient, const std::size_t batchSize) {
    evaluate(parameters, begin, gradient, batchSize);
  }

 private:
  double evaluate(const Matrix& parameters, std::size_t begin, Matrix& gradient, std::size_t size) {
    std::copy(parameters.memptr(), parameters.memptr() + 27, network.theta.memptr());
    return network.EvaluateWithGradient(network.theta, begin, gradient, size);
  }
};

std::vector<double> copy_of(std::span<const double> values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("a separable function learns as the model it is made of", "[ensmallen]") {
  Network network;
  network.moves = GENERATE(false, true);
  const test::TinyModel plain = network.model;
  const ll::importance::Fisher fisher{.labels = ll::importance::Labels::empirical};
  ll::Learner theirs{ll::adapter::separable(network), fisher, ll::penalty::Quadratic{.strength = 2},
                     ll::optimizer::Momentum{.learning_rate = 0.1}};
  ll::Learner ours{plain, fisher, ll::penalty::Quadratic{.strength = 2}, ll::optimizer::Momentum{.learning_rate = 0.1}};
  const auto all = ll::adapter::ranges(network.NumFunctions(), 10);
  REQUIRE(all.size() == 3);
  CHECK(all[2].first == 20);
  CHECK(all[2].size == 3);
  for (int task = 0; task < 2; ++task) {
    for (int step = 0; step < 20; ++step)
      CHECK_THAT(theirs.step(FunctionRange{0, 23}).loss, test::WithinRel(ours.step(network.task.all()).loss, 1e-12));
    theirs.consolidate(all);
    ours.consolidate(std::vector{network.task.all()});
  }
  for (std::size_t i = 0; i < 27; ++i) {
    CHECK_THAT(theirs.parameters()[i], test::WithinRel(ours.parameters()[i], 1e-12));
    CHECK_THAT(theirs.importance()[i], test::WithinRel(ours.importance()[i], 1e-12));
  }
  CHECK(theirs.parameters().data() == network.Parameters().memptr());
}

TEST_CASE("a separable function may be evaluated and differentiated apart, at parameters of the caller",
          "[ensmallen]") {
  TwoCalls function;
  Matrix start(9, 3);
  std::copy_n(function.network.theta.memptr(), 27, start.memptr());
  auto model = ll::adapter::separable(function, start);
  Network network;
  auto expected = ll::adapter::separable(network);
  std::vector<double> gradient(27), other(27);
  CHECK(model.gradient({3, 5}, gradient) == expected.gradient({3, 5}, other));
  CHECK(gradient == other);
  CHECK(copy_of(model.parameters()) == copy_of(expected.parameters()));
}

TEST_CASE("a range that is none of the functions is refused", "[ensmallen]") {
  Network network;
  auto model = ll::adapter::separable(network);
  std::vector<double> gradient(27);
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          model.gradient({20, 4}, gradient);
        }) == "the batch [20, 24) must be a range of at least one of the 23 functions");
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          model.gradient({0, 0}, gradient);
        }) == "the batch [0, 0) must be a range of at least one of the 23 functions");
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          model.gradient({0, 1}, std::span(gradient).first(5));
        }) == "the gradient has 5 elements where 27 are needed");
  CHECK(test::message_of<ll::InvalidArgument>([] { static_cast<void>(ll::adapter::ranges(3, 0)); }) ==
        "the batch size must be a finite number of at least 1, but is 0");
}

TEST_CASE("parameters alone are a model for a loop that brings its gradients", "[ensmallen]") {
  struct Parameters {
    using value_type = double;
    std::vector<double> theta;
    std::span<double> parameters() { return theta; }
  };
  ll::Learner learner{Parameters{{1, 2}}, ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{},
                      ll::optimizer::Sgd{.learning_rate = 0.5}};
  learner.step(std::vector<double>{2, -2});
  learner.consolidate();
  CHECK(copy_of(learner.parameters()) == std::vector<double>{0, 3});
  CHECK(learner.importance()[0] > 0);
}

}  // namespace ensmallen_test
