// SPDX-License-Identifier: MIT
// An importance takes the likelihood of the model's loss, and is refused when the learner is made where none fits.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"

namespace fit_test {

namespace ll = lifelong;
using namespace lifelong::importance;

namespace {

/// A loss that does not say which likelihood it is.
struct OwnLoss {
  static constexpr bool uses_labels = false;
  template <class T>
  double differentiate(std::span<T> row, const ll::SampleContext<T>& sample) const {
    return ll::nn::MeanSquaredError{}.differentiate(row, sample);
  }
};
/// One that says it, and is not curved.
struct YesNoLoss : OwnLoss {
  using Likelihood = Bernoulli;
};
struct CountLikelihood : Gaussian {};
struct CountLoss : OwnLoss {
  using Likelihood = CountLikelihood;
};

template <class Loss>
auto network(std::size_t outputs, Loss loss = {}) {
  return ll::nn::sequential<double>(ll::nn::Shape{2}, std::tuple{ll::nn::Linear{2, outputs}}, 1, ll::backend::Serial{},
                                    loss);
}

/// A model of one's own: a line without a loss that could be asked.
struct Line {
  using value_type = float;
  std::size_t count = 1;
  std::vector<float> theta = {1, 2};

  std::span<float> parameters() { return theta; }
  std::size_t outputs() { return count; }  // not const
  double gradient(const ll::Batch<float>&, std::span<float>) { return 0; }
  void predict(const ll::Batch<float>& batch, std::span<float> out) {
    for (std::size_t i = 0; i < batch.size * count; ++i) out[i] = theta[0] * batch.inputs[i / count];
  }
  void pullback(const ll::Batch<float>& batch, std::span<const float> cotangents, std::span<float> out) {
    out[0] = out[1] = 0;
    for (std::size_t i = 0; i < batch.size * count; ++i) out[0] += cotangents[i] * batch.inputs[i / count];
  }
};
struct GrowingLine : Line {
  void grow(std::size_t outputs) { count += outputs; }
};
struct GradientOnly {
  using value_type = float;
  std::vector<float> theta = {1};
  std::span<float> parameters() { return theta; }
  std::size_t outputs() const { return 1; }
  double gradient(const ll::Batch<float>&, std::span<float>) { return 0; }
};

template <class Importance, class Model>
auto learner(const Importance& importance, const Model& model) {
  return ll::Learner{model, importance, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
}
template <class Importance, class Model>
std::string refusal(const Importance& importance, const Model& model) {
  return test::message_of<ll::InvalidArgument>([&] { (void)learner(importance, model); });
}

const std::string of_one =
    "softmax of one output is always 1, so every importance would be 0: use BernoulliFisher for yes-or-no answers, "
    "GaussianFisher for a regression";

}  // namespace

TEST_CASE("the Fisher information asks the model's loss for its likelihood", "[importance][fit]") {
  const std::vector<double> inputs{1, 0.5, -1, 2}, targets{1, 0, 0, 1};
  const auto of = [&](const auto& importance, auto model) {
    std::vector<double> out(model.parameters().size());
    const std::vector<ll::Batch<double>> batches{{.size = 2, .features = 2, .inputs = inputs, .targets = targets}};
    estimate(importance, model, batches, out);
    return out;
  };
  const auto regression = network(2, ll::nn::MeanSquaredError{});
  const auto yes_no = network(2, ll::nn::LogisticCrossEntropy{});
  for (const Labels labels : {Labels::exact, Labels::sampled, Labels::empirical}) {
    CHECK(of(Fisher{.labels = labels}, regression) == of(GaussianFisher{.labels = labels}, regression));
    CHECK(of(Fisher{.labels = labels}, yes_no) == of(BernoulliFisher{.labels = labels}, yes_no));
    CHECK(of(Fisher{.labels = labels}, network(2, YesNoLoss{})) ==
          of(BernoulliFisher{.labels = labels}, network(2, OwnLoss{})));
  }
  CHECK(of(Fisher{}, network(2, ll::nn::SoftmaxCrossEntropy{})) ==
        of(CategoricalFisher{}, network(2, ll::nn::SoftmaxCrossEntropy{})));
  CHECK(of(Fisher{}, network(2, OwnLoss{})) == of(CategoricalFisher{}, network(2, OwnLoss{})));
  CHECK(of(BatchFisher{}, regression) == of(GaussianBatchFisher{}, regression));
  CHECK(Fisher{}.recipe() == CategoricalFisher{}.recipe());

  const auto factors = [&](const auto& importance) {
    auto model = regression;
    return estimate(importance, model, std::vector<ll::Batch<double>>{{.size = 2, .features = 2, .inputs = inputs}});
  };
  CHECK(factors(ll::nn::KroneckerFisher{}).layers[0].g == factors(ll::nn::KroneckerFisherOf<Gaussian>{}).layers[0].g);
}

TEST_CASE("labels that the likelihood of the loss cannot give are refused", "[importance][fit]") {
  const auto regression = network(2, ll::nn::MeanSquaredError{});
  const auto expected = test::ContainsSubstring("Labels::predicted needs a likelihood with a mode(...)");
  CHECK_NOTHROW(Fisher{.labels = Labels::predicted}.validate());
  CHECK_THAT(refusal(Fisher{.labels = Labels::predicted}, regression), expected);
  CHECK_THAT(refusal(BatchFisher{.labels = Labels::predicted}, regression), expected);
  CHECK_THAT(refusal(WeightedSum<Mas, Fisher>{.b = {.labels = Labels::predicted}}, regression), expected);
  CHECK_THAT(refusal(Normalized<Fisher>{.importance = {.labels = Labels::predicted}}, regression), expected);
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] {
               (void)ll::Learner{regression, ll::nn::KroneckerFisher{.labels = Labels::predicted},
                                 ll::nn::KroneckerPenalty{}, ll::optimizer::Sgd{}};
             }),
             expected);
  CHECK_THAT(refusal(Fisher{}, ll::nn::mlp<float>({2, 1})), test::ContainsSubstring("softmax of one output"));
}

