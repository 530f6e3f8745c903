// SPDX-License-Identifier: MIT
// A learner whose parameters lie on a device.
#include <lifelong/cuda.cuh>
#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

namespace ll = lifelong;

/// Parameters on the device, of a model whose gradients are yours.
struct OnDevice {
  using value_type = float;
  ll::cuda::Array<float> theta;
  std::span<float> parameters() { return {theta.data(), theta.size()}; }
  double gradient(const ll::Batch<float>&, std::span<float>) { return 0; }
};

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) return std::puts("cuda: no device to run on") < 0;

  OnDevice model;
  model.theta.resize(1000);
  ll::Learner learner{model, ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{.strength = 10},
                      ll::optimizer::Momentum{.learning_rate = 0.1}, ll::cuda::Backend{}};
  learner.enqueue_step(learner.gradient());  // which your kernels have written: here it is 0
  learner.finish_steps();                    // waits

  std::vector<float> parameters(1000);
  learner.copy_parameters(0, parameters);
  for (const float value : parameters)
    if (value != 0) return 1;
  std::puts("cuda works");
}
