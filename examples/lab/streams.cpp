// SPDX-License-Identifier: MIT
#include "streams.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/stream/permuted.hpp>
#include <lifelong/stream/rotated.hpp>
#include <lifelong/stream/split.hpp>
#include <vector>

namespace lab {

namespace {

/// One angle for each task.
std::vector<double> angles(const Options& options, std::uint64_t seed) {
  const lifelong::Random random(seed, lifelong::Purpose::user);
  std::vector<double> degrees;
  for (std::size_t task = 0; task < options.tasks; ++task)
    degrees.push_back(options.degrees ? *options.degrees * static_cast<double>(task) : 180 * random.uniform(task));
  return degrees;
}

Stream full_stream(const lifelong::SplitData<std::uint8_t>& data, const Options& options, std::uint64_t seed) {
  if (options.stream == StreamKind::split)
    return lifelong::stream::split(data, options.tasks, {.scenario = options.scenario});
  if (options.stream == StreamKind::permuted)
    return lifelong::stream::permuted(data, options.tasks, {.seed = seed, .scenario = options.scenario});
  return lifelong::stream::rotated(data, angles(options, seed), {.scenario = options.scenario});
}

}  // namespace

Stream make_stream(const lifelong::SplitData<std::uint8_t>& data, const Options& options, std::uint64_t seed) {
  const Stream full = full_stream(data, options, seed);
  const std::size_t count = options.sweep ? options.sweep->first : full.size();
  std::vector<lifelong::Task<std::uint8_t>> tasks(full.begin(), full.begin() + static_cast<std::ptrdiff_t>(count));
  for (auto& task : tasks) {
    if (options.train_samples) task.train = task.train.first(*options.train_samples);
    if (task.train.size() == 0 || task.test.size() == 0)
      throw lifelong::InvalidArgument(fmt::format("task '{}' has {} training and {} test examples, but needs both",
                                                  task.name, task.train.size(), task.test.size()));
  }
  return {std::move(tasks), full.outputs(), full.scenario()};
}

}  // namespace lab
