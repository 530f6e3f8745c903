// SPDX-License-Identifier: MIT
// LibTorch modules on a device, which here is memory that traps: learners have the bits of those on the host, nothing
// as large as the parameters passes through the host, and what does not fit together is refused.
#include <lifelong/torch.hpp>

#include <lifelong/io/checkpoint.hpp>
#include <lifelong/io/state_dict.hpp>
#include <lifelong/lifelong.hpp>

#include <torch/nn.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "guarded.hpp"
#include "guarded_device.hpp"
#include "learner_values.hpp"
#include "random_batch.hpp"

namespace {

namespace ll = lifelong;
using ll::Batch;
using test::difference, test::importance_of, test::parameters_of;
using test::guarded_device;
using test::message_of;
using test::RandomBatch;

torch::nn::Sequential mlp() {
  return torch::nn::Sequential(torch::nn::Linear(12, 16), torch::nn::ReLU(), torch::nn::Linear(16, 4));
}
torch::nn::Sequential convolutions() {
  namespace nn = torch::nn;
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(1, 4, 3).padding(1)), nn::ReLU(), nn::Flatten(),
                        nn::Linear(48, 4));
}
torch::nn::Sequential normalised() {
  namespace nn = torch::nn;
  return nn::Sequential(nn::Linear(12, 24), nn::BatchNorm1d(24), nn::ReLU(), nn::Dropout(0.25), nn::Linear(24, 4));
}

/// A module of somebody's own, which is estimated one sample at a time.
struct OwnNet : torch::nn::Cloneable<OwnNet> {
  torch::nn::Linear first{nullptr}, second{nullptr};
  OwnNet() { reset(); }
  void reset() override {
    first = register_module("first", torch::nn::Linear(12, 16));
    second = register_module("second", torch::nn::Linear(16, 4));
  }
  torch::Tensor forward(torch::Tensor x) { return second(torch::tanh(first(x))); }
};

/// A model of a copy of `module` on the device.
template <class Impl, class... Loss>
auto model_there(const std::shared_ptr<Impl>& module, const std::vector<std::int64_t>& shape, Loss... loss) {
  return ll::libtorch::model(std::dynamic_pointer_cast<Impl>(module->clone(guarded_device)), shape, loss...);
}

template <class Values>
std::vector<float> on_host(const Values& values) {
  std::vector<float> host(values.size());
  test::Guarded{}.copy_out(static_cast<const float*>(values.data()), std::span(host));
  return host;
}

/// Learns three tasks with one module on the host and one on the device, and compares everything.
template <class Impl, class Importance, class Optimizer>
void check_tasks(const std::shared_ptr<Impl>& module, const std::vector<std::int64_t>& shape, Importance importance,
                 Optimizer optimizer, double tolerance = 0) {
  const ll::penalty::Quadratic penalty{.strength = 10};
  ll::Learner device{model_there(module, shape), importance, penalty, optimizer, test::Guarded{}};
  ll::Learner host{ll::libtorch::model(module, shape), importance, penalty, optimizer};
  CHECK(device.model().device() == guarded_device);
  test::largest_transfer = 0;
  const auto learn = [](auto& learner, const RandomBatch<float>& data, std::uint64_t seed) {
    torch::manual_seed(seed);
    std::vector<double> losses;
    for (int step = 0; step < 4; ++step) losses.push_back(learner.step(data.batch()).loss);
    learner.consolidate(std::vector{data.batch()});
    losses.push_back(learner.penalty_value());
    return losses;
  };
  for (std::uint32_t task = 1; task <= 3; ++task) {
    const RandomBatch<float> data(9, 12, 4, task);
    CHECK(difference(learn(device, data, task), learn(host, data, task)) <= tolerance);
  }
  CHECK(test::largest_transfer == 9 * 12);  // the inputs of a batch; every weight has more values
  CHECK(difference(parameters_of(device), parameters_of(host)) <= tolerance);
  CHECK(difference(importance_of(device), importance_of(host)) <= tolerance);
  CHECK(on_host(device.model().buffers()) ==
        std::vector<float>(host.model().buffers().begin(), host.model().buffers().end()));
}

}  // namespace

TEST_CASE("a module on a device learns as on the host, to the bit", "[torch]") {
  torch::manual_seed(1);
  using namespace ll::importance;
  check_tasks(mlp().ptr(), {12}, Fisher{}, ll::optimizer::Adam{});
  check_tasks(mlp().ptr(), {12}, SynapticIntelligence{}, ll::optimizer::Momentum{});
  check_tasks(convolutions().ptr(), {1, 3, 4}, Mas{}, ll::optimizer::Sgd{}, 1e-5);  // other products of LibTorch's
  check_tasks(normalised().ptr(), {12}, Fisher{.labels = Labels::empirical}, ll::optimizer::Adam{});
  check_tasks(std::make_shared<OwnNet>(), {12}, Scp{}, ll::optimizer::Adam{});
}

