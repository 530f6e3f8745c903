// SPDX-License-Identifier: MIT
// The homework's perceptron, 784-1024-512-256-10, on a device: what its passes cost, what TF32 is off by, what the
// parts of a training take on 60,000 made-up images, and whether ten trainings give the same bits. passes [--smoke]: on
// a small network and few images.
#include <lifelong/cuda.cuh>
#include <lifelong/cuda/mlp.cuh>
#include <lifelong/cuda/resident.cuh>
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "device.hpp"

namespace ll = lifelong;

namespace {

struct Plan {
  std::vector<std::size_t> widths{784, 1024, 512, 256, 10};
  std::size_t images = 60'000;
  std::size_t repeats = 50, trainings = 10;
};

/// Seconds that a call takes until the device is done, the median of five runs of `repeats` calls.
template <class Call>
double seconds(const ll::cuda::Backend& backend, std::size_t repeats, const Call& call) {
  call();
  std::vector<double> runs;
  for (int run = 0; run < 5; ++run) {
    backend.synchronize();
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t k = 0; k < repeats; ++k) call();
    backend.synchronize();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    runs.push_back(time.count() / static_cast<double>(repeats));
  }
  std::sort(runs.begin(), runs.end());
  return runs[2];
}

/// Ten blurred shapes with noise, one per class.
ll::Dataset<float> made_up_images(std::size_t count, std::uint64_t seed) {
  const ll::Random noise(seed), shape(7);
  std::vector<float> pixels(count * 784);
  std::vector<std::int32_t> labels(count);
  for (std::size_t n = 0; n < count; ++n) {
    labels[n] = static_cast<std::int32_t>(n % 10);
    for (std::size_t j = 0; j < 784; ++j) {
      const double ink = shape.uniform(784 * (n % 10) + j) > 0.8 ? 0.6 : 0;
      pixels[n * 784 + j] = static_cast<float>(ink + 0.4 * noise.uniform(n * 784 + j));
    }
  }
  return {std::move(pixels), std::move(labels), {28, 28}};
}

template <class T>
std::vector<T> on_host(const ll::cuda::Backend& backend, const ll::cuda::Array<T>& array) {
  std::vector<T> values(array.size());
  backend.copy_out(array.data(), std::span<T>(values));
  return values;
}

/// max |a - b| / max |b|
template <class T>
double distance(const std::vector<T>& a, const std::vector<double>& b) {
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return worst / largest;
}

const ll::importance::LogLikelihood exact{};
const ll::importance::OutputNorm norm{};

/// The gradient, the exact Fisher information and MAS of the first 512 images.
template <class T>
std::vector<std::vector<T>> passes(const Plan& plan, const ll::Dataset<float>& data, bool tf32,
                                   const ll::cuda::Backend& backend) {
  const ll::cuda::Resident<T> task(data, backend);
  const auto range = task.batches(512);
  const auto batch = *range.begin();
  auto net = ll::cuda::mlp<T>(plan.widths, {.seed = 1, .tf32 = tf32}, backend);
  std::vector<std::vector<T>> results;
  const auto run = [&](const auto& pass) {
    ll::cuda::Array<T> out;
    out.resize(net.parameters().size());
    pass(std::span<T>(out.data(), out.size()));
    results.push_back(on_host(backend, out));
  };
  run([&](auto out) { net.gradient(batch, out); });
  run([&](auto out) { net.accumulate_moment(batch, exact, ll::moment::Square{}, out); });
  run([&](auto out) { net.accumulate_moment(batch, norm, ll::moment::Absolute{}, out); });
  return results;
}

void print_errors(const Plan& plan, const ll::Dataset<float>& data, const ll::cuda::Backend& backend) {
  const auto expected = passes<double>(plan, data, false, backend);
  const char* names[] = {"gradient", "exact Fisher", "MAS"};
  std::printf("\nlargest error / largest element, against double      float       TF32\n");
  const auto single = passes<float>(plan, data, false, backend), fast = passes<float>(plan, data, true, backend);
  for (std::size_t k = 0; k < 3; ++k)
    std::printf("%-46s %10.2e %10.2e\n", names[k], distance(single[k], expected[k]), distance(fast[k], expected[k]));
}

