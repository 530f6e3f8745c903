// SPDX-License-Identifier: MIT
// Every metric against its plain formula in double, with weights and ranges; what does not fit is an error.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/evaluation/evaluate.hpp>
#include <lifelong/evaluation/predict.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/weighted.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace metric_test {

namespace ll = lifelong;
namespace metric = lifelong::metric;

namespace {

/// The outputs are the first inputs.
template <class L = ll::nn::MeanSquaredError>
struct Echo {
  using value_type = double;
  std::size_t count;
  std::size_t width = count;
  std::vector<std::size_t> chunks = {};

  std::size_t inputs() const { return width; }
  std::size_t outputs() const { return count; }
  L loss_function() const { return {}; }
  void predict(const ll::Batch<double>& batch, std::span<double> out) {
    chunks.push_back(batch.size);
    for (std::size_t n = 0; n < batch.size; ++n)
      for (std::size_t c = 0; c < count; ++c) out[n * count + c] = batch.inputs[n * width + c];
  }
};

ll::Dataset<double> regression() { return {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {1, 1, 4, 4, 3, 7, 7, 7, 12, 9}, 2, {2}}; }

const std::vector<double> weights{1, 0, 2.5, 0.5, 3};

/// Reads with other ranges of outputs.
template <class Source>
struct Ranged {
  Source source;
  std::size_t size() const { return source.size(); }
  std::size_t features() const { return source.features(); }
  std::size_t targets() const { return source.targets(); }
  void read(std::size_t i, ll::ExampleRow<double> row) const {
    source.read(i, row);
    row.active = {i % 2 == 0 ? 0u : 1u, 1};
  }
};

template <class E, class Model, class Source, class M>
std::string refusal(Model model, const Source& source, const M& what) {
  return test::message_of<E>([&] { (void)ll::evaluate(model, source, what); });
}

}  // namespace

TEST_CASE("regression metrics are their formulas, with weights", "[evaluation][metric]") {
  Echo<> model{2};
  const auto data = regression();
  const auto plain = [&](const std::vector<double>& w) {
    double squares = 0, total = 0, around = 0;
    for (std::size_t n = 0; n < 5; ++n) total += w[n];
    for (std::size_t c = 0; c < 2; ++c) {
      double mean = 0;
      for (std::size_t n = 0; n < 5; ++n) mean += w[n] * data.target_values()[2 * n + c] / total;
      for (std::size_t n = 0; n < 5; ++n) {
        const double t = data.target_values()[2 * n + c];
        squares += w[n] * std::pow(data.inputs()[2 * n + c] - t, 2);
        around += w[n] * std::pow(t - mean, 2);
      }
    }
    return std::pair(squares / total / 2, 1 - squares / around);
  };
  for (const bool weighted : {false, true}) {
    const auto [error, explained] = plain(weighted ? weights : std::vector<double>(5, 1.0));
    const auto source = ll::weighted(data, weighted ? weights : std::vector<double>(5, 1.0));
    for (const std::size_t batch_size : {std::size_t{1}, std::size_t{2}, std::size_t{512}}) {
      const ll::backend::OpenMP backend{3};
      CHECK(std::abs(ll::evaluate(model, source, metric::MeanSquaredError{}, backend, batch_size) - error) < 1e-12);
      CHECK(std::abs(ll::evaluate(model, source, metric::Loss{}, backend, batch_size) - error) < 1e-12);
      CHECK(std::abs(ll::evaluate(model, source, metric::RSquared{}, backend, batch_size) - explained) < 1e-12);
    }
  }
  CHECK(ll::evaluate(model, data, metric::RSquared{}) == ll::evaluate(model, data, metric::RSquared{}, {}, 1));
}

TEST_CASE("R squared is 1 for perfect outputs and 0 for the mean", "[evaluation][metric]") {
  Echo<> model{1};
  CHECK(ll::evaluate(model, ll::Dataset<double>({1, 2, 4}, {1, 2, 4}, 1, {1}), metric::RSquared{}) == 1);
  CHECK(ll::evaluate(model, ll::Dataset<double>({2, 2, 2}, {1, 2, 3}, 1, {1}), metric::RSquared{}) == 0);
  // Targets far from 0 lose no digits.
  CHECK(std::abs(ll::evaluate(model, ll::Dataset<double>({1e9 + 1, 1e9 + 3}, {1e9 + 1, 1e9 + 2}, 1, {1}),
                              metric::RSquared{}) +
                 1) < 1e-12);
  CHECK(refusal<ll::InvalidArgument>(model, ll::Dataset<double>({1, 2}, {3, 3}, 1, {1}), metric::RSquared{}) ==
        "R squared: all targets are the same, so there is no variance to explain");
}

