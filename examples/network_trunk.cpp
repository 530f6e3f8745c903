// SPDX-License-Identifier: MIT
// An exact head on a frozen network: the network is trained on the first task only, its last layer is replaced by a
// ridge, and classes that it has never seen come later. `network_trunk FOLDER SEEDS...` does it with the MNIST in a
// folder.
#include <lifelong/analytic.hpp>
#include <lifelong/io/idx.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/zlib.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

/// Accuracy on the test examples of all tasks, in the end.
template <class S, class Test>
double learn(const S& stream, const Test& test, std::size_t width, std::uint64_t seed) {
  using ll::nn::Linear, ll::nn::ReLU;
  const std::size_t inputs = stream[0].train.features(), classes = stream.outputs();
  // [trunk]
  ll::Learner learner{ll::nn::mlp<float>({inputs, width, width, classes}, {.seed = seed}), ll::importance::Constant{},
                      ll::penalty::None{}, ll::optimizer::Adam{.learning_rate = 1e-3}};
  learner.fit(stream[0].train, {.epochs = 4, .batch_size = 128, .seed = seed});

  auto trunk =
      ll::nn::sequential<float>(ll::nn::Shape{inputs}, Linear{inputs, width}, ReLU{}, Linear{width, width}, ReLU{});
  std::copy_n(learner.parameters().begin(), trunk.parameters().size(), trunk.parameters().begin());
  ll::analytic::Ridge ridge{trunk, classes};
  for (const auto& task : stream) ridge.learn(task.train);
  // [trunk]
  return ll::accuracy(ridge, test);
}

int mnist(const char* folder, const std::vector<std::uint64_t>& seeds) {
  const auto data = ll::io::load_idx(folder, {.unpack = ll::zlib::gunzip});
  const auto stream = ll::stream::split(data, 5, {.scenario = ll::Scenario::class_incremental});
  double sum = 0, squares = 0;
  for (const std::uint64_t seed : seeds) {
    const double percent = 100 * learn(stream, data.test, 400, seed);
    std::printf("seed %d: %.2f %%\n", static_cast<int>(seed), percent);
    sum += percent;
    squares += percent * percent;
  }
  const double count = static_cast<double>(seeds.size()), mean = sum / count;
  std::printf("%.2f +- %.2f %%\n", mean, std::sqrt((squares / count - mean * mean) / std::max(1.0, count - 1)));
  return 0;
}

int main(int count, char** arguments) try {
  if (count > 2) {
    std::vector<std::uint64_t> seeds;
    for (int k = 2; k < count; ++k) seeds.push_back(std::strtoull(arguments[k], nullptr, 10));
    return mnist(arguments[1], seeds);
  }
  const ll::SplitData<float> data{patterns(1200, 1), patterns(400, 2)};
  const auto stream = ll::stream::split(data, 2, {.scenario = ll::Scenario::class_incremental});
  const double accuracy = learn(stream, data.test, 64, 1);
  std::printf("a network that has seen two classes, and a ridge that has seen four: %.1f %%\n", 100 * accuracy);
  return accuracy > 0.9 ? 0 : 1;
} catch (const ll::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