void print_times(const Plan& plan, const ll::cuda::Resident<float>& task, bool tf32, const ll::cuda::Backend& backend) {
  auto net = ll::cuda::mlp<float>(plan.widths, {.seed = 1, .tf32 = tf32}, backend);
  ll::cuda::Array<float> array;
  array.resize(net.parameters().size());
  const std::span<float> out(array.data(), array.size());
  std::printf("\n%s, microseconds per batch   gradient   exact Fisher   MAS   (in gradients)\n",
              tf32 ? "TF32" : "float");
  for (const std::size_t size : {128U, 512U, 1024U}) {
    const auto range = task.batches(size);
    const auto batch = *range.begin();
    const double gradient = seconds(backend, plan.repeats, [&] { net.gradient(batch, out); });
    const double fisher =
        seconds(backend, plan.repeats, [&] { net.accumulate_moment(batch, exact, ll::moment::Square{}, out); });
    const double mas =
        seconds(backend, plan.repeats, [&] { net.accumulate_moment(batch, norm, ll::moment::Absolute{}, out); });
    std::printf("batch %4zu %24.1f %12.1f %10.1f   (%.2f, %.2f)\n", size, 1e6 * gradient, 1e6 * fisher, 1e6 * mas,
                fisher / gradient, mas / gradient);
  }
}

/// Two tasks, the second turned by 20 degrees; returns θ and prints the times if `prints`.
template <class Importance>
std::vector<float> train(const Plan& plan, const char* name, Importance importance,
                         const ll::cuda::Resident<float>& task, bool tf32, bool prints,
                         const ll::cuda::Backend& backend) {
  ll::Learner learner{ll::cuda::mlp<float>(plan.widths, {.seed = 1, .tf32 = tf32}, backend), importance,
                      ll::penalty::Quadratic{.strength = 10}, ll::optimizer::Momentum{.learning_rate = 0.01}, backend};
  const ll::cuda::Resident<float> turned(task, ll::FeatureMap::rotation(28, 28, 20));
  const auto timed = [&](const auto& call) {
    const auto begin = std::chrono::steady_clock::now();
    call();
    backend.synchronize();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  learner.fit(task, {.epochs = 1, .batch_size = 128, .steps = 20});  // makes room
  const double epoch = timed([&] { learner.fit(task, {.epochs = 1, .batch_size = 128}); });
  const double end = timed([&] {
    if constexpr (requires { learner.consolidate(); })
      learner.consolidate();
    else
      learner.consolidate(task, {.batch_size = 512});
  });
  const double second = timed([&] { learner.fit(turned, {.epochs = 1, .batch_size = 128}); });
  double share = 0;
  const double test = timed([&] { share = ll::accuracy(learner.model(), task, backend); });
  if (prints)
    std::printf("%-10s %-6s %10.3f %10.3f %10.3f %10.3f %10.3f\n", name, tf32 ? "TF32" : "float", epoch, end, second,
                test, share);
  std::vector<float> theta(learner.parameters().size());
  learner.copy_parameters(0, theta);
  return theta;
}

bool all_are_equal(const Plan& plan, const ll::cuda::Resident<float>& task, const ll::cuda::Backend& backend) {
  const auto one = [&] { return train(plan, "", ll::importance::Fisher{}, task, false, false, backend); };
  const std::vector<float> first = one();
  for (std::size_t k = 1; k < plan.trainings; ++k) {
    const std::vector<float> again = one();
    if (std::memcmp(first.data(), again.data(), first.size() * sizeof(float)) != 0) return false;
  }
  return true;
}

void run(const Plan& plan) {
  const ll::cuda::Backend backend;
  const ll::Dataset<float> data = made_up_images(plan.images, 1);
  const ll::cuda::Resident<float> task(data, backend);
  print_errors(plan, data, backend);
  for (const bool tf32 : {false, true}) print_times(plan, task, tf32, backend);
  std::printf("\nseconds           an epoch  a task end  epoch, turned  accuracy of all, and its value\n");
  for (const bool tf32 : {false, true}) {
    train(plan, "Fisher", ll::importance::Fisher{}, task, tf32, true, backend);
    train(plan, "Mas", ll::importance::Mas{}, task, tf32, true, backend);
    train(plan, "SI", ll::importance::SynapticIntelligence{}, task, tf32, true, backend);
    train(plan, "RWalk", ll::importance::RWalk{}, task, tf32, true, backend);
    train(plan, "ScpLimit", ll::importance::ScpLimit{}, task, tf32, true, backend);
  }
  const bool equal = all_are_equal(plan, task, backend);
  std::printf("\n%zu trainings give %s bits\n", plan.trainings, equal ? "the same" : "DIFFERENT");
  if (!equal) std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (!has_device()) {
    std::puts("skipped: no CUDA device");
    return 77;
  }
  try {
    run(argc > 1 && std::string(argv[1]) == "--smoke" ? Plan{{784, 8, 10}, 60, 1, 2} : Plan{});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "passes: %s\n", error.what());
    return 1;
  }
  return 0;
}
