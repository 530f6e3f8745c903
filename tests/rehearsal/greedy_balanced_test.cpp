// SPDX-License-Identifier: MIT
// GDumb: its memory against the rule applied to a plain list, and training from the memory alone.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/learner/gdumb.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn/mlp.hpp>
#include <lifelong/rehearsal/greedy_balanced.hpp>
#include <lifelong/rehearsal/replay.hpp>
#include <lifelong/stream/shifted_copies.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "tiny_model.hpp"

namespace greedy_balanced_test {

namespace ll = lifelong;
using ll::rehearsal::GreedyBalanced;
using Counts = std::map<std::int32_t, std::size_t>;

static_assert(ll::ExampleSource<GreedyBalanced<float, std::uint8_t>, float>);
static_assert(ll::PolicyState<GreedyBalanced<double>>);

namespace {

/// Examples whose one input is their number.
struct Numbered {
  std::vector<double> inputs;
  std::vector<std::int32_t> labels;
  explicit Numbered(std::vector<std::int32_t> of) : labels(std::move(of)) {
    for (std::size_t n = 0; n < labels.size(); ++n) inputs.push_back(static_cast<double>(n));
  }
  [[nodiscard]] ll::Batch<double> batch() const { return {labels.size(), 1, inputs, labels}; }
};

std::vector<std::int32_t> random_labels(std::size_t count, std::size_t classes, std::uint64_t seed) {
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < count; ++n)
    labels.push_back(static_cast<std::int32_t>(ll::Random(seed).below(n, 1 + n * classes / count)));
  return labels;
}

std::vector<std::size_t> numbers_in(const GreedyBalanced<double>& memory) {
  std::vector<std::size_t> numbers;
  ll::BatchBuffer<double> buffer;
  for (std::size_t i = 0; i < memory.size(); ++i) {
    buffer.resize(1, 1, 0);
    memory.read(i, buffer.row(0, i));
    numbers.push_back(static_cast<std::size_t>(buffer.batch().inputs[0]));
  }
  return numbers;
}
Counts count(std::span<const std::int32_t> labels) {
  Counts counts;
  for (const std::int32_t label : labels) ++counts[label];
  return counts;
}

/// The numbers of the examples that the rule keeps.
std::vector<std::size_t> slow_greedy(const std::vector<std::int32_t>& labels, std::size_t capacity,
                                     std::uint64_t seed) {
  std::vector<std::size_t> kept;
  Counts seen;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    ++seen[labels[n]];
    if (kept.size() < capacity) {
      kept.push_back(n);
      continue;
    }
    Counts counts;
    for (const std::size_t k : kept) ++counts[labels[k]];
    const double share = static_cast<double>(capacity) / static_cast<double>(seen.size());
    if (static_cast<double>(counts[labels[n]]) >= share) continue;
    std::size_t most = 0;
    for (const auto& [label, many] : counts) most = std::max(most, many);
    std::vector<std::size_t> places;
    for (std::size_t s = 0; s < kept.size(); ++s)
      if (counts[labels[kept[s]]] == most) places.push_back(s);
    kept[places[ll::Random(seed, ll::Purpose::memory).below(n, places.size())]] = n;
  }
  return kept;
}

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }

/// A model whose copies have one array of parameters.
struct SharingModel : test::TinyModel {
  std::shared_ptr<std::vector<double>> shared = std::make_shared<std::vector<double>>(theta);
  std::span<double> parameters() { return *shared; }
};

}  // namespace

TEST_CASE("the greedy memory is the rule applied to a list, however examples come in batches", "[rehearsal][gdumb]") {
  for (const std::size_t capacity : {1u, 5u, 17u, 64u}) {
    const Numbered stream(random_labels(400, 9, capacity));
    const auto expected = slow_greedy(stream.labels, capacity, 3);
    for (const std::size_t batch_size : {1u, 7u, 64u}) {
      GreedyBalanced<double> memory({.capacity = capacity, .seed = 3});
      const ll::Batch<double> all = stream.batch();
      for (std::size_t n = 0; n < all.size; n += batch_size)
        memory.push(all.slice(n, std::min(batch_size, all.size - n)));
      CHECK(numbers_in(memory) == expected);
    }
  }
}

TEST_CASE("the greedy memory keeps a rare class whole at 100 to 1", "[rehearsal][gdumb]") {
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < 1212; ++n) labels.push_back(n % 101 == 100 ? 1 : 0);
  const Numbered stream(labels);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    GreedyBalanced<double> memory({.capacity = 24, .seed = seed});
    memory.push(stream.batch());
    REQUIRE(count(memory.examples().labels()) == Counts{{0, 12}, {1, 12}});
  }
}

TEST_CASE("the greedy memory leaves no slot empty, and classes differ by at most one", "[rehearsal][gdumb]") {
  std::vector<std::int32_t> by_task;
  for (std::int32_t c = 0; c < 7; ++c) by_task.insert(by_task.end(), 60, c);
  std::vector<std::int32_t> mixed;
  for (std::size_t n = 0; n < by_task.size(); ++n) mixed.push_back(static_cast<std::int32_t>(n * 3 % 7));
  for (const auto& labels : {by_task, mixed})
    for (const std::size_t capacity : {7u, 50u, 104u}) {
      GreedyBalanced<double> memory({.capacity = capacity, .seed = 8});
      memory.push(Numbered(labels).batch());
      CHECK(memory.size() == capacity);
      const Counts counts = count(memory.examples().labels());
      CHECK(counts.size() == 7);
      std::size_t least = capacity, most = 0;
      for (const auto& [label, many] : counts) {
        least = std::min(least, many);
        most = std::max(most, many);
      }
      CHECK(most - least <= 1);
    }
  GreedyBalanced<double> memory({.capacity = 20});
  memory.push(Numbered(std::vector<std::int32_t>(30, 4)).batch());
  CHECK(memory.size() == 20);  // all slots, since no other class has come
  CHECK_THROWS_AS(memory.push({1, 1, std::vector<double>{1}, std::vector<std::int32_t>{-1}}), ll::InvalidArgument);
}

