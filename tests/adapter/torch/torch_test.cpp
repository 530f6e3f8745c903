// SPDX-License-Identifier: MIT
// LibTorch modules as models: the same numbers as networks of nn, in the same places, and errors that name a parameter.
#include <lifelong/torch.hpp>

#include <lifelong/analytic/ridge.hpp>
#include <lifelong/io/state_dict.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <torch/nn.h>
#include <torch/optim.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"

namespace {

namespace ll = lifelong;
using ll::Batch;
using test::message_of;
using test::RandomBatch;

torch::nn::Sequential mlp() {
  return torch::nn::Sequential(torch::nn::Linear(12, 16), torch::nn::ReLU(), torch::nn::Linear(16, 4));
}

/// The network of nn with the parameters of a module of the same layers.
template <class Network, class Model>
Network with_parameters_of(Network network, const Model& model) {
  REQUIRE(network.parameters().size() == model.parameters().size());
  std::copy(model.parameters().begin(), model.parameters().end(), network.parameters().begin());
  return network;
}

/// Largest |a - b| / (|b| + mean |b|).
template <class T>
double difference(std::span<const T> a, std::span<const T> b) {
  REQUIRE(a.size() == b.size());
  double mean = 0, worst = 0;
  for (const T value : b) mean += std::abs(static_cast<double>(value)) / static_cast<double>(b.size());
  REQUIRE(mean > 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error =
        std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])) / (std::abs(static_cast<double>(b[i])) + mean);
    worst = error <= worst ? worst : error;  // a NaN stays
  }
  return worst;
}

template <class Importance, class Model, class T>
std::vector<T> estimated(const Importance& method, Model& model, const Batch<T>& batch) {
  std::vector<T> out(model.parameters().size());
  ll::importance::estimate(method, model, std::vector{batch}, std::span<T>(out));
  return out;
}

/// A model of which only predict and pullback are seen.
template <class Model>
struct OneByOne {
  using value_type = typename Model::value_type;
  Model& model;
  std::span<value_type> parameters() { return model.parameters(); }
  std::size_t outputs() const { return model.outputs(); }
  double gradient(const Batch<value_type>& batch, std::span<value_type> out) { return model.gradient(batch, out); }
  void predict(const Batch<value_type>& batch, std::span<value_type> out) { model.predict(batch, out); }
  void pullback(const Batch<value_type>& batch, std::span<const value_type> cotangents, std::span<value_type> out) {
    model.pullback(batch, cotangents, out);
  }
};

/// Moments at batch speed against those of one sample at a time.
template <class Model, class T>
void check_moments(Model& model, const Batch<T>& batch, double tolerance) {
  OneByOne<Model> slow{model};
  const auto check = [&](auto importance) {
    const std::vector<T> fast = estimated(importance, model, batch), expected = estimated(importance, slow, batch);
    CHECK(difference<T>(fast, expected) <= tolerance);
  };
  check(ll::importance::Fisher{});
  check(ll::importance::Fisher{.labels = ll::importance::Labels::empirical});
  check(ll::importance::Mas{});
  check(ll::importance::BatchMas{});
}

/// Two linear layers as people write them.
struct OwnNet : torch::nn::Module {
  torch::nn::Linear first{nullptr}, second{nullptr};
  OwnNet() {
    first = register_module("first", torch::nn::Linear(12, 16));
    second = register_module("second", torch::nn::Linear(16, 4));
  }
  torch::Tensor forward(torch::Tensor x) { return second(torch::relu(first(x))); }
};

/// Its parameters are not in main memory.
struct ElsewhereNet : torch::nn::Module {
  ElsewhereNet() { register_parameter("weight", torch::empty({4, 12}, torch::kMeta)); }
  torch::Tensor forward(torch::Tensor x) { return x; }
};

/// A linear layer, and `then` on its outputs.
template <class Then>
struct After : torch::nn::Module {
  torch::nn::Linear layer{nullptr};
  Then then;
  explicit After(Then function) : then(function) { layer = register_module("layer", torch::nn::Linear(4, 4)); }
  torch::Tensor forward(torch::Tensor x) { return then(layer(x)); }
};
template <class Then>
std::shared_ptr<After<Then>> after(Then then) {
  return std::make_shared<After<Then>>(then);
}

