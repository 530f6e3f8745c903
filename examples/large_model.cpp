// SPDX-License-Identifier: MIT
// From a hundred thousand to a billion parameters: what a step costs, and what memory is asked for.
// large_model [parameters]: the largest size, 1e6 if not given; 1e9 takes 18 GB.
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <span>

namespace ll = lifelong;

namespace {

/// ½ |θ - target|²: no work beside the parameters themselves.
struct Bowl {
  using value_type = float;
  ll::AlignedVector<float> theta;
  float target = 0.5f;

  explicit Bowl(std::size_t count) : theta(count) {}
  std::span<float> parameters() { return theta; }
  double gradient(const ll::Batch<float>&, std::span<float> out) const {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = theta[i] - target;
    return 0;
  }
};

auto make_learner(std::size_t parameters, ll::MemoryLimit limit = {}) {
  return ll::Learner{Bowl(parameters), ll::importance::Constant{.merge = ll::importance::Merge::decay(0.9)},
                     ll::compact(ll::penalty::Quadratic{.strength = 10}),  // the importance in bfloat16
                     ll::optimizer::Momentum{.learning_rate = 1e-3}, limit};
}

/// Processor time: other programs on the machine do not count.
double seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Least time of a step; the gradient is the learner's own array, already written.
template <class Learner>
double seconds_per_step(Learner& learner) {
  const std::size_t steps = 5'000'000 / learner.parameters().size() + 1;
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 5; ++repeat) {
    const double begin = seconds();
    for (std::size_t step = 0; step < steps; ++step) learner.step(learner.gradient());
    best = std::min(best, (seconds() - begin) / static_cast<double>(steps));
  }
  return best;
}

void measure(std::size_t parameters) {
  const double begin = seconds();
  auto learner = make_learner(parameters);
  const double made = seconds() - begin;
  const auto time_after_task = [&] {
    learner.model().gradient({}, learner.gradient());
    learner.step(learner.gradient());
    learner.consolidate();
    learner.model().gradient({}, learner.gradient());
    return seconds_per_step(learner);
  };
  const double one_task = time_after_task();
  while (learner.tasks() < 9) learner.consolidate();
  const double ten_tasks = time_after_task();
  const double count = static_cast<double>(parameters);
  const double moved = 4 * count + (3 * 4 + 2 * 4 + 4 + 2) * count;  // check: g; pass: θ g v, θ' v', θ*, Ω
  std::printf("%10.0e %8.4g %7.2f %12.1f %12.1f %8.3f %6.1f\n", count,
              1e-9 * count * static_cast<double>(learner.bytes_per_parameter()), made, 1e6 * one_task, 1e6 * ten_tasks,
              1e9 * one_task / count, 1e-9 * moved / one_task);
}

}  // namespace

int main(int count, char** arguments) {
  const double most = count > 1 ? std::atof(arguments[1]) : 1e6;
  std::printf("%10s %8s %7s %12s %12s %8s %6s\n", "parameters", "GB", "made, s", "1 task, us", "10 tasks, us",
              "ns each", "GB/s");
  for (double size = 1e5; size < 1.5 * most; size *= 10) measure(static_cast<std::size_t>(size > most ? most : size));
  try {
    make_learner(100'000, {.bytes = 1'000'000});
  } catch (const ll::OutOfMemory& error) {
    std::printf("%s\n", error.what());
  }
}
