// SPDX-License-Identifier: MIT
// The homework on a device: six methods learn five rotations of MNIST, one after the other, by a perceptron
// 784-1024-512-256-10. Prints a row of Markdown for each method, and the time that all of them took together.
// homework FOLDER [EPOCHS]: the folder holds the four IDX files, unpacked. homework --smoke: a few made-up images.
#include <lifelong/cuda.cuh>
#include <lifelong/cuda/mlp.cuh>
#include <lifelong/cuda/resident.cuh>
#include <lifelong/io/idx.hpp>
#include <lifelong/lifelong.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "device.hpp"

namespace ll = lifelong;

namespace {

using Clock = std::chrono::steady_clock;
using Data = ll::cuda::Resident<float>;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// What is trained, and how long.
struct Plan {
  std::vector<std::size_t> widths;
  std::size_t epochs;
};

/// The tasks, on the device: views of the same images, turned when a batch is formed.
struct Tasks {
  std::vector<Data> train, test;

  Tasks(const ll::SplitData<std::uint8_t>& data, const ll::cuda::Backend& backend) {
    const Data all_train(data.train, backend), all_test(data.test, backend);
    for (const double degrees : {0, 20, 40, 60, 80}) {
      const ll::FeatureMap turn = ll::FeatureMap::rotation(28, 28, degrees);
      train.emplace_back(all_train, turn);
      test.emplace_back(all_test, turn);
    }
  }
};

template <class Importance, class Penalty>
void run(const char* name, const Tasks& tasks, const Plan& plan, const ll::cuda::Backend& backend,
         const Importance& importance, const Penalty& penalty) {
  const auto start = Clock::now();
  ll::Learner learner{ll::cuda::mlp<float>(plan.widths, {.seed = 1}, backend), importance, penalty,
                      ll::optimizer::Adam{}, backend};
  double consolidating = 0;
  for (std::size_t task = 0; task < tasks.train.size(); ++task) {
    learner.fit(tasks.train[task], {.epochs = plan.epochs, .batch_size = 128, .seed = 1});
    if (task + 1 == tasks.train.size()) break;
    const auto end_of_task = Clock::now();
    if constexpr (requires { learner.consolidate(); })
      learner.consolidate();
    else
      learner.consolidate(tasks.train[task], {.batch_size = 512});
    consolidating += seconds_since(end_of_task);
  }
  const double learning = seconds_since(start);
  double sum = 0, first = 0;
  for (const Data& test : tasks.test) {
    const double accuracy = ll::accuracy(learner.model(), test, backend);
    if (&test == &tasks.test.front()) first = accuracy;
    sum += accuracy;
  }
  std::printf("| %s | %.2f | %.2f | %.2f | %.2f |\n", name, 100 * sum / static_cast<double>(tasks.test.size()),
              100 * first, learning, consolidating);
  std::fflush(stdout);
}

/// Images of noise around a bright row for each label.
ll::Dataset<std::uint8_t> made_up(std::size_t count) {
  const ll::Random random(1);
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < count; ++n) {
    labels.push_back(static_cast<std::int32_t>(n % 10));
    for (std::size_t i = 0; i < 784; ++i)
      pixels.push_back(i / 28 == 2 * (n % 10) ? 200 : static_cast<std::uint8_t>(random.below(n * 784 + i, 50)));
  }
  return {std::move(pixels), std::move(labels), {28, 28}};
}

void run_all(const ll::SplitData<std::uint8_t>& data, const Plan& plan) {
  using namespace ll::importance;
  using ll::penalty::Anchor, ll::penalty::None, ll::penalty::Quadratic;
  const ll::cuda::Backend backend;
  const auto start = Clock::now();
  const Tasks tasks(data, backend);
  std::printf("| method | average accuracy, %% | on the first task, %% | s in all | s of it to consolidate |\n");
  std::printf("|---|---|---|---|---|\n");
  run("finetune", tasks, plan, backend, Constant{}, None{});
  run("EWC", tasks, plan, backend, Fisher{}, Quadratic{.strength = 1000, .anchor = Anchor::per_task});
  run("MAS", tasks, plan, backend, Mas{}, Quadratic{.strength = 0.2});
  run("SI", tasks, plan, backend, SynapticIntelligence{.xi = 0.1}, Quadratic{.strength = 50});
  run("RWalk", tasks, plan, backend, RWalk{}, Quadratic{.strength = 30});
  run("SCP", tasks, plan, backend, ScpLimit{}, Quadratic{.strength = 300});
  std::printf("\nAll six with their data, %zu epochs: %.1f s\n", plan.epochs, seconds_since(start));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("homework FOLDER [EPOCHS]: FOLDER holds MNIST's four IDX files, unpacked\n", stderr);
    return 2;
  }
  if (!has_device()) {
    std::puts("skipped: no CUDA device");
    return 77;
  }
  try {
    if (std::string(argv[1]) == "--smoke")
      run_all({made_up(40), made_up(20)}, {{784, 32, 10}, 1});
    else
      run_all(ll::io::load_idx(argv[1]),
              {{784, 1024, 512, 256, 10}, argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "homework: %s\n", error.what());
    return 1;
  }
  return 0;
}