/// An estimation on 5 samples.
template <class Module>
void estimate_on(const Module& module, const std::vector<std::int64_t>& shape) {
  torch::manual_seed(11);
  auto model = ll::libtorch::model(module, shape);
  const RandomBatch<float> data(5, model.inputs(), model.outputs());
  estimated(ll::importance::Mas{}, model, data.batch());
}

/// What it is refused with.
template <class E = ll::InvalidArgument, class Module>
std::string refusal(const Module& module, const std::vector<std::int64_t>& shape = {4}) {
  return message_of<E>([&] { estimate_on(module, shape); });
}

bool starts_with(const std::string& text, const std::string& start) { return text.substr(0, start.size()) == start; }

}  // namespace

TEST_CASE("a LibTorch module has the importances of the same network of nn", "[torch]") {
  torch::manual_seed(1);
  auto model = ll::libtorch::model(mlp(), {12});
  auto network = with_parameters_of(ll::nn::mlp<float>({12, 16, 4}), model);
  const RandomBatch<float> data(50, 12, 4);
  const Batch<float> batch = data.batch();
  const auto check = [&](auto importance) {
    const auto ours = estimated(importance, network, batch), theirs = estimated(importance, model, batch);
    const double worst = difference<float>(theirs, ours);
    INFO(importance.recipe() << ": " << worst);
    CHECK(worst <= 1e-5);
  };
  using ll::importance::Labels;
  check(ll::importance::Fisher{});
  check(ll::importance::Fisher{.labels = Labels::empirical});
  check(ll::importance::Fisher{.labels = Labels::sampled, .seed = 3});
  check(ll::importance::BatchFisher{});
  check(ll::importance::Mas{});
  check(ll::importance::Scp{});
  check(ll::importance::GaussNewton{});
}

TEST_CASE("a LibTorch module learns in the same steps as the same network of nn", "[torch]") {
  torch::manual_seed(2);
  auto model = ll::libtorch::model(mlp(), {12});
  auto network = with_parameters_of(ll::nn::mlp<float>({12, 16, 4}), model);
  ll::Learner theirs{model, ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = 10}, ll::optimizer::Adam{}};
  ll::Learner ours{network, ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = 10}, ll::optimizer::Adam{}};
  std::vector<double> their_losses, our_losses;
  for (std::uint32_t task = 0; task < 3; ++task) {
    const RandomBatch<float> data(64, 12, 4, task + 1);
    for (int step = 0; step < 40; ++step) {
      their_losses.push_back(theirs.step(data.batch()).loss);
      our_losses.push_back(ours.step(data.batch()).loss);
    }
    theirs.consolidate(std::vector{data.batch()});
    ours.consolidate(std::vector{data.batch()});
  }
  const double worst = difference<double>(their_losses, our_losses);
  INFO("losses " << worst);
  CHECK(worst <= 1e-5);
  CHECK(our_losses.back() < our_losses[80]);
}