TEST_CASE("binary accuracy compares logits with 0", "[evaluation][metric]") {
  Echo<ll::nn::LogisticCrossEntropy> one{1}, two{2};
  const ll::Dataset<double> labels({-1, 2, 0, 3}, std::vector<std::int32_t>{0, 1, 1, 0}, {1});
  CHECK(ll::evaluate(one, labels, metric::BinaryAccuracy{}) == 0.5);
  CHECK(ll::evaluate(one, ll::weighted(labels, {1, 1, 0, 2}), metric::BinaryAccuracy{}) == 0.5);
  CHECK(ll::evaluate(one, ll::weighted(labels, {1, 5, 1, 1}), metric::BinaryAccuracy{}) == 0.75);
  const ll::Dataset<double> targets({-1, 2, 0.5, 3}, std::vector<double>{0, 1, 0, 1}, 2, {2});
  CHECK(ll::evaluate(two, targets, metric::BinaryAccuracy{}) == 0.75);
  CHECK(ll::evaluate(two, Ranged<ll::Dataset<double>>{targets}, metric::BinaryAccuracy{}) == 1);
  CHECK(ll::evaluate(two, ll::Dataset<double>({-1, 2, 3, -1}, std::vector<std::int32_t>{1, 1}, {2}),
                     metric::BinaryAccuracy{}) == 0.5);
  const double loss = ll::evaluate(one, labels, metric::Loss{});
  CHECK(std::abs(loss - (std::log1p(std::exp(-1)) + std::log1p(std::exp(-2)) + std::log(2) + std::log1p(std::exp(3))) /
                            4) < 1e-12);
}

TEST_CASE("accuracy and loss of classes have weights", "[evaluation][metric]") {
  Echo<ll::nn::SoftmaxCrossEntropy> model{2};
  const ll::Dataset<double> data({1, 0, 0, 1, 1, 0, 0, 1}, std::vector<std::int32_t>{0, 1, 1, 0}, {2});
  CHECK(ll::accuracy(model, ll::weighted(data, {3, 1, 0, 1})) == 0.8);
  CHECK(ll::accuracy(model, ll::class_weights(data, {1, 3})) == 0.5);
  const double right = std::log1p(std::exp(-1)), wrong = std::log1p(std::exp(1));
  CHECK(std::abs(ll::evaluate(model, ll::weighted(data, {3, 1, 0, 1}), metric::Loss{}) - (4 * right + wrong) / 5) <
        1e-12);
}

TEST_CASE("the calibration error is the gap between confidence and right answers, bin by bin", "[evaluation][metric]") {
  Echo<ll::nn::SoftmaxCrossEntropy> model{2};
  const double even = 0, sure = std::log(9.0);  // the softmax of (log 9, 0) is 0.9 and 0.1
  const ll::Dataset<double> data({sure, even, sure, even, even, sure, sure, even, even, even},
                                 std::vector<std::int32_t>{0, 0, 1, 1, 0}, {2});
  // four answers with 0.9, three of them right; one with 0.5, which is right: the first of equals
  const double expected = 0.8 * std::abs(0.75 - 0.9) + 0.2 * std::abs(1 - 0.5);
  CHECK(std::abs(ll::evaluate(model, data, metric::CalibrationError{}) - expected) < 1e-12);
  // in one bin: mean confidence 0.82, four of five right
  CHECK(std::abs(ll::evaluate(model, data, metric::CalibrationError{.bins = 1}) - 0.02) < 1e-12);
  // with weights the first two are 1 and 3 times there, the others not
  const std::vector<double> weighing{1, 0, 0, 3, 0};
  CHECK(std::abs(ll::evaluate(model, ll::weighted(data, weighing), metric::CalibrationError{}) - std::abs(0.25 - 0.9)) <
        1e-12);
}

TEST_CASE("logits that differ by far are a calibration without overflow", "[evaluation][metric]") {
  Echo<ll::nn::SoftmaxCrossEntropy> model{2};
  const ll::Dataset<double> data({1e300, -1e300, -1e300, 1e300}, std::vector<std::int32_t>{0, 0}, {2});
  CHECK(ll::evaluate(model, data, metric::CalibrationError{}) == 0.5);
}