TEST_CASE("an importance and a loss agree, or one of them does not say", "[importance][fit]") {
  using ll::detail::agrees_with_loss;
  using Classifier = decltype(network(2, ll::nn::SoftmaxCrossEntropy{}));
  using Regression = decltype(network(2, ll::nn::MeanSquaredError{}));
  using YesNo = decltype(network(2, YesNoLoss{}));
  using Count = decltype(network(2, CountLoss{}));
  using Own = decltype(network(2, OwnLoss{}));
  STATIC_REQUIRE(agrees_with_loss<Categorical, Classifier>());
  STATIC_REQUIRE(agrees_with_loss<Gaussian, Regression>());
  STATIC_REQUIRE(agrees_with_loss<Bernoulli, YesNo>());
  STATIC_REQUIRE(agrees_with_loss<CountLikelihood, Count>());
  STATIC_REQUIRE(agrees_with_loss<CountLikelihood, Classifier>());
  STATIC_REQUIRE(agrees_with_loss<Gaussian, Own>());
  STATIC_REQUIRE(agrees_with_loss<Gaussian, Line>());
  STATIC_REQUIRE_FALSE(agrees_with_loss<Gaussian, Classifier>());
  STATIC_REQUIRE_FALSE(agrees_with_loss<Bernoulli, Classifier>());
  STATIC_REQUIRE_FALSE(agrees_with_loss<Categorical, Regression>());
  STATIC_REQUIRE_FALSE(agrees_with_loss<Categorical, YesNo>());
  STATIC_REQUIRE_FALSE(agrees_with_loss<Gaussian, Count>());
}

TEST_CASE("a likelihood that fits, or whose loss does not say, is taken", "[importance][fit]") {
  CHECK_NOTHROW(learner(GaussianFisher{}, network(1, ll::nn::MeanSquaredError{})));
  CHECK_NOTHROW(learner(GaussNewton{}, network(1, ll::nn::MeanSquaredError{})));
  CHECK_NOTHROW(learner(Mas{}, network(1, ll::nn::MeanSquaredError{})));
  CHECK_NOTHROW(learner(Fisher{}, network(1, ll::nn::MeanSquaredError{})));
  CHECK_NOTHROW(learner(Fisher{}, network(1, ll::nn::LogisticCrossEntropy{})));
  CHECK_NOTHROW(learner(Fisher{}, network(2, ll::nn::SoftmaxCrossEntropy{})));
  CHECK_NOTHROW(learner(Fisher{}, network(2, OwnLoss{})));
  CHECK_NOTHROW(learner(BernoulliFisher{}, network(1, OwnLoss{})));
  CHECK_NOTHROW(learner(BernoulliFisher{}, network(1, YesNoLoss{})));
  CHECK_NOTHROW(learner(FisherInformation<CountLikelihood>{}, network(1, CountLoss{})));
  CHECK_NOTHROW(learner(WeightedSum<GaussianFisher, Mas>{}, network(1, ll::nn::MeanSquaredError{})));
}

