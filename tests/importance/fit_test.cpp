// SPDX-License-Identifier: MIT
// An importance whose likelihood does not fit the model is refused when the learner is made.
#include <lifelong/conventions.hpp>
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

namespace ll = lifelong;
using namespace lifelong::importance;
namespace cv = lifelong::convention;

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
  static constexpr const char* name = "YesNoLoss";
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

TEST_CASE("a likelihood of other outputs than the loss has is refused", "[importance][fit]") {
  const auto regression = network(2, ll::nn::MeanSquaredError{});
  const std::string rest =
      " takes the outputs as logits of classes, but the network is trained with MeanSquaredError: use GaussianFisher, "
      "or "
      "GaussNewton, which takes the loss's own curvature";
  for (const Labels labels :
       {Labels::exact, Labels::sampled, Labels::predicted, Labels::empirical, Labels::weighted, Labels::unweighted})
    CHECK(refusal(Fisher{.labels = labels}, regression) == "Fisher" + rest);
  CHECK(refusal(BatchFisher{}, regression) == "BatchFisher" + rest);
  CHECK(refusal(ReversedFisher{}, regression) == "ReversedFisher" + rest);

  const auto classes = network(3, ll::nn::SoftmaxCrossEntropy{});
  CHECK(refusal(GaussianFisher{}, classes) ==
        "GaussianFisher takes the outputs as means of real targets, but the network is trained with "
        "SoftmaxCrossEntropy: use Fisher, or GaussNewton, which takes the loss's own curvature");
  CHECK(refusal(BernoulliFisher{}, classes) ==
        "BernoulliFisher takes the outputs as logits of yes-or-no answers, but the network is trained with "
        "SoftmaxCrossEntropy: use Fisher, or GaussNewton, which takes the loss's own curvature");
  CHECK_THAT(refusal(GaussianBatchFisher{}, classes), test::ContainsSubstring("GaussianBatchFisher takes"));
  CHECK(
      refusal(Fisher{}, network(2, YesNoLoss{})) ==
      "Fisher takes the outputs as logits of classes, but the network is trained with YesNoLoss: use BernoulliFisher");
  CHECK(refusal(GaussianFisher{}, network(2, CountLoss{})) ==
        "GaussianFisher takes the outputs as means of real targets, but the network is trained with a loss of another "
        "likelihood: use an importance of its likelihood");
  CHECK_THAT(refusal(Fisher{}, ll::nn::mlp<float>({2, 1})), test::ContainsSubstring("softmax of one output"));
}

TEST_CASE("parts of other importances are asked, too", "[importance][fit]") {
  const auto regression = network(2, ll::nn::MeanSquaredError{});
  const auto expected = test::ContainsSubstring("but the network is trained with MeanSquaredError");
  CHECK_THAT(refusal(WeightedSum<Fisher, Mas>{}, regression), expected);
  CHECK_THAT(refusal(WeightedSum<Mas, WeightedSum<GaussianFisher, BatchFisher>>{}, regression), expected);
  CHECK_THAT(refusal(WeightedSum<SynapticIntelligence, ReversedFisher>{}, regression), expected);
  CHECK_THAT(refusal(Normalized<Fisher>{}, regression), expected);
  CHECK_THAT(refusal(cv::gmvdv::ewc(1).importance, regression), expected);
  CHECK_THAT(refusal(cv::mammoth::ewc_on(1, 1).importance, regression), expected);
  CHECK_THAT(refusal(cv::hw14::ewc(1).importance, regression), expected);
  CHECK_THAT(refusal(cv::hw14::rwalk(1).importance, regression), expected);
  CHECK_THAT(refusal(cv::facil::rwalk(1).importance, regression), expected);
  CHECK_THAT(refusal(cv::gem::ewc(1).importance, regression), expected);
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          (void)ll::Learner{regression, ll::nn::KroneckerFisher{}, ll::nn::KroneckerPenalty{}, ll::optimizer::Sgd{}};
        }) ==
        "KroneckerFisher takes the outputs as logits of classes, but the network is trained with "
        "MeanSquaredError: use nn::KroneckerFisherOf<importance::Gaussian>, or GaussNewton, which takes the "
        "loss's own curvature");
}

TEST_CASE("a likelihood that fits, or whose loss does not say, is taken", "[importance][fit]") {
  CHECK_NOTHROW(learner(GaussianFisher{}, network(1, ll::nn::MeanSquaredError{})));
  CHECK_NOTHROW(learner(GaussNewton{}, network(1, ll::nn::MeanSquaredError{})));
  CHECK_NOTHROW(learner(Mas{}, network(1, ll::nn::MeanSquaredError{})));
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
