// SPDX-License-Identifier: MIT
// Who watches a call of fit, what may end it, and how it goes on: callbacks, ready observers, limits, endless examples.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/observer/checkpoint_every.hpp>
#include <lifelong/observer/csv_log.hpp>
#include <lifelong/observer/progress.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

#include "synthetic.hpp"

namespace ll = lifelong;

auto make_learner() {
  return ll::Learner{ll::nn::mlp<float>({64, 32, 4}, {.seed = 1}), ll::importance::Fisher{},
                     ll::penalty::Quadratic{.strength = 100}, ll::optimizer::Adam{.learning_rate = 3e-3}};
}

// [sensor]
/// Readings of a sensor, numbered by time, from reading `first` on. There is always another one.
struct Sensor {
  std::size_t first = 0;
  std::size_t count = ll::endless;

  std::size_t size() const { return count; }
  std::size_t features() const { return 64; }
  std::size_t targets() const { return 0; }
  void read(std::size_t i, ll::ExampleRow<float> row) const {
    const std::size_t time = first + i;
    row.label = static_cast<std::int32_t>(time % 4);
    for (std::size_t k = 0; k < 64; ++k)
      row.inputs[k] = static_cast<float>((k / 16 == time % 4 ? 1 : 0) + ll::Random(5).normal(64 * time + k));
  }
};
// [sensor]

bool same(auto& a, auto& b) { return std::ranges::equal(a.parameters(), b.parameters()); }

int main() try {
  const auto stream = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 2, {.seed = 3});
  const auto &task = stream[0].train, &held_out = stream[0].test;
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "lifelong_observers";
  std::filesystem::create_directories(folder);
  const std::string table = (folder / "training.csv").string(), saved = (folder / "learner.safetensors").string();

  {
    auto learner = make_learner();
    // [callback]
    const ll::FitResult result = learner.fit(task, {.epochs = 20, .batch_size = 32}, [](const ll::FitProgress& at) {
      return at.loss < 0.1 ? ll::FitSignal::stop : ll::FitSignal::go_on;
    });
    if (result.stopped) std::printf("the loss was below 0.1 after %zu steps\n", result.steps);
    // [callback]
  }

  auto learner = make_learner();
  // [observers]
  ll::observer::Progress progress;
  ll::observer::CsvLog log(table, {.columns = {{"task", "patterns, first order"}}});
  ll::observer::CheckpointEvery checkpoint(learner, saved, 50);
  ll::observer::EarlyStopping stopper({.patience = 3, .min_improvement = 0.001},
                                      [&] { return 1 - ll::accuracy(learner.model(), held_out); });

  const ll::FitOptions options{.epochs = 30, .batch_size = 32};
  const ll::FitResult result = learner.fit(task, options, ll::observer::all(progress, log, checkpoint, stopper));
  // [observers]
  std::printf("%zu of %d steps; %.1f%% wrong after step %zu, the best\n", result.steps, 30 * 38,
              100 * stopper.best().value(), stopper.best_step());

  // [resume]
  auto resumed = make_learner();
  ll::io::restore(ll::io::read_safetensors(saved), resumed);  // as it was after step 50, 100, 150, ...
  ll::FitOptions rest = options;
  rest.steps = result.steps;  // where the other one stopped
  rest.resume = true;
  resumed.fit(task, rest);
  // [resume]
  std::printf("the learner that was resumed is %s\n", same(resumed, learner) ? "the same, bit by bit" : "different");

  auto whole = make_learner(), portions = make_learner();
  whole.fit(task, {.epochs = 3, .batch_size = 32});
  // [portions]
  ll::FitOptions portion{.epochs = 3, .batch_size = 32, .resume = true};
  for (portion.steps = 40; portions.fit(task, portion).steps == portion.steps; portion.steps += 40)
    std::printf("%3zu steps: %.1f%% right\n", portion.steps, 100 * ll::accuracy(portions.model(), held_out));
  // [portions]

  auto merged = make_learner();
  // [last_batch]
  merged.fit(task, {.batch_size = 500, .last_batch = ll::LastBatch::merge});  // 500 and 700 of 1200 examples
  // [last_batch]

  auto online = make_learner();
  // [endless]
  online.fit(Sensor{}, {.batch_size = 32, .shuffle = false, .steps = 200});  // readings 0 to 6399
  online.consolidate(Sensor{.first = 5400, .count = 1000});                  // a part of them, which has an end
  online.fit(Sensor{.first = 6400}, {.batch_size = 32, .shuffle = false, .steps = 200});
  // [endless]
  std::printf("of the next readings of the sensor %.1f%% are right\n",
              100 * ll::accuracy(online.model(), Sensor{.first = 12800, .count = 400}));

  std::filesystem::remove_all(folder);
  return same(resumed, learner) && same(portions, whole) && merged.state().fit_steps == 2 ? 0 : 1;
} catch (const ll::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
