// SPDX-License-Identifier: MIT
// Every estimator with weights: the weighted sum of its samples, whole weights as repeated samples, weight 0 as none.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "slow_importance.hpp"
#include "weights.hpp"

namespace weights_test {

namespace ll = lifelong;
using namespace ll::importance;
using Batch = ll::Batch<double>;
using Vector = std::vector<double>;

namespace {

/// The hand-written network with the loss it is trained with.
struct Trained : test::TinyModel {
  ll::nn::SoftmaxCrossEntropy loss_function() const { return {}; }
};

/// A model that has a gradient and nothing else, and no weights.
struct GradientOnly {
  using value_type = double;
  test::TinyModel model{};
  std::span<double> parameters() { return model.theta; }
  double gradient(const Batch& batch, std::span<double> out) { return model.gradient(batch, out); }
};

auto network() { return test::any_mlp<double>({4, 6, 3}, {.seed = 2, .activation = ll::nn::Activation::tanh}); }

/// A network whose layers use their parameters at several positions.
test::AnyNetwork<double> convolution() {
  using namespace ll::nn;
  return {Shape{1, 2, 2}, {Conv2d{1, 2, 2, 1, 1}, Tanh{}, Flatten{}, LayerNorm{18}, Linear{18, 3}}, 5};
}

/// Calls `check(importance)` for those that are means of moments of single samples.
template <class Check>
void for_each_of_samples(const Check& check) {
  for (const Labels labels :
       {Labels::exact, Labels::sampled, Labels::predicted, Labels::empirical, Labels::weighted, Labels::unweighted})
    check(Fisher{.labels = labels, .seed = 3, .draws = 2});
  check(GaussianFisher{.likelihood = {.variance = 0.5}});
  check(BernoulliFisher{.labels = Labels::empirical});
  check(Mas{});
  check(GaussNewton{});
  check(ReversedFisher{});
  check(WeightedSum<Fisher, Mas>{.weight_b = 0.25});
}

/// And for those that are not.
template <class Check>
void for_each_of_batches(const Check& check) {
  for (const BatchScale scale : {BatchScale::batches, BatchScale::samples, BatchScale::enlarged}) {
    check(BatchFisher{.labels = Labels::sampled, .scale = scale});
    check(BatchMas{.scale = scale});
  }
  check(Scp{.slices = 7});
  check(ScpLimit{});
}

/// Two batches of samples with whole weights or others.
struct Weighted {
  test::RandomBatch<double> data{17, 4, 3};
  Vector weights;
  explicit Weighted(bool whole, bool ranges = false) : weights(test::some_weights(17, whole)) {
    data.use_ranges(ranges);
    for (double& target : data.targets) target = target > 0 ? 1 : 0;
  }
  Batch all() const {
    Batch batch = data.batch();
    batch.weights = weights;
    return batch;
  }
  std::vector<Batch> batches() const { return {all().slice(0, 9), all().slice(9, 8)}; }
};

template <class Model, class I>
void check_weighted_sum(Model& model, const I& importance, const Weighted& given) {
  Vector sum(model.parameters().size());
  double total = 0;
  for (std::size_t n = 0; n < given.weights.size(); ++n) {
    const Vector one = test::estimate_of(importance, model, {given.data.batch().sample(n)});
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += given.weights[n] * one[i];
    total += given.weights[n];
  }
  for (double& value : sum) value /= total;
  test::check_equal(test::estimate_of(importance, model, given.batches()), sum, 1);
}

template <class Model, class I>
void check_repeated(Model& model, const I& importance, const Weighted& given) {
  std::vector<test::OwnBatch> owners;
  std::vector<Batch> batches;
  for (const Batch& batch : given.batches())
    owners.push_back(test::repeated(batch, {batch.weights.begin(), batch.weights.end()}));
  for (const auto& owner : owners) batches.push_back(owner.batch(false));
  test::check_equal(test::estimate_of(importance, model, given.batches()),
                    test::estimate_of(importance, model, batches), 1);
}

template <class Model, class I>
void check_padded(Model& model, const I& importance, const std::vector<Batch>& plain) {
  std::vector<test::OwnBatch> owners;
  std::vector<Batch> batches;
  for (const Batch& batch : plain) owners.push_back(test::padded(batch));
  test::OwnBatch nothing;
  nothing.add_nonsense(plain[0]);
  batches.push_back(nothing.batch());
  for (const auto& owner : owners) batches.push_back(owner.batch());
  CHECK(test::estimate_of(importance, model, batches) == test::estimate_of(importance, model, plain));
}

template <class Check>
void for_each_model(const Check& check) {
  Trained tiny;
  check(tiny);
  auto fast = network();
  check(fast);
  auto shared = convolution();
  check(shared);
}

}  // namespace

TEST_CASE("a weighted importance is the weighted sum of its samples", "[importance][weights]") {
  for_each_model([](auto& model) {
    for (const bool ranges : {false, true})
      for_each_of_samples(
          [&](const auto& importance) { check_weighted_sum(model, importance, Weighted(false, ranges)); });
  });
  auto fast = network();
  check_weighted_sum(fast, LocalMas{}, Weighted(false));
}

TEST_CASE("whole weights are repeated samples", "[importance][weights]") {
  for_each_model([](auto& model) {
    const auto check = [&](const auto& importance) { check_repeated(model, importance, Weighted(true)); };
    for_each_of_samples(check);
    for_each_of_batches(check);
  });
}

TEST_CASE("samples of weight 0 change no bit, wherever and whatever they are", "[importance][weights]") {
  for_each_model([](auto& model) {
    const Weighted given(false, true);
    Batch without_numbers = given.data.batch();
    without_numbers.indices = {};
    for (const auto& batches :
         {given.batches(), std::vector{given.data.batch()}, std::vector{without_numbers.slice(0, 17)}}) {
      const auto check = [&](const auto& importance) { check_padded(model, importance, batches); };
      for_each_of_samples(check);
      for_each_of_batches(check);
    }
  });
}

TEST_CASE("weights of 1 are no weights", "[importance][weights]") {
  auto model = network();
  const Weighted given(false);
  Batch ones = given.data.batch();
  const Vector weights(17, 1);
  ones.weights = weights;
  const auto check = [&](const auto& importance) {
    CHECK(test::estimate_of(importance, model, {ones}) == test::estimate_of(importance, model, {given.data.batch()}));
  };
  for_each_of_samples(check);
  for_each_of_batches(check);
}

TEST_CASE("a model that has only a gradient weighs samples one by one, and refuses weights of batches",
          "[importance][weights][errors]") {
  GradientOnly model;
  const Weighted given(false);
  check_weighted_sum(model, Fisher{.labels = Labels::empirical}, given);
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { test::estimate_of(BatchFisher{}, model, given.batches()); }),
             test::ContainsSubstring("the batch has weights, but the model does not heed them"));
}

TEST_CASE("weights that cannot be are named, and those of nothing but zeros count nothing",
          "[importance][weights][errors]") {
  auto model = network();
  Weighted given(false);
  const auto refused = [&] {
    return test::message_of<ll::InvalidArgument>([&] { test::estimate_of(Fisher{}, model, {given.all()}); });
  };
  given.weights[4] = -1;
  CHECK(refused() == "the weight of sample 104 must be a finite number of at least 0, but is -1");
  given.weights[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK(refused() == "the weight of sample 104 must be a finite number of at least 0, but is nan");
  given.weights.assign(17, 0);
  CHECK(refused() == "estimate: the task has no examples");
  given.weights.assign(16, 1);
  CHECK_THROWS_AS(test::estimate_of(Fisher{}, model, {given.all()}), ll::ShapeMismatch);
}

}  // namespace weights_test