TEST_CASE("a loss in tensors and predictions work on a device", "[torch]") {
  torch::manual_seed(2);
  const auto net = mlp().ptr();
  const auto cross_entropy = [](const torch::Tensor& f, const torch::Tensor& y) {
    return torch::nn::functional::cross_entropy(f, y);
  };
  auto there = model_there(net, {12}, cross_entropy), here = ll::libtorch::model(net, {12}, cross_entropy);
  const RandomBatch<float> data(9, 12, 4);
  test::GuardedArray<float> gradient;
  gradient.resize(there.parameters().size());
  std::vector<float> expected(gradient.size()), f(36), g(36);
  CHECK(there.gradient(data.batch(), {gradient.data(), gradient.size()}) == here.gradient(data.batch(), expected));
  CHECK(on_host(gradient) == expected);
  CHECK(there.evaluation_gradient(data.batch(), {gradient.data(), gradient.size()}) ==
        here.evaluation_gradient(data.batch(), expected));
  there.predict(data.batch(), f);
  here.predict(data.batch(), g);
  CHECK(f == g);
  CHECK(ll::accuracy(there, ll::Dataset<float>(data.inputs, data.labels, {12})) ==
        ll::accuracy(here, ll::Dataset<float>(data.inputs, data.labels, {12})));
}

TEST_CASE("a loop of LibTorch hands a gradient on a device to a learner", "[torch]") {
  torch::manual_seed(3);
  const auto net = mlp().ptr();
  ll::Learner device{model_there(net, {12}), ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Adam{},
                     test::Guarded{}};
  ll::Learner host{ll::libtorch::model(net, {12}), ll::importance::Fisher{}, ll::penalty::Quadratic{},
                   ll::optimizer::Adam{}};
  const RandomBatch<float> data(9, 12, 4);
  const auto learn = [&](auto& learner) {
    auto& model = learner.model();
    for (int step = 0; step < 3; ++step) {
      const auto [x, y] = ll::libtorch::tensors(data.batch(), model.device());
      model.zero_gradient();
      torch::nn::functional::cross_entropy(model.module()->forward(x), y).backward();
      learner.step(model.backward_gradient());
    }
    return parameters_of(learner);
  };
  test::largest_transfer = 0;
  const std::vector<float> expected = learn(host);
  CHECK(learn(device) == expected);
  CHECK(test::largest_transfer == 9 * 12);
  CHECK(test::GuardedMemory::get().contains(device.model().backward_gradient().data(), 4 * expected.size()));
}

namespace {

/// A moment of a user's own.
struct Cube {
  template <class T>
  static T factor(T weight) {
    return std::cbrt(weight);
  }
  template <class V>
  V operator()(V value) const {
    return value * value * value;
  }
};

}  // namespace

TEST_CASE("a moment of one's own works on a device", "[torch]") {
  torch::manual_seed(4);
  const auto net = mlp().ptr();
  auto there = model_there(net, {12}), here = ll::libtorch::model(net, {12});
  const RandomBatch<float> data(9, 12, 4);
  test::GuardedArray<float> sum;
  sum.resize(there.parameters().size());
  std::vector<float> expected(sum.size());
  const ll::importance::OutputNorm functional{};
  there.accumulate_moment(data.batch(), functional, Cube{}, {sum.data(), sum.size()});
  here.accumulate_moment(data.batch(), functional, Cube{}, expected);
  CHECK(on_host(sum) == expected);
}

TEST_CASE("the state of a module on a device goes to a file and back", "[torch]") {
  torch::manual_seed(5);
  const auto net = normalised().ptr();
  const auto learner_there = [&] {
    return ll::Learner{model_there(net, {12}), ll::importance::Mas{}, ll::penalty::Quadratic{}, ll::optimizer::Adam{},
                       test::Guarded{}};
  };
  auto from = learner_there(), to = learner_there();
  const RandomBatch<float> data(9, 12, 4);
  from.step(data.batch());
  from.consolidate(std::vector{data.batch()});
  ll::io::restore(ll::io::checkpoint(from), to);
  CHECK(parameters_of(to) == parameters_of(from));
  CHECK(importance_of(to) == importance_of(from));
  CHECK(on_host(to.model().buffers()) == on_host(from.model().buffers()));

  auto here = ll::libtorch::model(net, {12});
  ll::io::load_state_dict(ll::io::state_dict(from.model()), here);
  CHECK(std::ranges::equal(here.parameters(), parameters_of(from)));
  CHECK(std::ranges::equal(here.buffers(), on_host(from.model().buffers())));
  auto there = model_there(normalised().ptr(), {12});
  ll::io::load_state_dict(ll::io::state_dict(here), there);
  CHECK(std::ranges::equal(here.parameters(), on_host(there.parameters())));
}

namespace {

/// It draws from the random numbers of its device.
struct Noisy : torch::nn::Cloneable<Noisy> {
  torch::nn::Linear layer{nullptr};
  torch::nn::BatchNorm1d norm{nullptr};
  Noisy() { reset(); }
  void reset() override {
    layer = register_module("layer", torch::nn::Linear(12, 4));
    norm = register_module("norm", torch::nn::BatchNorm1d(4));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    at::Generator numbers = at::globalContext().defaultGenerator(x.device());
    if (is_training()) at::check_generator<at::CPUGeneratorImpl>(numbers)->random();
    return norm(layer(x));
  }
};

}  // namespace

