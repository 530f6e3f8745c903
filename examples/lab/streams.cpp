// SPDX-License-Identifier: MIT
#include "streams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <lifelong/core/error.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/stream/permuted.hpp>
#include <lifelong/stream/rotated.hpp>
#include <lifelong/stream/split.hpp>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lab {

namespace {

using Bytes = lifelong::Dataset<std::uint8_t>;
using SplitBytes = lifelong::SplitData<std::uint8_t>;
using Tasks = std::vector<lifelong::Task<std::uint8_t>>;
using lifelong::InvalidArgument;

/// Random numbers of a purpose of its own for each kind of stream.
enum Draw : std::uint32_t { angle, noise_of_train, noise_of_test, share_of_class, kept, order, blurred };

lifelong::Random random_for(std::uint64_t seed, Draw what, std::size_t task = 0) {
  return lifelong::Random(seed, lifelong::Purpose::user, static_cast<std::uint32_t>(what + 16 * task));
}

/// One angle for each task.
std::vector<double> angles(const Options& options, std::uint64_t seed) {
  const lifelong::Random random = random_for(seed, angle);
  std::vector<double> degrees;
  for (std::size_t task = 0; task < options.tasks; ++task)
    degrees.push_back(options.degrees ? *options.degrees * static_cast<double>(task) : 180 * random.uniform(task));
  return degrees;
}

/// The same images with noise of this standard deviation, where white is 1, cut off at black and white.
Bytes with_noise(const Bytes& data, double deviation, const lifelong::Random& random) {
  const std::span<const std::uint8_t> inputs = data.inputs();
  std::vector<std::uint8_t> noisy(inputs.begin(), inputs.end());
  for (std::size_t i = 0; i < noisy.size(); ++i) {
    const double value = noisy[i] + 255 * deviation * random.normal(i);
    noisy[i] = static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
  }
  const std::span<const std::int32_t> labels = data.labels();
  return Bytes(std::move(noisy), std::vector<std::int32_t>(labels.begin(), labels.end()), data.shape())
      .with_scale(data.scale());
}

/// Views of one data set as tasks of a scenario: with outputs of their own, unless they share them.
class Scene {
 public:
  Scene(std::size_t tasks, std::size_t classes, lifelong::Scenario scenario)
      : tasks_(tasks), classes_(classes), scenario_(scenario) {}

  [[nodiscard]] std::size_t outputs() const { return shares() ? classes_ : classes_ * tasks_; }
  [[nodiscard]] Examples part(const Examples& examples, std::size_t task) const {
    if (shares()) return examples;
    const std::size_t first = task * classes_;
    const bool known = scenario_ == lifelong::Scenario::task;
    return examples.relabeled(
        static_cast<std::int32_t>(first),
        known ? lifelong::OutputRange{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(classes_)}
              : lifelong::OutputRange{});
  }

 private:
  [[nodiscard]] bool shares() const { return scenario_ == lifelong::Scenario::domain; }

