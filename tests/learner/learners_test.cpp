// SPDX-License-Identifier: MIT
// Every composed learner by its name: made, trained, consolidated, and then pulling back.
#include <lifelong/learners.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/nn/learners.hpp>

#include <type_traits>

#include "any_network.hpp"
#include "catch.hpp"
#include "tiny_model.hpp"

namespace learners_test {

namespace {

namespace ll = lifelong;
namespace learners = lifelong::learners;
using Model = test::AnyNetwork<double>;
using Mlp = decltype(ll::nn::mlp<double>({4, 5, 3}));

/// Two tasks; whether the first one's end left a penalty on moves.
template <class Learner>
bool pulls_back(Learner learner) {
  const test::TinyTask first(1), second(2);
  learner.fit(first, {.batch_size = 4});
  learner.consolidate(first);
  for (double& theta : learner.parameters()) theta += 0.1;
  const double penalty = learner.penalty_value();
  learner.fit(second, {.batch_size = 4});
  return penalty > 0;
}

const ll::nn::MlpOptions options{.seed = 4, .activation = ll::nn::Activation::tanh};

Model model() { return test::any_mlp<double>({4, 5, 3}, options); }

}  // namespace

TEST_CASE("learners have the names of the field", "[learner]") {
  CHECK_FALSE(pulls_back(learners::FineTuning<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::L2Sp<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::Ewc<Model>(model(), {}, {.anchor = ll::penalty::Anchor::per_task}, {})));
  CHECK(pulls_back(learners::OnlineEwc<Model>(model(), {.merge = ll::importance::Merge::decay(0.9)}, {}, {})));
  CHECK(pulls_back(learners::ReversedEwc<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::HuberEwc<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::ImplicitEwc<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::DiagonalLaplace<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::Mas<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::LocalMas<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::Si<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::RWalk<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::IntervalRWalk<Model>(model(), {.interval = 2}, {}, {})));
  CHECK(pulls_back(learners::Scp<Model>(model(), {.slices = 5}, {}, {})));
  CHECK(pulls_back(learners::ScpLimit<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::EwcSi<Model>(model(), {}, {}, {})));
  CHECK(pulls_back(learners::StructuredLaplace<Mlp>(ll::nn::mlp<double>({4, 5, 3}, options), {}, {}, {})));
}

TEST_CASE("a learner's name stands for the type that its parts make", "[learner]") {
  using ll::importance::Fisher;
  const ll::Learner made{model(), Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  STATIC_REQUIRE(std::is_same_v<learners::Ewc<Model, ll::optimizer::Sgd>, std::remove_const_t<decltype(made)>>);
  using Regression = decltype(ll::nn::mlp<double>({4, 5, 3}, {}, ll::backend::Serial{}, ll::nn::MeanSquaredError{}));
  STATIC_REQUIRE(std::is_constructible_v<learners::GaussianEwc<Regression>, Regression, ll::importance::GaussianFisher,
                                         ll::penalty::Quadratic, ll::optimizer::Adam>);
}

}  // namespace learners_test