TEST_CASE("a softmax of one output that stays the only one is refused", "[importance][fit]") {
  CHECK(refusal(Fisher{}, Line{}) == "Fisher: " + of_one);
  CHECK(refusal(BatchFisher{}, Line{}) == "BatchFisher: " + of_one);
  CHECK(refusal(ReversedFisher{}, network(1, OwnLoss{})) == "ReversedFisher: " + of_one);
  CHECK(refusal(WeightedSum<Mas, Fisher>{}, Line{}) == "Fisher: " + of_one);
  CHECK_NOTHROW(learner(Fisher{}, Line{2}));
  CHECK_NOTHROW(learner(BernoulliFisher{}, Line{}));
  CHECK_NOTHROW(learner(GaussianFisher{}, Line{}));
  CHECK_NOTHROW(learner(Fisher{}, GrowingLine{}));
  CHECK_NOTHROW(learner(Fisher{.labels = Labels::empirical}, GradientOnly{}));
  CHECK_NOTHROW(learner(Fisher{}, ll::nn::sequential<float>(
                                      ll::nn::Shape{2}, std::tuple{ll::nn::Linear{2, 3}, ll::nn::Heads{3, {1}}}, 1)));
  CHECK_THAT(refusal(Mas{}, ll::nn::mlp<float>({2, 1})),
             test::ContainsSubstring("so SoftmaxCrossEntropy and its gradient are always 0"));
}

TEST_CASE("one yes-or-no output takes labels as its answers", "[importance][fit]") {
  // p = 1/(1 + exp(-x)); the score of yes is 1 - p, of no -p.
  const std::vector<float> inputs{1, 1};
  const auto of_label = [&](std::int32_t label) {
    Line model;
    const std::vector<std::int32_t> labels{label};
    const std::vector<ll::Batch<float>> batches{
        {.size = 1, .features = 1, .inputs = std::span(inputs).first(1), .labels = labels}};
    std::vector<float> out(2);
    estimate(BernoulliFisher{.labels = Labels::empirical}, model, batches, out);
    return static_cast<double>(out[0]);
  };
  const double p = 1 / (1 + std::exp(-1.0));
  CHECK_THAT(of_label(1), test::WithinRel((1 - p) * (1 - p), 1e-6));
  CHECK_THAT(of_label(0), test::WithinRel(p * p, 1e-6));
  CHECK_THROWS_AS(of_label(2), ll::InvalidArgument);
  CHECK_THROWS_AS(of_label(-1), ll::InvalidArgument);
}

TEST_CASE("labels and ranges that no output stands for are named, not read from beyond", "[importance][fit][errors]") {
  Line model{3};
  std::vector<float> inputs{1, 1, 1}, out(2);
  std::vector<std::int32_t> labels{0, 1, 3};
  std::vector<ll::OutputRange> ranges;
  const auto message = [&](const auto& importance) {
    const std::vector<ll::Batch<float>> batches{
        {.size = 3, .features = 1, .inputs = inputs, .labels = labels, .active = ranges}};
    return test::message_of<ll::InvalidArgument>([&] { estimate(importance, model, batches, out); });
  };
  const std::string beyond = "the label of sample 2 is 3, not one of the active outputs 0 to 2";
  CHECK(message(Fisher{.labels = Labels::empirical}) == beyond);
  CHECK(message(Fisher{.labels = Labels::weighted}) == beyond);
  CHECK(message(ReversedFisher{}) == beyond);
  CHECK_THAT(message(BernoulliFisher{.labels = Labels::empirical}), test::ContainsSubstring("sample 2"));
  labels[2] = 2;
  ranges = {{}, {1, 2}, {2, 2}};
  CHECK(message(Fisher{}) == "batch.active[2] is [2, 4) where the network has 3 outputs");
  CHECK(message(Mas{}) == "batch.active[2] is [2, 4) where the network has 3 outputs");
  ranges.clear();
  CHECK_THAT(message(Fisher{.labels = Labels::sampled, .draws = 0x80000000}),
             test::ContainsSubstring("Fisher.draws is 2147483648"));
  model.count = 0;
  CHECK_THAT(message(Mas{}), test::ContainsSubstring("the model has 0 outputs"));
  CHECK_THAT(message(Scp{}), test::ContainsSubstring("the model has 0 outputs"));
}

TEST_CASE("values of a range of batches that are not finite are named", "[importance][errors]") {
  Line model{2};
  std::vector<float> inputs{1, 1, 1, 1}, out(2);
  const std::vector<ll::Batch<float>> batches{{.size = 1, .features = 1, .inputs = std::span(inputs).first(1)},
                                              {.size = 3, .features = 1, .inputs = std::span(inputs).last(3)}};
  CHECK_NOTHROW(estimate(Mas{}, model, batches, out));
  inputs[3] = std::numeric_limits<float>::infinity();
  CHECK(test::message_of<ll::NumericError>([&] { estimate(Mas{}, model, batches, out); }) ==
        "sample 2, feature 0 of the batch is inf");
  inputs[3] = 1e30f;
  CHECK(test::message_of<ll::NumericError>([&] { estimate(Mas{}, model, batches, out); }) ==
        "estimate: the importances of 1 parameters are nan or inf");
}

}  // namespace fit_test