TEST_CASE("moments of a Sequential at batch speed are those of one sample at a time", "[torch]") {
  torch::manual_seed(3);
  namespace nn = torch::nn;
  SECTION("linear layers, one without bias") {
    auto model = ll::libtorch::model<double>(
        [] {
          nn::Sequential net(nn::Linear(nn::LinearOptions(12, 9).bias(false)), nn::Tanh(), nn::Linear(9, 4));
          net->to(torch::kFloat64);
          return net;
        }(),
        {12});
    check_moments(model, RandomBatch<double>(20, 12, 4).batch(), 1e-12);
  }
  SECTION("convolutions with stride, padding, dilation and groups") {
    nn::Sequential net(nn::Conv2d(nn::Conv2dOptions(2, 4, 3).stride(2).padding(1)), nn::ReLU(),
                       nn::Conv2d(nn::Conv2dOptions(4, 6, {3, 2}).groups(2).dilation(2).padding({2, 1})), nn::ReLU(),
                       nn::Conv2d(nn::Conv2dOptions(6, 3, 1).bias(false)), nn::Flatten(),
                       nn::Linear(nn::LinearOptions(48, 4)));
    net->to(torch::kFloat64);
    auto model = ll::libtorch::model<double>(net, {2, 8, 8});
    check_moments(model, RandomBatch<double>(9, 2 * 8 * 8, 4).batch(), 1e-12);
  }
  SECTION("a linear layer at several positions") {
    nn::Sequential net(nn::Linear(3, 5), nn::ReLU(), nn::Flatten(), nn::Linear(20, 4));
    net->to(torch::kFloat64);
    auto model = ll::libtorch::model<double>(net, {4, 3});
    check_moments(model, RandomBatch<double>(9, 12, 4).batch(), 1e-12);
  }
  SECTION("a module that is not known takes one sample at a time") {
    nn::Sequential net(nn::Linear(12, 9), nn::LayerNorm(nn::LayerNormOptions({9})), nn::Linear(9, 4));
    net->to(torch::kFloat64);
    auto model = ll::libtorch::model<double>(net, {12});
    check_moments(model, RandomBatch<double>(9, 12, 4).batch(), 1e-12);
  }
  SECTION("layers that share their weights take one sample at a time") {
    nn::Linear twice(4, 4);
    twice->to(torch::kFloat64);
    auto model = ll::libtorch::model<double>(nn::Sequential(twice, nn::Tanh(), twice), {4});
    CHECK(model.parameters().size() == 20);
    check_moments(model, RandomBatch<double>(9, 4, 4).batch(), 1e-12);
  }
  SECTION("modules that work in place") {
    nn::Sequential net(nn::Linear(12, 9), nn::ReLU(nn::ReLUOptions(true)), nn::Linear(9, 4),
                       nn::ReLU(nn::ReLUOptions(true)));
    net->to(torch::kFloat64);
    auto model = ll::libtorch::model<double>(net, {12});
    check_moments(model, RandomBatch<double>(9, 12, 4).batch(), 1e-12);
  }
}

TEST_CASE("a module of one's own has the importances of the same network of nn", "[torch]") {
  torch::manual_seed(4);
  const auto net = std::make_shared<OwnNet>();
  auto model = ll::libtorch::model(net, {12});
  auto network = with_parameters_of(ll::nn::mlp<float>({12, 16, 4}), model);
  const RandomBatch<float> data(30, 12, 4);
  for (const auto labels : {ll::importance::Labels::exact, ll::importance::Labels::empirical}) {
    const ll::importance::Fisher fisher{.labels = labels};
    CHECK(difference<float>(estimated(fisher, model, data.batch()), estimated(fisher, network, data.batch())) <= 1e-5);
  }
}

TEST_CASE("the active outputs of a sample count in LibTorch as in nn", "[torch]") {
  torch::manual_seed(5);
  auto model = ll::libtorch::model(mlp(), {12});
  auto network = with_parameters_of(ll::nn::mlp<float>({12, 16, 4}), model);
  const RandomBatch<float> data(30, 12, 4);
  std::vector<ll::OutputRange> ranges;
  for (const std::int32_t label : data.labels) ranges.push_back({label < 2 ? 0u : 2u, 2});
  Batch<float> batch = data.batch();
  batch.active = ranges;
  std::vector<float> theirs(model.parameters().size()), ours(theirs.size());
  CHECK_THAT(model.gradient(batch, theirs), test::WithinRel(network.gradient(batch, ours), 1e-6));
  CHECK(difference<float>(theirs, ours) <= 1e-5);
  const ll::importance::Fisher fisher;
  CHECK(difference<float>(estimated(fisher, model, batch), estimated(fisher, network, batch)) <= 1e-5);
}

TEST_CASE("the parameters of a module are views of one vector", "[torch]") {
  torch::nn::Sequential net = mlp();
  const float before = net->parameters()[2][3][5].item<float>();
  auto model = ll::libtorch::model(net, {12});
  CHECK(net->parameters()[2][3][5].item<float>() == before);
  const std::size_t i = 12 * 16 + 16 + 3 * 16 + 5;
  CHECK(model.parameters()[i] == before);
  model.parameters()[i] = 7;
  CHECK(net->parameters()[2][3][5].item<float>() == 7);
  CHECK(net->parameters()[2].requires_grad());
  CHECK(model.layout().describe(i) == "2.weight[53]");
  CHECK(model.outputs() == 4);
}