TEST_CASE("a capacity in bytes counts labels, weights and all else that an example has", "[rehearsal][gdumb]") {
  using Bytes = ll::rehearsal::StoredExamples<float, std::uint8_t>;
  const ll::rehearsal::ExampleShape image{.features = 784, .labelled = true};
  CHECK(Bytes::examples_in(500 * 804, image) == 500);
  CHECK(Bytes::examples_in(500 * 804 - 1, image) == 499);
  CHECK(ll::rehearsal::StoredExamples<float>::examples_in(500 * 804, image) == 127);  // of 3156 bytes each
  CHECK(Bytes::examples_in(804 + 4 * 10 + 4, {.features = 784, .outputs = 10}) == 1);
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { static_cast<void>(Bytes::examples_in(803, image)); }),
             test::ContainsSubstring("a memory of 803 bytes has no room for one example of 784 features"));
  CHECK_THROWS_AS(Bytes::examples_in(1 << 20, {.features = ~std::size_t{0}}), ll::InvalidArgument);
  CHECK_THROWS_AS(Bytes::examples_in(1 << 20, {.features = 1, .outputs = ~std::size_t{0} / 4 + 1}),
                  ll::InvalidArgument);

  GreedyBalanced<float, std::uint8_t> memory({.capacity = Bytes::examples_in(50 * 24, {.features = 4})});
  const std::vector<float> pixels(4 * 60, 1.0f);
  const std::vector<std::int32_t> labels(60, 0);
  memory.push({60, 4, pixels, labels});
  CHECK(memory.examples().bytes() == 50 * 24);
}

TEST_CASE("gdumb trains from the first parameters each time", "[rehearsal][gdumb]") {
  GreedyBalanced<double> memory({.capacity = 9});
  memory.push(test::TinyTask(1, 60));
  REQUIRE(memory.seen() == 60);
  const auto untrained = [] {
    return ll::Learner{test::TinyModel(), ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Adam{}};
  }();
  const ll::FitOptions options{.epochs = 3, .batch_size = 4};
  auto first = ll::gdumb(untrained, memory, options), again = ll::gdumb(untrained, memory, options);
  auto fresh = untrained;
  CHECK(copy(fresh.parameters()) == test::TinyModel().theta);
  fresh.fit(memory, options);
  CHECK(copy(first.parameters()) == copy(fresh.parameters()));
  CHECK(copy(again.parameters()) == copy(fresh.parameters()));
  CHECK(copy(again.parameters()) != test::TinyModel().theta);

  const ll::ShiftedCopies moved(memory, 2, 2, {.copies = 3, .pixels = 1});
  auto augmented = ll::gdumb(untrained, moved, {.batch_size = 4});
  auto once_more = ll::gdumb(untrained, moved, {.batch_size = 4});
  CHECK(copy(augmented.parameters()) == copy(once_more.parameters()));
  CHECK(copy(augmented.parameters()) != copy(first.parameters()));

  const ll::Learner sharing{SharingModel(), ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Adam{}};
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { static_cast<void>(ll::gdumb(sharing, memory, options)); }),
             test::ContainsSubstring("copies of this model share their parameters"));
}

TEST_CASE("a greedy memory goes on from a checkpoint with the same bits, and refuses damaged files",
          "[rehearsal][gdumb][checkpoint]") {
  using Greedy = ll::rehearsal::ReplayFrom<ll::rehearsal::GreedySelection>;
  const auto make = [] {
    return ll::Learner{test::TinyModel(), ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Adam{},
                       Greedy{.capacity = 7, .batch_size = 4}};
  };
  auto learner = make(), resumed = make();
  learner.fit(test::TinyTask(1), {.batch_size = 5});
  learner.consolidate(test::TinyTask(1));
  ll::io::restore(ll::io::checkpoint(learner), resumed);
  for (auto* each : {&learner, &resumed}) each->fit(test::TinyTask(2), {.epochs = 2, .batch_size = 5});
  CHECK(copy(resumed.parameters()) == copy(learner.parameters()));
  CHECK_THAT(learner.recipe(), test::ContainsSubstring("Replay(greedy balanced, capacity 7"));

  GreedyBalanced<double> memory({.capacity = 5});
  memory.push(test::TinyTask(1).all());
  const auto refused = [&](const std::string& name, auto change) {
    auto damaged = memory;
    const auto write = [&](const std::string& which, auto& value) {
      if constexpr (requires { value.size(); }) {
        if (which == name) value[0] = static_cast<std::remove_reference_t<decltype(value[0])>>(change);
      } else if (which == name) {
        value = static_cast<std::remove_reference_t<decltype(value)>>(change);
      }
    };
    CHECK_THROWS_AS(damaged.visit(write, write), ll::FormatError);
  };
  refused("labels", 9);
  refused("class_labels", 77);
  refused("classes", 0);
  refused("seen", 2);
  refused("capacity", 6);
}

}  // namespace greedy_balanced_test
