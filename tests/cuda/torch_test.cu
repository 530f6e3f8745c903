// SPDX-License-Identifier: MIT
// LibTorch modules as models of a learner on cuda::Backend, with a module and a backend of the host as the measure.
// nvcc and a LibTorch with CUDA run this on a device; as plain C++ on a system of Thrust's, where the backend's memory
// is the host's, everything that is elementwise has the same bits.
#include <lifelong/cuda.cuh>
#include <lifelong/lifelong.hpp>
#include <lifelong/torch.hpp>

#include <torch/nn.h>
#if defined(__CUDACC__)
#include <ATen/cuda/CUDAContext.h>
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "learner_values.hpp"
#include "random_batch.hpp"

namespace {

namespace ll = lifelong;
using test::difference, test::importance_of, test::parameters_of;
using test::message_of;
using test::RandomBatch;

#if defined(__CUDACC__)
constexpr double tolerance = 1e-3;  // LibTorch's products on a device round otherwise
const torch::Device there(torch::kCUDA, 0);
ll::cuda::Backend backend_there() { return ll::cuda::Backend(at::cuda::getCurrentCUDAStream().stream()); }
bool is_missing() {
  if (torch::cuda::is_available()) return false;
  WARN("skipped: LibTorch has no CUDA device here");
  return true;
}
#else
constexpr double tolerance = 0;
const torch::Device there(torch::kCPU);
ll::cuda::Backend backend_there() { return {}; }
bool is_missing() { return false; }
#endif

/// Its 10,221 parameters are more than a block, and no multiple of what a thread takes.
torch::nn::Sequential mlp() {
  return torch::nn::Sequential(torch::nn::Linear(12, 601), torch::nn::ReLU(), torch::nn::Linear(601, 4));
}
torch::nn::Sequential convolutions() {
  namespace nn = torch::nn;
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(1, 4, 3).padding(1)), nn::BatchNorm2d(4), nn::ReLU(),
                        nn::Flatten(), nn::Linear(48, 4));
}

/// A learner of a copy of `net` on `device`.
template <class Backend>
auto learner_of(const torch::nn::Sequential& net, const std::vector<std::int64_t>& shape, const torch::Device& device,
                Backend backend) {
  const auto copy = std::dynamic_pointer_cast<torch::nn::SequentialImpl>(net->clone(device));
  return ll::Learner{ll::libtorch::model(copy, shape), ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = 10},
                     ll::optimizer::Momentum{.learning_rate = 0.01}, backend};
}

template <class Learner>
void learn_tasks(Learner& learner) {
  for (std::uint32_t task = 1; task <= 2; ++task) {
    const RandomBatch<float> data(9, 12, 4, task);
    for (int step = 0; step < 3; ++step) learner.step(data.batch());
    learner.consolidate(std::vector{data.batch()});
  }
  const RandomBatch<float> data(9, 12, 4, 3);
  learner.step(data.batch());
}

}  // namespace

TEST_CASE("a LibTorch module learns on cuda::Backend as on the host", "[cuda][torch]") {
  if (is_missing()) return;
  torch::manual_seed(1);
  at::globalContext().setAllowTF32CuDNN(false);
  for (const bool images : {false, true}) {
    const torch::nn::Sequential net = images ? convolutions() : mlp();
    const std::vector<std::int64_t> shape = images ? std::vector<std::int64_t>{1, 3, 4} : std::vector<std::int64_t>{12};
    auto device = learner_of(net, shape, there, backend_there());
    auto host = learner_of(net, shape, torch::kCPU, ll::backend::Serial{});
    learn_tasks(device);
    learn_tasks(host);
    CHECK(difference(parameters_of(device), parameters_of(host)) <= tolerance);
    CHECK(difference(importance_of(device), importance_of(host)) <= tolerance);
    CHECK_THAT(device.penalty_value(), test::WithinRel(host.penalty_value(), tolerance + 1e-6));
  }
}