TEST_CASE("a step that is refused leaves a module on a device as it was", "[torch]") {
  torch::manual_seed(6);
  ll::Learner learner{model_there(std::make_shared<Noisy>(), {12}), ll::importance::Mas{}, ll::penalty::Quadratic{},
                      ll::optimizer::Adam{}, test::Guarded{}};
  const RandomBatch<float> data(9, 12, 4);
  learner.step(data.batch());
  auto huge = data.inputs;
  for (float& value : huge) value *= 1e30f;
  Batch<float> bad = data.batch();
  bad.inputs = huge;
  const auto numbers = [] { return at::GuardedHooks::generator().get_state(); };
  const auto statistics = on_host(learner.model().buffers()), parameters = parameters_of(learner);
  const torch::Tensor before = numbers();
  CHECK(message_of<ll::NumericError>([&] { learner.step(bad); }) == "norm.running_var[0] is inf after a training pass");
  CHECK(torch::equal(numbers(), before));
  CHECK(on_host(learner.model().buffers()) == statistics);
  CHECK(parameters_of(learner) == parameters);
  learner.step(data.batch());
  CHECK_FALSE(torch::equal(numbers(), before));
}

TEST_CASE("a device that fails in a step is an error of the library", "[torch]") {
  torch::manual_seed(7);
  namespace nn = torch::nn;
  bool failing = false;
  const auto fail = [&](const torch::Tensor& x) {
    test::device_fails = failing;
    return x;
  };
  nn::Sequential net(nn::Linear(12, 8), nn::BatchNorm1d(8), nn::Functional(fail), nn::Linear(8, 4));
  ll::Learner learner{model_there(net.ptr(), {12}), ll::importance::Mas{}, ll::penalty::Quadratic{},
                      ll::optimizer::Adam{}, test::Guarded{}};
  const RandomBatch<float> data(9, 12, 4);
  learner.step(data.batch());
  failing = true;
  const std::string later = message_of<ll::InvalidArgument>([&] { learner.step(data.batch()); });
  const std::string at_once = message_of<ll::InvalidArgument>([&] { learner.step(data.batch()); });
  test::device_fails = false;
  CHECK_THAT(later, test::ContainsSubstring("an input of shape 9 x 12 is refused by LibTorch: CUDA error"));
  CHECK_THAT(at_once, test::ContainsSubstring("a copy of the module's buffers is refused by LibTorch: CUDA error"));
}

TEST_CASE("a module and a backend that do not reach each other are refused", "[torch]") {
  const auto learner_of = [](auto model, auto backend) {
    ll::Learner{model, ll::importance::Mas{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}, backend};
  };
  const auto refused = [&](auto call) { return message_of<ll::InvalidArgument>(call); };
  const auto net = mlp().ptr();
  auto there = model_there(net, {12});
  const std::string message =
      "the module is on cuda:0, but the backend works in the host's memory: give the learner a backend of that device, "
      "such as cuda::Backend, or move the module to the CPU before a model is made of it";
  CHECK(refused([&] { learner_of(there, ll::backend::Serial{}); }) == message);
  const RandomBatch<float> data(5, 12, 4);
  std::vector<float> values(there.parameters().size());
  CHECK(refused([&] {
          ll::importance::estimate(ll::importance::Mas{}, there, std::vector{data.batch()}, std::span(values));
        }) == message);
  CHECK(refused([&] { learner_of(ll::libtorch::model(net, {12}), test::Guarded{}); }) ==
        "the model's parameters are not in guarded memory");
#if TORCH_VERSION_MAJOR >= 2
  struct Streamed : test::Guarded {
    void* stream_ = nullptr;
    void* stream() const { return stream_; }
  };
  int other = 0;
  CHECK_NOTHROW(learner_of(there, Streamed{}));
  CHECK_THAT(refused([&] {
               learner_of(there, Streamed{{}, &other});
             }),
             test::ContainsSubstring("works on another stream than LibTorch does on cuda:0"));
#endif
}

TEST_CASE("tensors of a module on two devices are refused by name", "[torch]") {
  const auto refused = [](const torch::nn::Sequential& net) {
    return message_of<ll::InvalidArgument>([&] { static_cast<void>(ll::libtorch::model(net, {12})); });
  };
  torch::nn::Sequential net = normalised();
  net->ptr(4)->to(guarded_device);
  CHECK(refused(net) ==
        "4.weight is on cuda:0, but 0.weight on cpu: move the whole module to one device before a model is made of it");
  net->to(guarded_device);
  for (torch::Tensor& buffer : net->buffers()) buffer.set_data(buffer.cpu());
  CHECK(refused(net) ==
        "1.running_mean is on cpu, but 0.weight on cuda:0: move the whole module to one device before "
        "a model is made of it");
}
