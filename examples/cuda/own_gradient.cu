// SPDX-License-Identifier: MIT
// A loss of one's own on a device: its kernel writes the gradient, and the learner's step follows on the same stream.
// Nothing of the size of the parameters crosses to the host.
#include <lifelong/cuda.cuh>
#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <span>

namespace ll = lifelong;

// [model]
/// Parameters on the device. Steps are given their gradients, so that is all a learner needs.
struct Parameters {
  using value_type = float;
  ll::cuda::Array<float> theta;

  explicit Parameters(std::size_t count) { theta.resize(count); }
  std::span<float> parameters() { return {theta.data(), theta.size()}; }
};
// [model]

// [kernel]
/// ∂/∂θ of ½ Σ_i c_i (θ_i − target)², where every task cares (c_i = 1) for another half of the parameters.
__global__ void differentiate(const float* theta, float* gradient, std::size_t count, unsigned task) {
  const std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x;
  if (i >= count) return;
  const bool cares = (i >> task) % 2 == 0;
  gradient[i] = cares ? theta[i] - static_cast<float>(task + 1) : 0.0F;
}
// [kernel]

void run() {
  constexpr std::size_t count = 1'000'000;
  // [learner]
  const ll::cuda::Backend backend;  // on a stream of its own; cuda::Backend(stream) takes yours
  ll::Learner learner{Parameters(count), ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{.strength = 1},
                      ll::optimizer::Momentum{.learning_rate = 0.05}, backend};
  const float* const theta = learner.parameters().data();  // asked for once: the learner looks at θ after each time
  float* const gradient = learner.gradient().data();
  for (unsigned task = 0; task < 3; ++task) {
    for (int step = 0; step < 100; ++step) {
      differentiate<<<(count + 255) / 256, 256, 0, backend.stream()>>>(theta, gradient, count, task);
      learner.enqueue_step(learner.gradient());  // the host goes on
    }
    const double penalty = learner.finish_steps();  // waits, and reports what went wrong
    learner.consolidate();
    std::printf("task %u: penalty %.4f before its last step\n", task, penalty);
  }
  // [learner]
}

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("skipped: no CUDA device");
    return 0;
  }
  try {
    run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
