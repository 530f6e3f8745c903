// SPDX-License-Identifier: MIT
// A checkpoint enters only a learner of the settings with which it was made, unless the caller says what may differ.
#include <lifelong/conventions.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "folder.hpp"
#include "tiny_model.hpp"

namespace checkpoint_settings_test {

namespace ll = lifelong;
using namespace ll::importance;
using ll::optimizer::Adam, ll::optimizer::AdamW, ll::optimizer::Momentum, ll::optimizer::Sgd;
using ll::penalty::Anchor, ll::penalty::Huber, ll::penalty::ImplicitQuadratic, ll::penalty::L1, ll::penalty::Quadratic;
using test::ContainsSubstring;

namespace {

/// A model that says what it is.
struct Described : test::TinyModel {
  std::string activation = "tanh";
  std::size_t seed = 1;
  [[nodiscard]] std::string recipe() const {
    return "Described(4 inputs, " + activation + ", 3 outputs, seed " + std::to_string(seed) + ")";
  }
};

/// An optimizer that does not.
struct Wordless {
  double rate = 0.1;
  void validate() const {}
  template <class T>
  struct Kernel {
    T rate;
    template <class V>
    LIFELONG_HOST_DEVICE V step(std::size_t, V theta, V gradient) const {
      return theta - V(rate) * gradient;
    }
  };
  template <class T>
  [[nodiscard]] Kernel<T> kernel(std::array<T*, 0>, std::uint64_t) const {
    return {static_cast<T>(rate)};
  }
};

template <class Model = Described, class Importance = Fisher, class Penalty = Quadratic, class Optimizer = Adam>
auto learner(Importance importance = {}, Penalty penalty = {}, Optimizer optimizer = {}, Model model = Model()) {
  return ll::Learner{model, importance, penalty, optimizer};
}

template <class Learner>
ll::io::Safetensors saved(Learner learner) {
  learner.fit(test::TinyTask(1, 12), {.batch_size = 5});
  learner.consolidate(test::TinyTask(1, 12));
  const test::Folder folder;
  ll::io::write_safetensors(folder.path() + "/x", ll::io::checkpoint(learner));
  return ll::io::parse_safetensors(folder.read("x"), "x.safetensors");
}

/// The message with which the file is refused; it must leave the learner as it is.
template <class E = ll::FormatError, class Learner>
std::string refusal(const ll::io::Safetensors& file, Learner learner, const ll::io::RestoreOptions& options = {}) {
  const auto theta = learner.model().theta;
  const std::string recipe = learner.recipe();
  const std::string message = test::message_of<E>([&] { ll::io::restore(file, learner, options); });
  CHECK(learner.model().theta == theta);
  CHECK(learner.recipe() == recipe);
  CHECK(learner.tasks() == 0);
  return message;
}

template <class Learner>
bool is_taken(const ll::io::Safetensors& file, Learner learner, const ll::io::RestoreOptions& options = {}) {
  ll::io::restore(file, learner, options);
  return learner.tasks() == 1;
}

std::string difference(const std::string& part, const std::string& what, const std::string& name) {
  return "'x.safetensors': " + part + ": " + what + " in the learner; if that is intended, list \"" + name +
         "\" in RestoreOptions.may_differ";
}

}  // namespace

TEST_CASE("a checkpoint of other settings is refused by part, setting and values", "[checkpoint]") {
  const auto file = saved(learner(Fisher{}, Quadratic{.strength = 3}));
  CHECK(is_taken(file, learner(Fisher{}, Quadratic{.strength = 3})));
  CHECK(refusal(file, learner(Fisher{}, Quadratic{.strength = 300})) ==
        difference("penalty", "strength is 3 in the file and 300", "penalty.strength"));
  CHECK(refusal(file, learner(Fisher{}, Quadratic{.strength = 3.0000000000000004})) ==
        difference("penalty", "strength is 3 in the file and 3.0000000000000004", "penalty.strength"));
  CHECK(refusal(file, learner(Fisher{}, Quadratic{.strength = 3, .anchor = Anchor::per_task})) ==
        difference("penalty", "anchor is last in the file and per task", "penalty.anchor"));
  CHECK(refusal(file, learner(Fisher{.merge = Merge::last()}, Quadratic{.strength = 3})) ==
        difference("importance", "merge is sum in the file and last", "importance.merge"));
  CHECK(refusal(file, learner(Fisher{.labels = Labels::empirical}, Quadratic{.strength = 3})) ==
        difference("importance", "labels is exact in the file and empirical", "importance.labels"));
  CHECK(refusal(file, learner(Mas{}, Quadratic{.strength = 3})) ==
        difference("importance", "there is 'Fisher' in the file and 'Mas'", "importance"));
  CHECK(refusal(file, learner(Fisher{}, L1{.strength = 3})) ==
        difference("penalty", "there is 'Quadratic' in the file and 'L1'", "penalty"));
  CHECK(refusal(file, learner(Fisher{}, ImplicitQuadratic{.strength = 3})) ==
        difference("penalty", "there is 'Quadratic' in the file and 'ImplicitQuadratic'", "penalty"));
  CHECK(refusal(file, learner(Fisher{}, Quadratic{.strength = 3}, AdamW{})) ==
        difference("optimizer", "there is 'Adam' in the file and 'AdamW'", "optimizer"));
  CHECK(refusal(file, learner(Fisher{}, Quadratic{.strength = 3}, Adam{.learning_rate = 1})) ==
        difference("optimizer", "learning rate is 0.001 in the file and 1", "optimizer.learning rate"));
  CHECK(refusal(file, learner(Fisher{}, Quadratic{.strength = 3}, Adam{.beta2 = 0.99})) ==
        difference("optimizer", "beta2 is 0.999 in the file and 0.99", "optimizer.beta2"));
  CHECK(refusal(file, learner(Fisher{}, ll::compact(Quadratic{.strength = 3}))) ==
        difference("penalty", "there is nothing in the file and 'importance in bfloat16'", "penalty"));
}

TEST_CASE("a model that says what it is is compared, too", "[checkpoint]") {
  Described relu, second;
  relu.activation = "relu";
  second.seed = 2;
  const auto file = saved(learner());
  CHECK(refusal(file, learner(Fisher{}, Quadratic{}, Adam{}, relu)) ==
        difference("model", "there is 'tanh' in the file and 'relu'", "model"));
  CHECK(refusal(file, learner(Fisher{}, Quadratic{}, Adam{}, second)) ==
        difference("model", "seed is 1 in the file and 2", "model.seed"));
  CHECK(is_taken(file, learner(Fisher{}, Quadratic{}, Adam{}, second), {.may_differ = {"model.seed"}}));
  CHECK(is_taken(file, learner(Fisher{}, Quadratic{}, Adam{}, relu), {.may_differ = {"model"}}));
  CHECK_THAT(refusal(file, learner(Fisher{}, Quadratic{}, Adam{}, test::TinyModel())),
             ContainsSubstring("and 'a model without a recipe' in the learner"));
}

TEST_CASE("a checkpoint of float does not enter a learner of double", "[checkpoint]") {
  const auto make = []<class T>(T) { return ll::Learner{ll::nn::mlp<T>({4, 3, 2}), Fisher{}, Quadratic{}, Sgd{}}; };
  auto single = make(0.0F);
  auto other = make(0.0);
  CHECK(test::message_of<ll::FormatError>([&] { ll::io::restore(ll::io::checkpoint(single), other); }) ==
        "'safetensors' is of a learner of 'F32', but this one is of 'F64'");
}

TEST_CASE("a network's layers are compared", "[checkpoint]") {
  const auto make = [](std::size_t hidden, double rate, std::uint64_t seed) {
    return ll::Learner{
        ll::nn::sequential<float>(
            std::tuple{ll::nn::Linear{4, hidden}, ll::nn::Dropout{rate}, ll::nn::Linear{hidden, 2}}, seed),
        Fisher{}, Quadratic{}, Sgd{}};
  };
  auto saving = make(3, 0.5, 1);
  const auto message = [&](auto other) {
    return test::message_of<ll::FormatError>([&] { ll::io::restore(ll::io::checkpoint(saving), other); });
  };
  CHECK_THAT(message(make(3, 0.1, 1)),
             ContainsSubstring("model: Dropout: rate is 0.5 in the file and 0.1 in the learner"));
  CHECK_THAT(message(make(3, 0.5, 2)), ContainsSubstring("model: seed is 1 in the file and 2 in the learner"));
  CHECK_THAT(message(make(5, 0.5, 1)), ContainsSubstring("model: Linear: out is 3 in the file and 5 in the learner"));
}

TEST_CASE("the caller says which settings may differ", "[checkpoint]") {
  const auto file = saved(learner(Fisher{}, Quadratic{.strength = 3}));
  const auto other = learner(Fisher{}, Quadratic{.strength = 300}, Adam{.learning_rate = 1});
  CHECK(is_taken(file, other, {.may_differ = {"strength", "learning rate"}}));
  CHECK(is_taken(file, other, {.may_differ = {"penalty.strength", "optimizer"}}));
  CHECK(refusal(file, other, {.may_differ = {"strength"}}) ==
        difference("optimizer", "learning rate is 0.001 in the file and 1", "optimizer.learning rate"));
  CHECK(refusal<ll::InvalidArgument>(file, other, {.may_differ = {"strength", "learning rate", "momentum"}}) ==
        "RestoreOptions.may_differ: 'momentum' is no setting of the learner or of 'x.safetensors'");
  const auto momentum = learner(Fisher{}, Quadratic{.strength = 3}, Momentum{});  // other arrays stay other arrays
  CHECK(refusal(file, momentum, {.may_differ = {"optimizer"}}) ==
        "'x.safetensors' has no tensor 'optimizer.velocity.parameters'");
  auto restored = other;
  ll::io::restore(file, restored, {.may_differ = {"strength", "learning rate"}});
  CHECK(restored.penalty_policy().strength == 300);  // settings are the learner's own
}

TEST_CASE("the scope of the importance is compared", "[checkpoint]") {
  struct Named : Described {
    [[nodiscard]] ll::Layout layout() const {
      ll::Layout layout;
      layout.add("a", {20});
      layout.add("b", {7});
      return layout;
    }
  };
  auto all = learner<Named>(), one = learner<Named>();
  one.restrict_importance(ll::Scope::only({"a"}));
  CHECK(refusal(saved(all), one) == difference("scope", "there is 'all parameters' in the file and 'only a'", "scope"));
  CHECK(is_taken(saved(all), one, {.may_differ = {"scope"}}));
  CHECK(is_taken(saved(one), one));
}

TEST_CASE("parts without a recipe are compared by their arrays alone", "[checkpoint]") {
  const auto make = [](double rate) {
    return ll::Learner{test::TinyModel(), Fisher{}, Quadratic{}, Wordless{.rate = rate}};
  };
  CHECK(is_taken(saved(make(0.1)), make(0.2)));
  CHECK_THAT(refusal(saved(make(0.1)), ll::Learner{test::TinyModel(), Fisher{}, Quadratic{}, Sgd{}}),
             ContainsSubstring("optimizer: there is 'an optimizer without a recipe' in the file and 'Sgd'"));
}

TEST_CASE("a checkpoint that is saved while a schedule changes the rate has the rate without it", "[checkpoint]") {
  auto saving = learner();
  ll::io::Safetensors file;
  saving.fit(test::TinyTask(1, 12), {.batch_size = 5, .schedule = {.decay = ll::optimizer::Decay::linear}},
             [&](const ll::FitProgress& progress) {
               if (progress.step == 2) file = ll::io::checkpoint(saving);
             });
  auto resumed = learner();
  ll::io::restore(file, resumed);
  CHECK(resumed.optimizer_policy().learning_rate == Adam{}.learning_rate);
  CHECK(file.metadata().at("optimizer") == Adam{}.recipe());
}

TEST_CASE("every setting that results depend on is in the recipe", "[checkpoint]") {
  const auto differ = []<class A, class B>(const A& a, const B& b) {
    CAPTURE(a.recipe());
    CHECK(a.recipe() != b.recipe());
  };
  const auto each = [&]<class P>(const P& policy, const std::vector<P>& others) {
    for (const P& other : others) differ(policy, other);
  };
  each(Fisher{}, {{.labels = Labels::sampled}, {.merge = Merge::mean()}});
  each(Fisher{.labels = Labels::sampled},
       {{.labels = Labels::sampled, .seed = 1}, {.labels = Labels::sampled, .draws = 2}});
  each(GaussianFisher{}, {{.likelihood = {.variance = 2}}});
  each(BatchFisher{}, {{.labels = Labels::predicted}, {.scale = BatchScale::samples}, {.merge = Merge::mean()}});
  each(BatchFisher{.labels = Labels::sampled}, {{.labels = Labels::sampled, .seed = 1}});
  differ(Fisher{}, GaussianFisher{});
  differ(GaussianFisher{}, BernoulliFisher{});
  each(ReversedFisher{}, {{.merge = Merge::mean()}});
  each(GaussNewton{}, {{.merge = Merge::mean()}});
  each(Mas{}, {{.norm = MasNorm::plain}, {.merge = Merge::mean()}});
  each(LocalMas{}, {{.norm = MasNorm::plain}, {.merge = Merge::mean()}});
  each(BatchMas{}, {{.norm = MasNorm::plain}, {.scale = BatchScale::samples}, {.merge = Merge::mean()}});
  each(Scp{}, {{.slices = 99}, {.seed = 1}, {.merge = Merge::mean()}, {.directions = {1, 0}}});
  each(Scp{.directions = {1, 0}}, {{.directions = {0, 1}}, {.directions = {1, 0, 1, 0}}});
  each(ScpLimit{}, {{.merge = Merge::mean()}});
  each(Constant{}, {{.value = 2}, {.merge = Merge::mean()}});
  each(
      SynapticIntelligence{},
      {{.xi = 1}, {.clamp = Clamp::none}, {.gradient = PathGradient::total}, {.ceiling = 1}, {.merge = Merge::mean()}});
  each(RWalk{}, {{.alpha = 0.9},
                 {.epsilon = 1},
                 {.distance = Distance::whole},
                 {.clamp = Clamp::none},
                 {.normalize = Normalize::none},
                 {.score_old = 1},
                 {.score_new = 1},
                 {.score_first = 2},
                 {.merge = Merge::sum()}});
  each(IntervalRWalk{},
       {{.rwalk = {.clamp = Clamp::none}}, {.interval = 9}, {.fisher_per_interval = true}, {.merge = Merge::sum()}});
  each(Normalized<Mas>{}, {{.importance = {.norm = MasNorm::plain}}, {.by = Normalize::none}, {.ceiling = 1}});
  each(WeightedSum<Fisher, Mas>{},
       {{.a = {.labels = Labels::empirical}}, {.b = {.norm = MasNorm::plain}}, {.weight_a = 2}, {.weight_b = 2}});
  each(Quadratic{}, {{.strength = 2}, {.anchor = Anchor::per_task}});
  each(ImplicitQuadratic{}, {{.strength = 2}, {.anchor = Anchor::per_task}});
  each(Huber{}, {{.strength = 2}, {.threshold = 1}});
  each(L1{}, {{.strength = 2}});
  each(Sgd{}, {{.learning_rate = 1}});
  each(Momentum{}, {{.learning_rate = 1}, {.momentum = 0.5}});
  each(Adam{}, {{.learning_rate = 1}, {.beta1 = 0.5}, {.beta2 = 0.5}, {.epsilon = 1}});
  each(AdamW{}, {{.learning_rate = 1}, {.weight_decay = 1}, {.beta1 = 0.5}, {.beta2 = 0.5}, {.epsilon = 1}});
  each(ll::optimizer::L2<Sgd>{}, {{{.learning_rate = 1}, 0}, {{}, 1}});
  each(ll::optimizer::Decoupled<Sgd>{}, {{{.learning_rate = 1}, 0}, {{}, 1}});
  differ(ll::compact(Quadratic{}), Quadratic{});
  differ(ll::optimizer::L2<Sgd>{}, ll::optimizer::Decoupled<Sgd>{});
}

TEST_CASE("every setting of a convention is in its recipe, too", "[checkpoint]") {
  namespace cv = ll::convention;
  const auto each = []<class P>(const P& policy, const std::vector<P>& others) {
    for (const P& other : others) {
      CAPTURE(policy.recipe());
      CHECK(policy.recipe() != other.recipe());
    }
  };
  each(cv::gem::MemoryFisher{}, {{.memories = 1}, {.merge = Merge::mean()}});
  each(cv::agem::WindowFisher{},
       {{.alpha = 0.5}, {.interval = 5}, {.normalize = Normalize::none}, {.merge = Merge::mean()}});
  each(cv::agem::WindowWalk{}, {{.windows = {.alpha = 0.5}}, {.epsilon = 1}, {.merge = Merge::mean()}});
  each(cv::avalanche::CappedIntelligence{}, {{.si = {.xi = 1}}, {.ceiling = 1}, {.merge = Merge::mean()}});
  each(cv::avalanche::SignedWalk{}, {{.walk = {.interval = 5}}, {.merge = Merge::mean()}});
  each(cv::hw14::Guarded<Mas>{}, {{.importance = {.norm = MasNorm::plain}}, {.merge = Merge::mean()}});
  each(cv::hw14::LateIntelligence{}, {{.si = {.xi = 1}}, {.merge = Merge::mean()}});
  each(cv::hw14::AveragedSliceScp{}, {{.slices = 9}, {.seed = 1}, {.merge = Merge::mean()}});
  each(cv::TaskWalk{}, {{.fisher = {.labels = Labels::predicted}},
                        {.keep = 0.1},
                        {.add = 0.1},
                        {.epsilon = 1},
                        {.distance = Distance::half},
                        {.clamp = Clamp::none},
                        {.gradient = PathGradient::total},
                        {.guarded = true},
                        {.skips_last_step = true},
                        {.merge = Merge::mean()}});
}

}  // namespace checkpoint_settings_test