  std::size_t tasks_, classes_;
  lifelong::Scenario scenario_;
};

std::size_t classes_of(const Bytes& data) {
  std::int32_t most = 0;
  for (const std::int32_t label : data.labels()) most = std::max(most, label);
  return static_cast<std::size_t>(most) + 1;
}

/// The first task is as it is, the last has all the noise.
Stream noisy(const SplitBytes& data, const Options& options, std::uint64_t seed) {
  const Scene scene(options.tasks, classes_of(data.train), options.scenario);
  Tasks tasks;
  for (std::size_t task = 0; task < options.tasks; ++task) {
    const double deviation =
        options.tasks < 2 ? 0 : options.noise * static_cast<double>(task) / static_cast<double>(options.tasks - 1);
    const auto part = [&](const Bytes& whole, Draw draw) {
      return scene.part(task == 0 ? whole : with_noise(whole, deviation, random_for(seed, draw, task)), task);
    };
    tasks.push_back(
        {fmt::format("noise {:.2f}", deviation), part(data.train, noise_of_train), part(data.test, noise_of_test)});
  }
  return {std::move(tasks), scene.outputs(), options.scenario};
}

/// Some examples of each class: of every class a share that is drawn for the task.
Stream label_shift(const SplitBytes& data, const Options& options, std::uint64_t seed) {
  const Scene scene(options.tasks, classes_of(data.train), options.scenario);
  Tasks tasks;
  for (std::size_t task = 0; task < options.tasks; ++task) {
    const lifelong::Random shares = random_for(seed, share_of_class, task), keeps = random_for(seed, kept, task);
    const auto part = [&](const Bytes& whole) {
      std::vector<std::size_t> numbers;
      for (std::size_t i = 0; i < whole.size(); ++i)
        if (keeps.uniform(i) < std::pow(shares.uniform(static_cast<std::size_t>(whole.labels()[i])), options.shift))
          numbers.push_back(i);
      return scene.part(Examples(whole).subset(std::move(numbers)), task);
    };
    tasks.push_back({fmt::format("shares {}", task + 1), part(data.train), part(data.test)});
  }
  return {std::move(tasks), scene.outputs(), options.scenario};
}

/// One data set after another.
Stream sets(const Data& data, const Options& options) {
  std::vector<const SplitBytes*> all{&data.examples};
  for (const SplitBytes& each : data.more) all.push_back(&each);
  std::size_t classes = 0;
  for (const SplitBytes* each : all) classes = std::max(classes, classes_of(each->train));
  const Scene scene(all.size(), classes, options.scenario);
  Tasks tasks;
  for (std::size_t task = 0; task < all.size(); ++task)
    tasks.push_back(
        {fmt::format("set {}", task + 1), scene.part(all[task]->train, task), scene.part(all[task]->test, task)});
  return {std::move(tasks), scene.outputs(), options.scenario};
}

Stream full_stream(const Data& data, const Options& options, std::uint64_t seed) {
  if (!data.more.empty() && options.stream != StreamKind::sets)
    throw InvalidArgument("--dataset names several sets, which only --stream sets learns");
  const SplitBytes& examples = data.examples;
  switch (options.stream) {
    case StreamKind::split:
      return lifelong::stream::split(examples, options.tasks, {.scenario = options.scenario});
    case StreamKind::permuted:
      return lifelong::stream::permuted(examples, options.tasks, {.seed = seed, .scenario = options.scenario});
    case StreamKind::noisy:
      return noisy(examples, options, seed);
    case StreamKind::label_shift:
      return label_shift(examples, options, seed);
    case StreamKind::sets:
      return sets(data, options);
    case StreamKind::rotated:
      break;
  }
  return lifelong::stream::rotated(examples, angles(options, seed), {.scenario = options.scenario});
}

void put_in_order(Tasks& tasks, const Options& options, std::uint64_t seed) {
  std::vector<std::uint32_t> random_order(tasks.size());
  std::iota(random_order.begin(), random_order.end(), 0U);
  if (options.random_order) random_for(seed, order).shuffle(std::span<std::uint32_t>(random_order));
  if (!options.order && !options.random_order) return;
  Tasks ordered;
  for (std::size_t k = 0; k < tasks.size(); ++k)
    ordered.push_back(tasks[options.order ? (*options.order)[k] : random_order[k]]);
  tasks = std::move(ordered);
}

/// Neighbours exchange a share of their training examples, so that no step is the first of a task.
void blur(Tasks& tasks, double share, std::uint64_t seed) {
  if (share == 0) return;
  std::vector<std::vector<std::size_t>> numbers;  // in the data that all tasks share
  for (const auto& task : tasks) {
    const Examples& train = task.train;
    if (train.data().inputs().data() != tasks[0].train.data().inputs().data() || !train.map().identity() ||
        train.label_offset() != 0 || train.active() != lifelong::OutputRange{})
      throw InvalidArgument(
          "--blur needs tasks that share their images and outputs: --stream split --scenario class, or label-shift");
    numbers.emplace_back();
    for (std::size_t i = 0; i < train.size(); ++i) numbers.back().push_back(train.index(i));
  }
  for (std::size_t task = 0; task + 1 < tasks.size(); ++task) {
    std::vector<std::size_t>&mine = numbers[task], &theirs = numbers[task + 1];
    const lifelong::Random random = random_for(seed, blurred, task);
    const auto exchanged = static_cast<std::size_t>(share * static_cast<double>(std::min(mine.size(), theirs.size())));
    for (std::size_t k = 0; k < exchanged; ++k)
      std::swap(mine[random.below(2 * k, mine.size())], theirs[random.below(2 * k + 1, theirs.size())]);
  }
  for (std::size_t task = 0; task < tasks.size(); ++task)
    tasks[task].train = Examples(tasks[task].train.data()).subset(std::move(numbers[task]));
}

}  // namespace

Stream make_stream(const Data& data, const Options& options, std::uint64_t seed) {
  const Stream full = full_stream(data, options, seed);
  Tasks tasks(full.begin(), full.end());
  put_in_order(tasks, options, seed);
  blur(tasks, options.blur, seed);
  if (options.sweep) tasks.resize(options.sweep->first, tasks.front());
  for (auto& task : tasks) {
    if (options.train_samples) task.train = task.train.first(*options.train_samples);
    if (task.train.size() == 0 || task.test.size() == 0)
      throw InvalidArgument(fmt::format("task '{}' has {} training and {} test examples, but needs both", task.name,
                                        task.train.size(), task.test.size()));
  }
  return {std::move(tasks), full.outputs(), full.scenario()};
}

}  // namespace lab
