// SPDX-License-Identifier: MIT
// Class-incremental learning without stored examples: one class after the other, and what is known at the end is what
// joint training of the head would know. `analytic_heads FOLDER SEEDS...` does it with the MNIST in a folder.
#include <lifelong/analytic.hpp>
#include <lifelong/io/idx.hpp>
#include <lifelong/io/state.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/zlib.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "synthetic.hpp"

namespace ll = lifelong;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Learns a stream task by task; the accuracy in the end, on test examples of all classes.
template <class Head, class S, class Test>
double learn_and_measure(const char* name, Head& head, const S& stream, const Test& test) {
  const double begin = seconds();
  // [learn]
  for (const auto& task : stream) head.learn(task.train);
  // [learn]
  const double learned = seconds();
  const double accuracy = ll::accuracy(head, test);
  std::printf("%s: %zu features, %.2f MB of state, %.1f s to learn, %.1f s to solve and measure: %.2f %%\n", name,
              head.features(), static_cast<double>(head.bytes()) * 1e-6, learned - begin, seconds() - learned,
              100 * accuracy);
  return accuracy;
}

void print_mean(const char* name, const std::vector<double>& accuracies) {
  double mean = 0, squares = 0;
  const double count = static_cast<double>(accuracies.size());
  for (const double accuracy : accuracies) mean += accuracy / count;
  for (const double accuracy : accuracies) squares += (accuracy - mean) * (accuracy - mean);
  std::printf("%s, %.0f seeds: %.2f +- %.2f %%\n", name, count, 100 * mean,
              100 * std::sqrt(squares / std::max(1.0, count * (count - 1))));
}

using Images = ll::SplitData<std::uint8_t>;

/// The first images of all classes alone, with the default strength and with the chosen one.
void few_images(const Images& data, std::uint64_t seed) {
  for (const std::size_t count : {500U, 1000U, 1600U, 2000U, 5000U, 20000U}) {
    ll::analytic::Ridge ridge{ll::analytic::RandomFilters<float>(28, 28, {.filters = 64, .seed = seed}), 10};
    ridge.learn(ll::Examples<std::uint8_t>(data.train).first(count));
    const double before = ll::accuracy(ridge, data.test), strength = ll::analytic::choose_strength(ridge);
    std::printf("%5zu images: ridge %.2f %%, with strength %.0e by its own estimate %.2f %%\n", count, 100 * before,
                strength, 100 * ll::accuracy(ridge, data.test));
  }
}

/// Both heads on the random filters of each seed, and the ridge once more with a strength from its state.
int mnist(const Images& data, const std::vector<std::uint64_t>& seeds) {
  std::vector<double> exact, chosen, means;
  for (const std::uint64_t seed : seeds) {
    // [mnist]
    const auto stream = ll::stream::split(data, 5, {.scenario = ll::Scenario::class_incremental});
    const ll::analytic::RandomFilters<float> trunk(28, 28, {.filters = 64, .seed = seed});
    ll::analytic::Ridge ridge{trunk, 10};
    ll::analytic::Slda slda{trunk, 10};  // or the textbook's rule on the same features
    // [mnist]
    exact.push_back(learn_and_measure("ridge", ridge, stream, data.test));
    const double strength = ll::analytic::choose_strength(ridge);
    chosen.push_back(ll::accuracy(ridge, data.test));
    std::printf("ridge, strength %.0e by its own estimate: %.2f %%\n", strength, 100 * chosen.back());
    means.push_back(learn_and_measure("slda", slda, stream, data.test));
  }
  print_mean("ridge", exact);
  print_mean("ridge, chosen strength", chosen);
  print_mean("slda", means);
  few_images(data, seeds.front());
  return std::ranges::min(exact) >= 0.98 ? 0 : 1;
}

/// With about as many samples as features the default strength is too small; the state says so.
bool few_samples(const ll::SplitData<float>& data) {
  // [strength]
  ll::analytic::Ridge ridge{ll::analytic::RandomFeatures<float>(64, 300, 1), 4};
  ridge.learn(data.train);
  const double before = ll::accuracy(ridge, data.test);
  const double strength = ll::analytic::choose_strength(ridge);  // no example is needed
  const double after = ll::accuracy(ridge, data.test);
  // [strength]
  std::printf("%zu samples, 301 features: accuracy %.1f %%, with strength %g %.1f %%\n", data.train.size(),
              100 * before, strength, 100 * after);
  return after > before;
}

/// A device sees one sample at a time, in fixed memory, and can take one back.
bool one_at_a_time(const ll::Dataset<float>& data) {
  // [device]
  ll::analytic::Ridge ridge{ll::analytic::RandomFeatures<float>(64, 100, 1), 4};
  ll::BatchBuffer<float> sample;
  sample.resize(1, 64, 0);
  const auto learn = [&](std::size_t i) {
    data.read(i, sample.row(0, i));
    ridge.learn(sample.batch());
  };
  learn(0);  // memory grows to what it takes
  const std::size_t allocated = allocations;
  for (std::size_t i = 1; i < data.size(); ++i) learn(i);
  const bool without_allocation = allocations == allocated;
  // [device]
  ridge.unlearn(sample.batch());
  std::printf("one at a time: %.0f samples, %s allocation after the first\n", ridge.samples(),
              without_allocation ? "no" : "an");
  return without_allocation;
}

/// What is known goes through a file, and comes back to the bit.
bool through_a_file(const ll::SplitData<float>& data) {
  const std::string path = (std::filesystem::temp_directory_path() / "lifelong_ridge.safetensors").string();
  // [file]
  ll::analytic::Ridge ridge{ll::analytic::RandomFeatures<float>(64, 100, 1), 4};
  ridge.learn(data.train);
  ll::io::write_safetensors(path, ll::io::state_of(ridge));  // the whole new file, or the old one

  ll::analytic::Ridge again{ll::analytic::RandomFeatures<float>(64, 100, 1), 4};
  ll::io::load_state(ll::io::read_safetensors(path), again);  // all of it, or nothing
  // [file]
  std::filesystem::remove(path);
  return again.weight(3, 99) == ridge.weight(3, 99);
}

int main(int count, char** arguments) try {
  if (count > 1) {
    std::vector<std::uint64_t> seeds;
    for (int k = 2; k < count; ++k) seeds.push_back(std::strtoull(arguments[k], nullptr, 10));
    if (seeds.empty()) seeds = {1};
    return mnist(ll::io::load_idx(arguments[1], {.unpack = ll::zlib::gunzip}), seeds);
  }
  const ll::SplitData<float> data{patterns(1200, 1), patterns(400, 2)};
  const auto stream = ll::stream::split(data, 4, {.scenario = ll::Scenario::class_incremental});
  ll::analytic::Ridge ridge{ll::analytic::RandomFeatures<float>(64, 200, 1), 4};
  ll::analytic::Slda slda{ll::analytic::RandomFeatures<float>(64, 200, 1), 4};
  const double exact = learn_and_measure("ridge", ridge, stream, data.test);
  const double means = learn_and_measure("slda", slda, stream, data.test);
  const bool helped = few_samples({patterns(300, 3), data.test});
  return one_at_a_time(data.train) && through_a_file(data) && helped && exact > 0.9 && means > 0.9 ? 0 : 1;
} catch (const ll::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
