// SPDX-License-Identifier: MIT
// Runs every estimator, penalty and optimizer of the golden list on the CUDA backend and on the processor, and
// compares.
#include <lifelong/cuda.cuh>

#include "../../golden/golden.hpp"
#include "../device_parameters.hpp"

#include <cstdio>
#include <exception>
#include <vector>

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#endif

namespace golden {

namespace {

/// Pulls every parameter to another place in every task.
template <class Learner>
void follow(Learner& learner, std::uint64_t task) {
  using T = typename Learner::value_type;
  const ll::Random random(task);
  std::vector<T> gradient(learner.parameters().size());
  for (int step = 0; step < 5; ++step) {
    learner.copy_parameters(0, gradient);
    for (std::size_t i = 0; i < gradient.size(); ++i)
      gradient[i] = T(0.2) * (gradient[i] - static_cast<T>(random.uniform(i)));
    ll::detail::copy_in(learner.backend(), std::span<const T>(gradient), learner.gradient().data());
    learner.step(learner.gradient());
  }
}

/// More parameters than one block of a device takes, with every penalty and optimizer.
template <class T, class Importance>
void add_steps(Report& report, const std::string& name, const Importance& importance) {
  const auto add = [&](const std::string& cost, const auto& penalty) {
    with_optimizers([&](const char* step, const auto& optimizer) {
      report.add("steps/" + name + "/" + cost + "/" + step, [=](OpenMP threads) {
        const ll::cuda::Backend backend;
        ll::Learner host{test::DeviceParameters<T, OpenMP>(20001), importance, penalty, optimizer, threads};
        ll::Learner device{test::DeviceParameters<T, ll::cuda::Backend>(20001), importance, penalty, optimizer,
                           backend};
        for (std::uint64_t task = 0; task < 3; ++task) {
          follow(host, task);
          follow(device, task);
          require_same(host, device, "before the end of task " + std::to_string(task));
          host.consolidate();
          device.consolidate();
          require_same(host, device, "after task " + std::to_string(task));
        }
        return std::uint64_t{0};
      });
    });
  };
  with_quadratic(add);
  with_other_penalties(add);
}

bool has_device() {
#if defined(__CUDACC__)
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
#else
  return true;
#endif
}

}  // namespace

void Report::add(const std::string& name, const std::function<std::uint64_t(OpenMP)>& run) {
  try {
    run(OpenMP{2});
    if (lines_.emplace(name, "same").second) return;
    std::printf("%s: the name is taken\n", name.c_str());
  } catch (const std::exception& error) {
    std::printf("%s: %s\n", name.c_str(), error.what());
  }
  ++failures_;
}

}  // namespace golden

int main() {
  if (!golden::has_device()) {
    std::puts("skipped: no CUDA device");
    return 0;
  }
  golden::Report report;
  for (const auto add :
       {golden::add_fisher, golden::add_estimators, golden::add_paths, golden::add_conventions, golden::add_networks})
    add(report);
  golden::add_steps<float>(report, "si_float", golden::imp::SynapticIntelligence{});
  golden::add_steps<double>(report, "interval_rwalk_double", golden::imp::IntervalRWalk{.interval = 2});
  std::printf("%zu trainings have the processor's bits, %d have not\n", report.lines().size(), report.failures());
  return report.failures() == 0 && report.lines().size() > 250 ? 0 : 1;
}
