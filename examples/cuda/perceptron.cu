// SPDX-License-Identifier: MIT
// A perceptron and its data on a device learn permuted tasks, one after the other. With Thrust's processor system g++
// compiles this file too, and it runs without a device.
#include <lifelong/cuda.cuh>
#include <lifelong/cuda/mlp.cuh>
#include <lifelong/cuda/resident.cuh>
#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

namespace ll = lifelong;

/// Points around the corners of a cube of 20 dimensions, one corner for each of 4 classes.
ll::Dataset<float> make_examples(std::uint64_t seed, std::size_t count) {
  const ll::Random corner(1), noise(seed);
  std::vector<float> inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < count; ++n) {
    labels.push_back(static_cast<std::int32_t>(n % 4));
    for (std::size_t k = 0; k < 20; ++k)
      inputs.push_back(static_cast<float>(corner.normal(n % 4 * 20 + k) + 0.7 * noise.normal(n * 20 + k)));
  }
  return {std::move(inputs), std::move(labels), {20}};
}

void run() {
  // [perceptron]
  const ll::cuda::Backend backend;
  ll::Learner learner{ll::cuda::mlp<float>({20, 64, 4}, {.seed = 1}, backend), ll::importance::Fisher{},
                      ll::penalty::Quadratic{.strength = 30}, ll::optimizer::Adam{}, backend};

  const ll::cuda::Resident train(make_examples(1, 2000), backend), test(make_examples(2, 500), backend);
  std::vector<ll::cuda::Resident<float>> tests;
  for (std::uint64_t task = 0; task < 3; ++task) {
    const ll::FeatureMap map = ll::FeatureMap::permutation(20, ll::Random(task));
    const ll::cuda::Resident mine(train, map);  // a view: the memory is that of `train`
    tests.emplace_back(test, map);
    learner.fit(mine, {.epochs = 5, .batch_size = 50});
    learner.consolidate(mine, {.batch_size = 500});
    for (const auto& each : tests) std::printf("%6.1f %%", 100 * ll::accuracy(learner.model(), each));
    std::puts("");
  }
  // [perceptron]
}

int main() {
#if defined(__CUDACC__)
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("skipped: no CUDA device");
    return 0;
  }
#endif
  try {
    run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
