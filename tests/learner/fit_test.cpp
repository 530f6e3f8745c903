// SPDX-License-Identifier: MIT
// What ends a call of fit, an epoch and a batch: every option against a loop of one's own, to the bit.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace fit_test {

namespace ll = lifelong;
using ll::FitSignal;
using ll::LastBatch;
using test::message_of;
using test::TinyTask;

namespace {

auto make() {
  return ll::Learner{test::TinyModel(), ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{.strength = 3},
                     ll::optimizer::Adam{.learning_rate = 0.02}};
}
using Learner = decltype(make());

/// Steps on the examples `order[first]`, ... of a task.
void step_on(Learner& learner, const TinyTask& task, const std::vector<std::uint32_t>& order, std::size_t first,
             std::size_t count) {
  std::vector<double> inputs;
  std::vector<std::int32_t> labels;
  for (std::size_t n = first; n < first + count; ++n) {
    const auto row = std::span(task.inputs).subspan(order[n] * TinyTask::width, TinyTask::width);
    inputs.insert(inputs.end(), row.begin(), row.end());
    labels.push_back(task.labels[order[n]]);
  }
  learner.step(ll::Batch<double>{labels.size(), TinyTask::width, inputs, labels});
}

/// Trains as `fit` would that takes batches of `sizes` in every epoch, and `steps` steps.
void loop(Learner& learner, const TinyTask& task, const std::vector<std::size_t>& sizes, std::size_t steps,
          const ll::FitOptions& options) {
  const double rate = learner.optimizer_policy().learning_rate;
  ll::optimizer::Schedule schedule = options.schedule;
  schedule.steps = steps;
  std::vector<std::uint32_t> order(task.size());
  std::size_t step = 0;
  for (std::uint32_t epoch = 0; step < steps; ++epoch) {
    std::iota(order.begin(), order.end(), 0u);
    if (options.shuffle) ll::Random(options.seed, ll::Purpose::shuffle, epoch).shuffle(std::span<std::uint32_t>(order));
    std::size_t first = 0;
    for (std::size_t k = 0; k < sizes.size() && step < steps; first += sizes[k++]) {
      if (schedule.changes()) learner.optimizer_policy().learning_rate = rate * schedule(step);
      step_on(learner, task, order, first, sizes[k]);
      ++step;
    }
  }
  learner.optimizer_policy().learning_rate = rate;
}

/// Parameters, and what has been gathered: the importance after the end of the task.
std::vector<double> learned(Learner learner) {
  std::vector<double> all(learner.parameters().begin(), learner.parameters().end());
  learner.consolidate();
  all.insert(all.end(), learner.importance().begin(), learner.importance().end());
  return all;
}

/// All that a checkpoint has.
std::vector<std::byte> bytes_of(Learner& learner) {
  const auto file = ll::io::checkpoint(learner);
  std::vector<std::byte> all;
  for (const auto& [name, tensor] : file.tensors()) {
    const auto bytes = file.bytes(name);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

/// A sensor: the examples of a task, for ever.
struct Sensor {
  TinyTask task{1, 10};
  [[nodiscard]] std::size_t size() const { return ll::endless; }
  [[nodiscard]] std::size_t features() const { return TinyTask::width; }
  [[nodiscard]] std::size_t targets() const { return 0; }
  template <class T>
  void read(std::size_t i, ll::ExampleRow<T> row) const {
    task.read(i % task.size(), row);
  }
};

}  // namespace

TEST_CASE("the last batch is kept, dropped or merged, in any order and with any limit", "[learner][fit]") {
  struct Case {
    std::size_t examples, batch_size;
    LastBatch last_batch;
    std::vector<std::size_t> sizes;
  };
  const std::vector<Case> cases{
      {23, 5, LastBatch::keep, {5, 5, 5, 5, 3}}, {23, 5, LastBatch::drop, {5, 5, 5, 5}},
      {23, 5, LastBatch::merge, {5, 5, 5, 8}},   {20, 5, LastBatch::keep, {5, 5, 5, 5}},
      {20, 5, LastBatch::drop, {5, 5, 5, 5}},    {20, 5, LastBatch::merge, {5, 5, 5, 5}},
      {23, 12, LastBatch::merge, {23}},          {23, 23, LastBatch::drop, {23}},
      {23, 24, LastBatch::merge, {23}},          {3, static_cast<std::size_t>(-1), LastBatch::merge, {3}},
  };
  for (const Case& each : cases) {
    for (const bool shuffle : {false, true}) {
      for (const std::size_t limit : {0u, 1u, 5u, 7u}) {
        const std::size_t all = 3 * each.sizes.size(), steps = limit == 0 ? all : std::min(limit, all);
        const ll::FitOptions options{.epochs = 3,
                                     .batch_size = each.batch_size,
                                     .shuffle = shuffle,
                                     .schedule = {.decay = ll::optimizer::Decay::cosine},
                                     .last_batch = each.last_batch,
                                     .steps = limit};
        const TinyTask task(1, each.examples);
        auto fitted = make(), looped = make();
        std::size_t calls = 0;
        const ll::FitResult result = fitted.fit(task, options, [&](const ll::FitProgress& at) {
          CHECK(at.step == ++calls);
          CHECK(at.steps == steps);
          CHECK(at.batches == each.sizes.size());
          CHECK(at.ends_epoch() == (calls % each.sizes.size() == 0));
        });
        loop(looped, task, each.sizes, steps, options);
        CHECK(calls == steps);
        CHECK(result.steps == steps);
        CHECK_FALSE(result.stopped);
        CHECK(learned(fitted) == learned(looped));
        CHECK(fitted.state().epochs_trained == steps / each.sizes.size());
      }
    }
  }
}

TEST_CASE("a drop that leaves no batch is refused", "[learner][fit][errors]") {
  auto learner = make();
  CHECK(message_of<ll::InvalidArgument>([&] {
          learner.fit(TinyTask(1, 23), {.batch_size = 24, .last_batch = LastBatch::drop});
        }) == "FitOptions.last_batch: drop leaves no batch of 23 examples, because the batch_size is 24");
  auto fresh = make();
  CHECK((bytes_of(learner) == bytes_of(fresh)));
}

TEST_CASE("a limit in steps needs no count of the epochs", "[learner][fit]") {
  auto fitted = make(), looped = make();
  const ll::FitOptions options{.epochs = ll::endless, .batch_size = 5, .steps = 12};
  CHECK(fitted.fit(TinyTask(1, 23), options).steps == 12);
  loop(looped, TinyTask(1, 23), {5, 5, 5, 5, 3}, 12, options);
  CHECK(learned(fitted) == learned(looped));
  CHECK(fitted.fit(TinyTask(1, 23), {.epochs = 0, .steps = 3}).steps == 0);
}

TEST_CASE("portions are one call: resume with a higher limit", "[learner][fit][resume]") {
  auto whole = make(), portions = make();
  ll::FitOptions options{.epochs = 4, .batch_size = 5};
  whole.fit(TinyTask(1, 23), options);
  options.resume = true;
  for (const std::size_t limit : {3u, 4u, 11u, 11u, 0u}) {
    options.steps = limit;
    CHECK(portions.fit(TinyTask(1, 23), options).steps == (limit == 0 ? 20 : limit));
  }
  CHECK((bytes_of(portions) == bytes_of(whole)));
  options.steps = 19;
  CHECK_THROWS_AS(portions.fit(TinyTask(1, 23), options), ll::InvalidArgument);
}

TEST_CASE("endless examples are read in order, for a number of steps", "[learner][fit]") {
  const Sensor sensor;
  auto fitted = make(), looped = make(), resumed = make();
  ll::FitOptions options{
      .batch_size = 4, .shuffle = false, .schedule = {.decay = ll::optimizer::Decay::linear, .warmup = 2}, .steps = 5};
  CHECK(fitted
            .fit(sensor, options,
                 [](const ll::FitProgress& at) {
                   CHECK(at.steps == 5);
                   CHECK_FALSE(at.ends_epoch());
                 })
            .steps == 5);
  TinyTask twenty(1, 20);
  for (std::size_t i = 0; i < 20; ++i) {
    twenty.labels[i] = sensor.task.labels[i % 10];
    for (std::size_t k = 0; k < 4; ++k) twenty.inputs[4 * i + k] = sensor.task.inputs[4 * (i % 10) + k];
  }
  loop(looped, twenty, {4, 4, 4, 4, 4}, 5, options);
  CHECK(learned(fitted) == learned(looped));
  resumed.fit(sensor, options,
              [](const ll::FitProgress& at) { return at.step == 3 ? FitSignal::stop : FitSignal::go_on; });
  options.resume = true;
  resumed.fit(sensor, options);
  CHECK((bytes_of(resumed) == bytes_of(fitted)));
}

TEST_CASE("endless examples are refused where all of them are needed, or no end is known", "[learner][fit][errors]") {
  const Sensor sensor;
  auto learner = make();
  CHECK(message_of<ll::InvalidArgument>([&] { learner.fit(sensor, {.shuffle = false}); }) ==
        "fit: the examples are endless; say after how many steps to end: FitOptions.steps");
  CHECK(message_of<ll::InvalidArgument>([&] { learner.fit(sensor, {.steps = 3}); }) ==
        "fit: the examples are endless and cannot be shuffled; say .shuffle = false");
  CHECK(message_of<ll::InvalidArgument>([&] { learner.consolidate(sensor); }) ==
        "consolidate: the examples are endless, and all of them are needed; give it a part of them");
  CHECK(message_of<ll::InvalidArgument>([&] { ll::accuracy(learner.model(), sensor); }) ==
        "accuracy: the examples are endless, and all of them are needed; give it a part of them");
  auto fresh = make();
  CHECK((bytes_of(learner) == bytes_of(fresh)));
}

TEST_CASE("a callback that stops leaves a learner that has trained so many steps", "[learner][fit]") {
  ll::FitOptions options{.epochs = 3, .batch_size = 5, .optimizer_state = ll::OptimizerState::reset};
  const TinyTask task(1, 23);
  auto whole = make();
  CHECK_FALSE(whole.fit(task, options).stopped);
  for (std::size_t last = 1; last <= 15; ++last) {
    auto stopped = make(), limited = make();
    std::size_t calls = 0;
    const ll::FitResult result = stopped.fit(task, options, [&](const ll::FitProgress& at) {
      ++calls;
      return at.step == last ? FitSignal::stop : FitSignal::go_on;
    });
    CHECK(calls == last);
    CHECK(result.steps == last);
    CHECK(result.stopped == (last < 15));
    auto so_many = options;
    so_many.steps = last;
    CHECK_FALSE(limited.fit(task, so_many).stopped);
    CHECK((bytes_of(stopped) == bytes_of(limited)));

    auto rest = options;
    rest.resume = true;
    CHECK(stopped.fit(task, rest).steps == 15);
    CHECK((bytes_of(stopped) == bytes_of(whole)));
  }
}

TEST_CASE("a stop gives back the learning rate, and a stopped task can end", "[learner][fit]") {
  auto learner = make();
  const ll::FitOptions options{.batch_size = 5, .schedule = {.decay = ll::optimizer::Decay::linear}};
  CHECK(learner.fit(TinyTask(1, 23), options, [](const ll::FitProgress&) { return FitSignal::stop; }).steps == 1);
  CHECK(learner.optimizer_policy().learning_rate == 0.02);
  learner.consolidate();
  CHECK(learner.tasks() == 1);
  CHECK(learner.fit(TinyTask(2, 23), options).steps == 5);
}

}  // namespace fit_test
