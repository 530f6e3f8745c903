// SPDX-License-Identifier: MIT
// The order of examples in every epoch of every call of fit, against shuffles of one's own.
#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace order_of_epochs_test {

namespace ll = lifelong;

namespace {

/// A task that notes which example is read.
struct Watched : test::TinyTask {
  std::vector<std::uint32_t>* log;

  explicit Watched(std::vector<std::uint32_t>& reads) : TinyTask(1, 13), log(&reads) {}
  template <class T>
  void read(std::size_t i, ll::ExampleRow<T> row) const {
    log->push_back(static_cast<std::uint32_t>(i));
    TinyTask::read(i, row);
  }
};

/// 0, 1, ..., 12 as epoch number `epoch` of the learner has them.
std::vector<std::uint32_t> order_of(std::uint64_t seed, std::uint32_t epoch) {
  std::vector<std::uint32_t> order(13);
  std::iota(order.begin(), order.end(), 0u);
  ll::Random(seed, ll::Purpose::shuffle, epoch).shuffle(std::span<std::uint32_t>(order));
  return order;
}

auto make() {
  return ll::Learner{test::TinyModel(), ll::importance::Fisher{}, ll::penalty::Quadratic{},
                     ll::optimizer::Momentum{.learning_rate = 0.1}};
}

}  // namespace

TEST_CASE("epochs are counted over all calls of fit, and their order follows from the count", "[learner]") {
  std::vector<std::uint32_t> log, expected;
  const Watched task(log);
  auto learner = make();
  std::uint32_t epoch = 0;
  const auto expect = [&](std::uint64_t seed, std::uint32_t epochs) {
    expected.clear();
    for (std::uint32_t k = 0; k < epochs; ++k) {
      const auto order = order_of(seed, epoch++);
      expected.insert(expected.end(), order.begin(), order.end());
    }
  };
  expect(1, 2);
  learner.fit(task, {.epochs = 2, .batch_size = 5});
  CHECK(log == expected);
  CHECK(learner.state().epochs_trained == 2);

  log.clear();
  expect(1, 3);
  learner.fit(task, {.epochs = 3, .batch_size = 13});
  CHECK(log == expected);
  CHECK(learner.state().epochs_trained == 5);

  learner.consolidate(task);
  log.clear();
  expect(7, 1);
  learner.fit(task, {.batch_size = 1, .seed = 7});
  CHECK(log == expected);

  log.clear();
  learner.fit(task, {.epochs = 2, .batch_size = 4, .shuffle = false});
  expected.resize(26);
  for (std::size_t i = 0; i < 26; ++i) expected[i] = static_cast<std::uint32_t>(i % 13);
  CHECK(log == expected);
  CHECK(learner.state().epochs_trained == 8);  // they count, too

  epoch = 8;
  log.clear();
  expect(1, 1);
  learner.fit(task, {.batch_size = 6});
  CHECK(log == expected);
}

TEST_CASE("a second call of fit is a loop of one's own over the next order", "[learner]") {
  const test::TinyTask task(1, 13);
  auto fitted = make(), looped = make();
  fitted.fit(task, {.epochs = 1, .batch_size = 5});
  fitted.fit(task, {.epochs = 2, .batch_size = 5});
  for (std::uint32_t epoch = 0; epoch < 3; ++epoch) {
    const auto order = order_of(1, epoch);
    for (std::size_t first = 0; first < 13; first += 5) {
      std::vector<double> inputs;
      std::vector<std::int32_t> labels;
      for (std::size_t n = first; n < first + 5 && n < 13; ++n) {
        inputs.insert(inputs.end(), &task.inputs[order[n] * 4], &task.inputs[order[n] * 4] + 4);
        labels.push_back(task.labels[order[n]]);
      }
      looped.step(ll::Batch<double>{labels.size(), 4, inputs, labels});
    }
  }
  for (std::size_t i = 0; i < fitted.parameters().size(); ++i)
    REQUIRE(fitted.parameters()[i] == looped.parameters()[i]);
}

}  // namespace order_of_epochs_test