TEST_CASE("examples of weight 0 change no bit of a metric, whatever they are", "[evaluation][metric]") {
  Echo<ll::nn::SoftmaxCrossEntropy> model{2};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const ll::Dataset<double> all({1, 0, nan, 7, 0.25, 0.5}, std::vector<std::int32_t>{0, 9, 0}, {2}),
      some({1, 0, 0.25, 0.5}, std::vector<std::int32_t>{0, 0}, {2});
  for (const std::size_t batch_size : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    CHECK(ll::evaluate(model, ll::ignore_label(all, 9), metric::Accuracy{}, {}, batch_size) ==
          ll::evaluate(model, some, metric::Accuracy{}, {}, batch_size));
    CHECK(ll::evaluate(model, ll::ignore_label(all, 9), metric::Loss{}, {}, batch_size) ==
          ll::evaluate(model, some, metric::Loss{}, {}, batch_size));
  }
  CHECK(refusal<ll::InvalidArgument>(model, ll::weighted(some, {0, 0}), metric::Accuracy{}) ==
        "accuracy: all examples have the weight 0");
}

TEST_CASE("a metric that does not fit is an error by name", "[evaluation][metric][errors]") {
  const ll::Dataset<double> labels({1, 2, 3, 4}, std::vector<std::int32_t>{0, 2}, {2}), targets = regression();
  CHECK(refusal<ll::InvalidArgument>(Echo<>{2}, labels, metric::MeanSquaredError{}) ==
        "mean squared error: the examples have class labels, no real targets");
  CHECK(refusal<ll::InvalidArgument>(Echo<>{2}, labels, metric::CalibrationError{.bins = 0}) ==
        "CalibrationError.bins must be a finite number of at least 1, but is 0");
  CHECK(refusal<ll::InvalidArgument>(Echo<>{2}, labels, metric::RSquared{}) ==
        "R squared: the examples have class labels, no real targets");
  CHECK(refusal<ll::InvalidArgument>(Echo<>{2}, labels, metric::Loss{}) ==
        "loss: the examples have class labels, no real targets");
  CHECK(refusal<ll::InvalidArgument>(Echo<ll::nn::SoftmaxCrossEntropy>{2}, targets, metric::Loss{}) ==
        "loss: the model's loss needs class labels, but the examples have real targets");
  CHECK(refusal<ll::InvalidArgument>(Echo<>{2}, targets, metric::Accuracy{}) ==
        "accuracy: the examples have real targets, and only class labels can be met exactly");
  CHECK(refusal<ll::ShapeMismatch>(Echo<>{1, 2}, targets, metric::MeanSquaredError{}) ==
        "mean squared error: the examples have 2 targets where the model has 1 outputs");
  CHECK(refusal<ll::InvalidArgument>(Echo<ll::nn::SoftmaxCrossEntropy>{2}, labels, metric::Loss{}) ==
        "loss: the label of example 1 is 2, not one of the active outputs [0, 2)");
  CHECK(refusal<ll::InvalidArgument>(Echo<>{1, 2}, labels, metric::BinaryAccuracy{}) ==
        "binary accuracy: the label of example 1 is 2, but the answer of a single output is 0 or 1");
  CHECK(refusal<ll::InvalidArgument>(Echo<>{2}, labels, metric::BinaryAccuracy{}) ==
        "binary accuracy: the label of example 1 is 2, not one of the active outputs [0, 2)");
}

TEST_CASE("predict takes plain arrays, in chunks", "[evaluation][predict]") {
  Echo<> model{2, 3};
  const std::vector<double> inputs{1, 2, 3, 4, 5, 6, 7, 8, 9};
  CHECK(ll::predict(model, inputs) == std::vector<double>{1, 2, 4, 5, 7, 8});
  std::vector<double> out(6);
  model.chunks.clear();
  ll::predict(model, inputs, out, 2);
  CHECK(out == std::vector<double>{1, 2, 4, 5, 7, 8});
  CHECK(model.chunks == std::vector<std::size_t>{2, 1});
  CHECK(ll::predict(model, {}).empty());
}

TEST_CASE("predict checks the shape before anything is computed", "[evaluation][predict][errors]") {
  Echo<> model{2, 3};
  std::vector<double> inputs(7), out(4);
  CHECK(test::message_of<ll::ShapeMismatch>([&] { (void)ll::predict(model, inputs); }) ==
        "predict: the array has 7 inputs, not a multiple of the 3 that the model takes");
  inputs.resize(9);
  CHECK(test::message_of<ll::ShapeMismatch>([&] { ll::predict(model, inputs, out); }) ==
        "the array for the outputs has 4 elements where 6 are needed");
  inputs[5] = std::numeric_limits<double>::infinity();
  CHECK(test::message_of<ll::NumericError>([&] { (void)ll::predict(model, inputs); }) ==
        "predict: input 2 of row 1 is inf");
  out.resize(6);
  inputs[5] = 0;
  CHECK_THROWS_AS(ll::predict(model, inputs, out, 0), ll::InvalidArgument);
  CHECK(model.chunks.empty());
}

}  // namespace metric_test