TEST_CASE("a LibTorch module learns on cuda::Backend the same bits again", "[cuda][torch]") {
  if (is_missing()) return;
  torch::manual_seed(2);
  const torch::nn::Sequential net = mlp();
  auto one = learner_of(net, {12}, there, backend_there()), other = learner_of(net, {12}, there, backend_there());
  learn_tasks(one);
  learn_tasks(other);
  CHECK(parameters_of(one) == parameters_of(other));
  CHECK(importance_of(one) == importance_of(other));
}

TEST_CASE("a loop of LibTorch enqueues steps on cuda::Backend", "[cuda][torch]") {
  if (is_missing()) return;
  torch::manual_seed(3);
  const torch::nn::Sequential net = mlp();
  auto device = learner_of(net, {12}, there, backend_there());
  auto host = learner_of(net, {12}, torch::kCPU, ll::backend::Serial{});
  const RandomBatch<float> data(9, 12, 4);
  const auto learn = [&](auto& learner, const auto& take) {
    auto& model = learner.model();
    const auto [x, y] = ll::libtorch::tensors(data.batch(), model.device());
    for (int step = 0; step < 4; ++step) {
      model.zero_gradient();
      torch::nn::functional::cross_entropy(model.module()->forward(x), y).backward();
      take(model.backward_gradient());
    }
    return parameters_of(learner);
  };
  const std::vector<float> expected = learn(host, [&](std::span<const float> g) { host.step(g); });
  const std::vector<float> stepped = learn(device, [&](std::span<const float> g) { device.enqueue_step(g); });
  device.finish_steps();
  CHECK(difference(stepped, expected) <= tolerance);
}

#if defined(__CUDACC__)
TEST_CASE("the lines of docs/other_models.md", "[cuda][torch]") {
  if (is_missing()) return;
  const RandomBatch<float> data(9, 12, 4);
  const std::vector batches{data.batch(), data.batch()};
  // [device]
  torch::nn::Sequential net(torch::nn::Linear(12, 64), torch::nn::ReLU(), torch::nn::Linear(64, 4));
  net->to(torch::kCUDA);  // before it becomes a model

  const ll::cuda::Backend backend(at::cuda::getCurrentCUDAStream().stream());  // LibTorch and the learner share it
  ll::Learner learner{ll::libtorch::model(net, {12}), ll::importance::Fisher{}, ll::penalty::Quadratic{},
                      ll::optimizer::Adam{}, backend};
  for (const ll::Batch<float>& batch : batches) learner.step(batch);  // copied to the device
  learner.consolidate(batches);
  // [device]
  // [enqueue]
  auto& model = learner.model();
  for (const ll::Batch<float>& batch : batches) {
    const auto [x, y] = ll::libtorch::tensors(batch, model.device());
    model.zero_gradient();
    torch::nn::functional::cross_entropy(net->forward(x), y).backward();
    learner.enqueue_step(model.backward_gradient());  // the host does not wait
  }
  learner.finish_steps();
  // [enqueue]
  CHECK(learner.tasks() == 1);
}

TEST_CASE("a module and a backend on different sides, or streams, are refused", "[cuda][torch]") {
  if (is_missing()) return;
  const torch::nn::Sequential net = mlp();
  const auto refused = [&](const torch::Device& device, auto backend) {
    return message_of<ll::InvalidArgument>([&] { learner_of(net, {12}, device, backend); });
  };
  CHECK_THAT(refused(there, ll::backend::Serial{}), test::ContainsSubstring("the module is on cuda:0, but"));
  CHECK_THAT(refused(torch::kCPU, backend_there()), test::ContainsSubstring("lie in the host's memory"));
  if (ll::libtorch::detail::shows_handle<c10::Stream>)
    CHECK_THAT(refused(there, ll::cuda::Backend{}), test::ContainsSubstring("works on another stream than LibTorch"));
}
#endif