TEST_CASE("a module's parameters have their names, kinds and head", "[torch]") {
  namespace nn = torch::nn;
  auto model = ll::libtorch::model(
      nn::Sequential(nn::Conv2d(1, 2, 3), nn::BatchNorm2d(2), nn::Flatten(), nn::Linear(32, 3)), {1, 6, 6});
  const auto& blocks = model.layout().blocks();
  REQUIRE(blocks.size() == 6);
  CHECK(blocks[0].name == "0.weight");
  CHECK(blocks[0].shape == std::vector<std::size_t>{2, 1, 3, 3});
  CHECK(blocks[0].kind == ll::BlockKind::convolution);
  CHECK(blocks[2].kind == ll::BlockKind::normalization);
  CHECK(blocks[4].kind == ll::BlockKind::linear);
  CHECK_FALSE(blocks[3].head);
  CHECK(blocks[4].head);
  REQUIRE(model.buffer_layout().blocks().size() == 2);
  CHECK(model.buffer_layout().blocks()[1].name == "1.running_var");

  auto own = ll::libtorch::model(std::make_shared<OwnNet>(), {12});
  CHECK(own.layout().blocks()[0].name == "first.weight");
  ll::Learner learner{own, ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  learner.restrict_importance(ll::Scope::all().without_heads());
  learner.consolidate(std::vector{RandomBatch<float>(9, 12, 4).batch()});
  CHECK(learner.importance()[0] > 0);
  CHECK(learner.importance().back() == 0);
}

TEST_CASE("frozen parameters of a module are left alone", "[torch]") {
  torch::manual_seed(6);
  torch::nn::Sequential net = mlp();
  for (const torch::Tensor& parameter : net->ptr(0)->parameters()) parameter.set_requires_grad(false);
  auto model = ll::libtorch::model<float>(net, {12});
  CHECK(model.parameters().size() == 68);
  CHECK(model.layout().blocks()[0].name == "2.weight");
  const torch::Tensor before = net->parameters()[0].clone();
  ll::Learner learner{model, ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  const RandomBatch<float> data(20, 12, 4);
  const double loss = learner.step(data.batch()).loss;
  for (int step = 0; step < 20; ++step) learner.step(data.batch());
  learner.consolidate(std::vector{data.batch()});
  CHECK(learner.step(data.batch()).loss < loss);
  CHECK(torch::equal(net->parameters()[0], before));
}

TEST_CASE("a module trains as it is and is looked at in evaluation", "[torch]") {
  namespace nn = torch::nn;
  torch::manual_seed(7);
  nn::Sequential net(nn::Linear(12, 8), nn::BatchNorm1d(8), nn::Dropout(0.5), nn::Linear(8, 4));
  net->ptr(2)->eval();
  auto model = ll::libtorch::model(net, {12});
  const RandomBatch<float> data(20, 12, 4);
  const auto statistics = [&] { return std::vector<float>(model.buffers().begin(), model.buffers().end()); };
  const auto before = statistics();
  std::vector<float> gradient(model.parameters().size()), outputs(80), again(80);
  model.predict(data.batch(), outputs);
  model.evaluation_gradient(data.batch(), gradient);
  estimated(ll::importance::Fisher{}, model, data.batch());
  CHECK(statistics() == before);
  CHECK(net->is_training());
  CHECK(net->ptr(1)->is_training());
  CHECK_FALSE(net->ptr(2)->is_training());
  model.predict(data.batch(), again);
  CHECK(outputs == again);

  model.gradient(data.batch(), gradient);
  const auto moved = statistics();
  CHECK(moved != before);
  auto broken = data.inputs;
  broken[3] = std::numeric_limits<float>::infinity();
  Batch<float> batch = data.batch();
  batch.inputs = broken;
  CHECK_FALSE(std::isfinite(model.gradient(batch, gradient)));
  CHECK(statistics() == moved);
}

TEST_CASE("a loss in tensors is the loss of a row", "[torch]") {
  torch::manual_seed(8);
  const RandomBatch<float> data(20, 12, 4);
  const auto cross_entropy = [](const torch::Tensor& f, const torch::Tensor& y) {
    return torch::nn::functional::cross_entropy(f, y);
  };
  const auto squared_error = [](const torch::Tensor& f, const torch::Tensor& y) { return torch::mse_loss(f, y); };
  const auto check = [&](auto rows, auto tensors, Batch<float> batch) {
    const torch::nn::Sequential net = mlp();
    auto by_row = ll::libtorch::model(net, {12}, rows);
    std::vector<float> expected(by_row.parameters().size()), gradient(expected.size());
    const double loss = by_row.gradient(batch, expected);
    auto by_tensor = ll::libtorch::model(net, {12}, tensors);
    CHECK_THAT(by_tensor.gradient(batch, gradient), test::WithinRel(loss, 1e-6));
    CHECK(difference<float>(gradient, expected) <= 1e-5);
  };
  check(ll::nn::SoftmaxCrossEntropy{}, cross_entropy, data.batch());
  check(ll::nn::MeanSquaredError{}, squared_error, Batch<float>{20, 12, data.inputs, {}, data.targets});
}

TEST_CASE("a loop of LibTorch hands its gradient to a learner without a copy", "[torch]") {
  torch::manual_seed(9);
  torch::nn::Sequential net = mlp();
  auto model = ll::libtorch::model(net, {12});
  const RandomBatch<float> data(20, 12, 4);
  std::vector<float> expected(model.parameters().size());
  model.gradient(data.batch(), expected);
  const torch::Tensor x = torch::tensor(data.inputs).view({20, 12});
  const torch::Tensor y = torch::tensor(std::vector<std::int64_t>(data.labels.begin(), data.labels.end()));
  const auto backward = [&] { torch::nn::functional::cross_entropy(net->forward(x), y).backward(); };

  backward();  // before anybody asked: copied
  CHECK(difference<float>(model.backward_gradient(), expected) <= 1e-5);
  const float* place = model.backward_gradient().data();
  CHECK(net->parameters()[0].grad().data_ptr<float>() == place);
  backward();
  for (float& value : expected) value *= 2;
  CHECK(difference<float>(model.backward_gradient(), expected) <= 1e-5);
  CHECK(model.backward_gradient().data() == place);
  model.zero_gradient();
  backward();
  for (float& value : expected) value /= 2;
  CHECK(difference<float>(model.backward_gradient(), expected) <= 1e-5);
  for (const torch::Tensor& parameter : net->parameters()) parameter.mutable_grad() = torch::Tensor();
  CHECK(std::ranges::all_of(model.backward_gradient(), [](float value) { return value == 0; }));
}

TEST_CASE("a module's state goes to safetensors under the names of a state_dict, and back", "[torch]") {
  namespace nn = torch::nn;
  const auto make = [] { return nn::Sequential(nn::Linear(12, 8), nn::BatchNorm1d(8), nn::Linear(8, 4)); };
  auto from = ll::libtorch::model(make(), {12}), to = ll::libtorch::model(make(), {12});
  from.buffers()[3] = 5;
  const ll::io::Safetensors file = ll::io::state_dict(from);
  CHECK(file.contains("1.running_mean"));
  ll::io::load_state_dict(file, to);
  CHECK(std::ranges::equal(to.parameters(), from.parameters()));
  CHECK(to.module()->ptr(1)->as<nn::BatchNorm1d>()->running_mean[3].item<float>() == 5);
}

TEST_CASE("what keeps a module from being a model is said by name", "[torch]") {
  using ll::InvalidArgument;
  torch::nn::Sequential net = mlp();
  net->ptr(2)->to(torch::kFloat64);
  const void* place = net->parameters()[0].data_ptr();
  CHECK(message_of<InvalidArgument>([&] { static_cast<void>(ll::libtorch::model(net, {12})); }) ==
        "2.weight must be of type Float, but is Double");
  CHECK(net->parameters()[0].data_ptr() == place);

  const auto elsewhere = std::make_shared<ElsewhereNet>();
  CHECK(message_of<InvalidArgument>([&] { static_cast<void>(ll::libtorch::model(elsewhere, {12})); }) ==
        "weight must be a dense tensor with values, but is on meta");
  CHECK(message_of<InvalidArgument>([&] {
          static_cast<void>(ll::libtorch::model(torch::nn::Sequential(torch::nn::ReLU()), {12}));
        }) == "the module has no parameters that require a gradient");
}

TEST_CASE("a module that was moved behind the model's back is refused by name", "[torch]") {
  torch::nn::Sequential net = mlp();
  auto model = ll::libtorch::model(net, {12});
  const RandomBatch<float> data(5, 12, 4);
  std::vector<float> gradient(model.parameters().size());
  const torch::Tensor bias = net->parameters()[3];
  bias.set_data(bias.detach().clone());
  CHECK(message_of<ll::InvalidArgument>([&] { model.gradient(data.batch(), gradient); }) ==
        "2.bias is no longer where it was: load or convert a module before a model is made of it");
  CHECK(message_of<ll::InvalidArgument>([&] { estimated(ll::importance::Mas{}, model, data.batch()); }) ==
        "2.bias is no longer where it was: load or convert a module before a model is made of it");
}

TEST_CASE("a module whose parameters are not those it had is refused by name", "[torch]") {
  torch::nn::Sequential net = mlp();
  auto model = ll::libtorch::model(net, {12});
  const RandomBatch<float> data(5, 12, 4);
  std::vector<float> gradient(model.parameters().size());
  const auto refused = [&] { return message_of<ll::InvalidArgument>([&] { model.gradient(data.batch(), gradient); }); };
  const std::string advice = ": change, freeze or load a module before a model is made of it";
  SECTION("converted") {
    net->to(torch::kFloat64);
    CHECK(refused() == "0.weight is no longer where it was: load or convert a module before a model is made of it");
  }
  SECTION("frozen") {
    net->parameters()[1].set_requires_grad(false);
    CHECK(refused() == "0.bias no longer requires a gradient" + advice);
  }
  SECTION("another layer") {
    net->push_back(torch::nn::Linear(4, 4));
    CHECK(refused() == "3.weight requires a gradient that it did not require" + advice);
  }
  SECTION("a member assigned") {
    net->ptr(0)->as<torch::nn::Linear>()->weight = torch::zeros({16, 12});
    const std::string message =
        "0.weight is not what its layer computes with: the member was assigned another tensor" + advice;
    CHECK(refused() == message);
    CHECK(message_of<ll::InvalidArgument>([&] { static_cast<void>(ll::libtorch::model(net, {12})); }) == message);
  }
  SECTION("resized") {
    net->parameters()[0].set_data(torch::zeros({20, 12}));
    CHECK(refused() == "0.weight is no longer where it was: load or convert a module before a model is made of it");
  }
  ll::Learner learner{model, ll::importance::Mas{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  CHECK_THROWS_AS(learner.step(data.batch()), ll::InvalidArgument);
}

TEST_CASE("a module that mixes samples is refused when it is first estimated", "[torch]") {
  const std::string mixes =
      " alone: the module mixes samples, as normalisation or attention over the batch does, or a recurrent layer "
      "without batch_first";
  const auto check = [&](const std::string& message) {
    CHECK(starts_with(message, "in evaluation mode, output "));
    CHECK_THAT(message, test::ContainsSubstring(" among 3 samples and "));
    CHECK_THAT(message, test::ContainsSubstring(mixes));
  };
  SECTION("normalisation over the batch") {
    check(refusal(after([](const torch::Tensor& x) { return x - x.mean(0, true); })));
    namespace nn = torch::nn;
    check(refusal(nn::Sequential(nn::Conv2d(1, 2, 2),
                                 nn::BatchNorm2d(nn::BatchNorm2dOptions(2).track_running_stats(false)), nn::Flatten()),
                  {1, 4, 4}));
  }
  SECTION("attention over the batch") {
    check(refusal(after([](const torch::Tensor& x) { return torch::softmax(x.matmul(x.t()), 1).matmul(x); })));
  }
  SECTION("time is taken for the batch, and only later samples are touched") {
    check(refusal(after([](const torch::Tensor& x) { return x.cumsum(0); })));
    check(refusal(after([](const torch::Tensor& x) { return x.flip(0).cumsum(0).flip(0); })));
  }
  SECTION("chance in evaluation") {
    CHECK_THAT(
        refusal(after([](const torch::Tensor& x) { return torch::dropout(x, 0.5, true); })),
        test::ContainsSubstring(" in the next: the module draws random numbers, which it may do in training alone"));
  }
  SECTION("what keeps samples apart is not refused") {
    CHECK_NOTHROW(estimate_on(after([](const torch::Tensor& x) { return x - x.mean(1, true); }), {4}));
    CHECK_NOTHROW(estimate_on(mlp(), {12}));
    namespace nn = torch::nn;
    CHECK_NOTHROW(estimate_on(nn::Sequential(nn::Linear(4, 3), nn::BatchNorm1d(3)), {4}));
  }
}

TEST_CASE("layers that see another order of samples are not taken for samples", "[torch]") {
  torch::manual_seed(12);
  namespace nn = torch::nn;
  const auto turn = [](const torch::Tensor& x) { return x.transpose(0, 1).contiguous(); };
  nn::Sequential net(nn::Functional(turn), nn::Linear(3, 4), nn::Functional(turn), nn::Flatten());
  net->to(torch::kFloat64);
  auto model = ll::libtorch::model<double>(net, {5, 3});  // 5 positions: as many as samples
  check_moments(model, RandomBatch<double>(5, 15, 20).batch(), 1e-12);
}

TEST_CASE("outputs that are not N x K of the parameters' type are refused", "[torch]") {
  CHECK(
      refusal<ll::ShapeMismatch>(after([](const torch::Tensor& x) { return x.t(); })) ==
      "the module's outputs for 1 sample are 4 x 1, but must have 4 for each, and the first extent must count samples");
  CHECK(
      refusal<ll::ShapeMismatch>(after([](const torch::Tensor& x) { return x.sum(); })) ==
      "the module's outputs for 1 sample are a single value, but must have 1 for each, and the first extent must count "
      "samples");
  CHECK(refusal<ll::ShapeMismatch>(after([](const torch::Tensor& x) { return x.narrow(0, 0, 1); })) ==
        "the module's outputs for 3 samples are 1 x 4, but must have 4 for each, and the first extent must count "
        "samples");
  CHECK(refusal(after([](const torch::Tensor& x) { return x.to(torch::kFloat64); })) ==
        "the module's outputs must be of type Float, but are Double");
  CHECK(refusal(after([](const torch::Tensor&) { return torch::Tensor(); })) ==
        "the module's outputs must be of type Float, but are undefined");
  CHECK_FALSE(refusal(after([](const torch::Tensor& x) { return x.detach(); })).empty());
}

TEST_CASE("what LibTorch refuses is an error of the library with its cause", "[torch]") {
  using ll::InvalidArgument;
  const std::string refused = refusal(mlp(), {11});  // LibTorch 2 says "addmm: " in front of the cause
  CHECK_THAT(refused, test::ContainsSubstring("an input of shape 1 x 11 is refused by LibTorch: "));
  CHECK_THAT(refused, test::ContainsSubstring("mat1 and mat2 shapes cannot be multiplied (1x11 and 12x16)"));
  CHECK(refusal(mlp(), {12, -1}) == "input_shape[1] must be at least 1, but is -1");
  CHECK(refusal(std::shared_ptr<OwnNet>()) == "there is no module: the pointer or holder is empty");
  CHECK(refusal(torch::nn::Linear(nullptr)) == "there is no module: the pointer or holder is empty");
  struct Own {};
  const RandomBatch<float> data(5, 12, 4);
  const auto learning_with = [&](auto loss, const Batch<float>& batch) {
    auto model = ll::libtorch::model(mlp(), {12}, loss);
    std::vector<float> gradient(model.parameters().size());
    model.gradient(batch, gradient);
  };
  const auto refused_with = [&](auto loss, const Batch<float>& batch) {
    return message_of<InvalidArgument>([&] { learning_with(loss, batch); });
  };
  CHECK_THAT(refused_with([](const torch::Tensor& f, const torch::Tensor&) { return f; }, data.batch()),
             test::ContainsSubstring("grad can be implicitly created only for scalar outputs"));
  const auto cross_entropy = [](const torch::Tensor& f, const torch::Tensor& y) {
    CHECK(y.scalar_type() == torch::kInt64);
    return torch::nn::functional::cross_entropy(f, y);
  };
  Batch<float> batch = data.batch();
  CHECK_NOTHROW(learning_with(cross_entropy, batch));
  const std::vector<ll::OutputRange> all(5, {0, 4}), half(5, {2, 2});
  batch.active = all;
  CHECK_NOTHROW(learning_with(cross_entropy, batch));
  std::vector<std::int32_t> labels(5, 3);
  batch.labels = labels;
  batch.active = half;
  CHECK(refused_with(cross_entropy, batch) ==
        "batch.active[0] is [2, 4), but a loss in tensors uses all 4 outputs: take one of lifelong::nn");
  const auto own = [](const torch::Tensor&, const torch::Tensor&) -> torch::Tensor { throw Own{}; };
  CHECK_THROWS_AS(learning_with(own, data.batch()), Own);  // not LibTorch's
}

TEST_CASE("a step that is refused leaves a module as it was", "[torch]") {
  namespace nn = torch::nn;
  torch::manual_seed(13);
  nn::Sequential net(nn::Linear(12, 8), nn::BatchNorm1d(8), nn::Dropout(0.5), nn::Linear(8, 4));
  ll::Learner learner{ll::libtorch::model(net, {12}), ll::importance::Mas{}, ll::penalty::Quadratic{},
                      ll::optimizer::Adam{}};
  const RandomBatch<float> data(20, 12, 4);
  learner.step(data.batch());
  auto huge = data.inputs;
  for (float& value : huge) value *= 1e30f;  // finite, and too large for the sums of squares
  Batch<float> bad = data.batch();
  bad.inputs = huge;
  const auto state = [&] {
    std::vector<torch::Tensor> tensors;
    for (const auto& tensor : net->parameters()) tensors.push_back(tensor.detach().clone());
    for (const auto& tensor : net->buffers()) tensors.push_back(tensor.clone());
    tensors.push_back(at::detail::getDefaultCPUGenerator().get_state());
    return tensors;
  };
  const auto before = state();
  CHECK(message_of<ll::NumericError>([&] { learner.step(bad); }) == "1.running_var[0] is inf after a training pass");
  const auto after_it = state();
  REQUIRE(before.size() == after_it.size());
  for (std::size_t k = 0; k < before.size(); ++k) CHECK(torch::equal(before[k], after_it[k]));
  CHECK(net->ptr(1)->as<nn::BatchNorm1d>()->num_batches_tracked.item<std::int64_t>() == 1);
}

TEST_CASE("an exact head on a module is one on the module's outputs", "[torch]") {
  torch::manual_seed(1);
  torch::nn::Sequential features(torch::nn::Linear(12, 16), torch::nn::ReLU(), torch::nn::Dropout(0.5));
  const RandomBatch<float> data(24, 12, 4);
  const Batch<float> batch{24, 12, data.inputs, data.labels};
  auto model = ll::libtorch::model(features, {12});
  std::vector<float> outputs(24 * 16), a(24 * 4), b(24 * 4);
  model.predict(batch, outputs);

  ll::analytic::Ridge on_module{model, 4};
  ll::analytic::Ridge on_outputs{ll::analytic::Identity<float>(16), 4};
  on_module.learn(batch);
  on_outputs.learn({24, 16, outputs, data.labels});
  on_module.predict(batch, a);
  on_outputs.predict({24, 16, outputs}, b);
  CHECK(a == b);
}

TEST_CASE("a batch that does not fit a module is refused", "[torch]") {
  auto model = ll::libtorch::model(mlp(), {12});
  const RandomBatch<float> narrow(5, 11, 4), data(5, 12, 4);
  std::vector<float> gradient(model.parameters().size());
  CHECK(message_of<ll::ShapeMismatch>([&] { model.gradient(narrow.batch(), gradient); }) ==
        "the batch has 11 features per sample where the network takes 12");
  Batch<float> batch = data.batch();
  batch.labels = std::span(batch.labels).first(4);
  CHECK(message_of<ll::ShapeMismatch>([&] { model.gradient(batch, gradient); }) ==
        "batch.labels has 4 elements where 5 are needed");
  CHECK(message_of<ll::ShapeMismatch>([&] { model.gradient(data.batch(), std::span(gradient).first(3)); }) ==
        "the gradient has 3 elements where 276 are needed");
}
