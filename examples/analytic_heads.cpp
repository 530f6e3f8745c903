// SPDX-License-Identifier: MIT
// Class-incremental learning without stored examples: one class after the other, and what is known at the end is what
// joint training of the head would know. `analytic_heads FOLDER` does it with the MNIST in a folder.
#include <lifelong/analytic/random_features.hpp>
#include <lifelong/analytic/random_filters.hpp>
#include <lifelong/analytic/ridge.hpp>
#include <lifelong/analytic/slda.hpp>
#include <lifelong/io/idx.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/zlib.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "allocations.hpp"
#include "synthetic.hpp"

namespace ll = lifelong;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Learns a stream task by task; returns the accuracy on the test examples of all tasks together.
template <class Head, class S>
double learn_and_measure(const char* name, Head& head, const ll::Stream<S>& stream) {
  const double begin = seconds();
  for (const auto& task : stream) head.learn(task.train);
  const double learned = seconds();
  double right = 0, all = 0;
  for (const auto& task : stream) {
    right += ll::accuracy(head, task.test) * static_cast<double>(task.test.size());
    all += static_cast<double>(task.test.size());
  }
  std::printf(
      "%-22s %5zu features, %6.2f MB of state, accuracy %.2f %%; %.1f s to learn, %.1f s to solve and measure\n", name,
      head.features(), static_cast<double>(head.bytes()) * 1e-6, 100 * right / all, learned - begin,
      seconds() - learned);
  return right / all;
}

int mnist(const char* folder) {
  // [mnist]
  const auto data = ll::io::load_idx(folder, {.unpack = ll::zlib::gunzip});
  const auto stream = ll::stream::split(data, 5, {.scenario = ll::Scenario::class_incremental});
  ll::analytic::Ridge ridge{ll::analytic::RandomFilters<float>(28, 28, {.filters = 64, .seed = 1}), 10};
  // [mnist]
  return learn_and_measure("ridge, 64 filters", ridge, stream) >= 0.98 ? 0 : 1;
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

int main(int count, char** arguments) try {
  if (count > 1) return mnist(arguments[1]);
  const ll::SplitData<float> data{patterns(1200, 1), patterns(400, 2)};
  const auto stream = ll::stream::split(data, 4, {.scenario = ll::Scenario::class_incremental});
  ll::analytic::Ridge ridge{ll::analytic::RandomFeatures<float>(64, 200, 1), 4};
  ll::analytic::Slda slda{ll::analytic::RandomFeatures<float>(64, 200, 1), 4};
  const double exact = learn_and_measure("ridge", ridge, stream), means = learn_and_measure("slda", slda, stream);
  return one_at_a_time(data.train) && exact > 0.9 && means > 0.9 ? 0 : 1;
} catch (const ll::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
