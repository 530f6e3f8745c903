// SPDX-License-Identifier: MIT
// A training on the CUDA backend has the same bits every time, also where a graph takes its steps.
#include <lifelong/cuda.cuh>
#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace repeat_test {

namespace ll = lifelong;

/// Parameters on the device, without a gradient.
struct OnDevice {
  using value_type = float;
  ll::cuda::Array<float> theta;
  std::span<float> parameters() { return {theta.data(), theta.size()}; }
  double gradient(const ll::Batch<float>&, std::span<float>) { return 0; }
};

/// g_i ← θ_i - x_i with x_i in [-1, 1) in no order: a gradient that is made on the device.
struct Pull {
  float* gradient;
  const float* theta;
  LIFELONG_HOST_DEVICE void operator()(std::size_t i) const {
    const auto bits = (static_cast<std::uint32_t>(i) + 1) * 2654435769u;
    gradient[i] = theta[i] - static_cast<float>(static_cast<std::int32_t>(bits)) * 0x1p-31f;
  }
};

constexpr std::size_t count = 100'003;

auto make_learner() {
  OnDevice model;
  model.theta.resize(count);
  return ll::Learner{std::move(model), ll::importance::RWalk{}, ll::penalty::Quadratic{.strength = 3},
                     ll::optimizer::Adam{}, ll::cuda::Backend{}};
}

/// Enqueues the gradient and the step that follows it.
template <class L>
void enqueue(L& learner) {
  const ll::cuda::Backend::Stream stream = learner.backend().stream();
  const float* const theta = learner.model().theta.data();
  ll::cuda::System::launch_each(stream, count, Pull{learner.gradient().data(), theta});
  learner.enqueue_step(learner.gradient());
}

/// Everything to see of a learner, in bits.
struct Seen {
  std::vector<float> parameters, importance;
  std::vector<double> penalties;
  bool operator==(const Seen&) const = default;
};

template <class L>
void look(L& learner, Seen& seen) {
  seen.penalties.push_back(learner.finish_steps());
  seen.parameters.resize(count);
  seen.importance.resize(count);
  learner.copy_parameters(0, seen.parameters);
  learner.copy_importance(seen.importance);
}

/// Two tasks of 20 steps.
Seen train() {
  auto learner = make_learner();
  Seen seen;
  for (int task = 0; task < 2; ++task) {
    for (int step = 0; step < 20; ++step) enqueue(learner);
    learner.consolidate();
    look(learner, seen);
  }
  return seen;
}

}  // namespace repeat_test

using namespace repeat_test;

#if defined(__CUDACC__)
constexpr int repeats = 10;
#else  // where nothing can run in another order
constexpr int repeats = 2;
#endif

TEST_CASE("cuda: repeats of a training have the same bits") {
  const Seen first = train();
  CHECK(first.penalties.back() > 0);
  for (int repeat = 1; repeat < repeats; ++repeat) CHECK(train() == first);
}

#if defined(__CUDACC__)

TEST_CASE("cuda: steps that a graph takes have the bits of steps that are called") {
  auto called = make_learner(), captured = make_learner();
  const ll::cuda::Backend::Stream stream = captured.backend().stream();
  enqueue(called);
  enqueue(captured);  // makes room

  cudaGraph_t graph{};
  cudaGraphExec_t steps{};
  REQUIRE(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  enqueue(captured);
  REQUIRE(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
  REQUIRE(cudaGraphInstantiate(&steps, graph, 0) == cudaSuccess);
  for (int step = 0; step < 20; ++step) {
    enqueue(called);
    REQUIRE(cudaGraphLaunch(steps, stream) == cudaSuccess);
  }
  Seen expected, seen;
  look(called, expected);
  look(captured, seen);
  CHECK(seen == expected);
  REQUIRE(cudaGraphExecDestroy(steps) == cudaSuccess);
  REQUIRE(cudaGraphDestroy(graph) == cudaSuccess);
}

#endif
