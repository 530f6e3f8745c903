// SPDX-License-Identifier: MIT
// A network of LibTorch learns four patterns, then the same with their pixels permuted, and still knows the first.
#include <lifelong/lifelong.hpp>
#include <lifelong/torch.hpp>

#include <torch/nn.h>

#include <cstdio>

#include "synthetic.hpp"

namespace ll = lifelong;

/// A module as people write them.
struct Net : torch::nn::Module {
  torch::nn::Linear hidden{register_module("hidden", torch::nn::Linear(64, 32))};
  torch::nn::Linear head{register_module("head", torch::nn::Linear(32, 4))};

  torch::Tensor forward(const torch::Tensor& x) { return head(torch::relu(hidden(x))); }
};

/// Accuracy on the first task after learning both.
double learn(double strength) {
  torch::manual_seed(1);
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 2, {.seed = 3});

  // [model]
  torch::nn::Sequential net(torch::nn::Linear(64, 32), torch::nn::ReLU(), torch::nn::Linear(32, 4));
  ll::Learner learner{ll::libtorch::model(net, {64}), ll::importance::Fisher{},
                      ll::penalty::Quadratic{.strength = strength}, ll::optimizer::Adam{.learning_rate = 3e-3}};
  for (const auto& task : stream) {
    learner.fit(task.train, {.epochs = 4, .batch_size = 32});
    learner.consolidate(task.train);  // exact per sample, at batch speed for a Sequential of layers that are known
  }
  // [model]
  return ll::accuracy(learner.model(), stream[0].test);
}

/// The same in a loop of LibTorch: forward pass, loss and backward pass are yours, the step is ours.
double learn_in_own_loop(double strength) {
  torch::manual_seed(1);
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 2, {.seed = 3});
  ll::BatchBuffer<float> buffer;

  // [loop]
  const auto net = std::make_shared<Net>();
  ll::Learner learner{ll::libtorch::model(net, {64}), ll::importance::Mas{},
                      ll::penalty::Quadratic{.strength = strength}, ll::optimizer::Adam{.learning_rate = 3e-3}};
  for (const auto& task : stream) {
    for (const ll::Batch<float>& batch : ll::BatchLoader(task.train, 32, buffer, learner.backend())) {
      const auto [x, y] = ll::libtorch::tensors(batch);
      learner.model().zero_gradient();
      torch::nn::functional::cross_entropy(net->forward(x), y).backward();
      learner.step(learner.model().backward_gradient());
    }
    learner.consolidate(task.train);
  }
  // [loop]
  return ll::accuracy(learner.model(), stream[0].test);
}

int main() {
  const double forgotten = learn(0), kept = learn(100);
  std::printf("accuracy on the first task after the second: %.3f without, %.3f with elastic weight consolidation\n",
              forgotten, kept);
  const double forgotten_too = learn_in_own_loop(0), kept_too = learn_in_own_loop(1);
  std::printf("in a loop of one's own: %.3f without, %.3f with memory aware synapses\n", forgotten_too, kept_too);
  return kept > forgotten && kept_too > forgotten_too ? 0 : 1;
}
