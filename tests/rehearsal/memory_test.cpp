// SPDX-License-Identifier: MIT
// Memories of examples: which stay, that they stay as they were, and what is refused.
#include <lifelong/backend/serial.hpp>
#include <lifelong/policy/state.hpp>
#include <lifelong/rehearsal/balanced_reservoir.hpp>
#include <lifelong/rehearsal/draw.hpp>
#include <lifelong/rehearsal/reservoir.hpp>
#include <lifelong/rehearsal/task_ring.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/loader.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"

namespace memory_test {

namespace ll = lifelong;
using ll::rehearsal::BalancedReservoir;
using ll::rehearsal::MemoryOptions;
using ll::rehearsal::Reservoir;
using ll::rehearsal::TaskRing;

static_assert(ll::ExampleSource<Reservoir<float, std::uint8_t>, float>);
static_assert(ll::ExampleSource<BalancedReservoir<double>, double> && ll::ExampleSource<TaskRing<float>, float>);
static_assert(ll::PolicyState<Reservoir<double>> && ll::PolicyState<BalancedReservoir<double>> &&
              ll::PolicyState<TaskRing<double>>);

namespace {

/// Examples whose one input is their number, with labels, for memories that are asked what they hold.
struct Numbered {
  std::vector<double> inputs;
  std::vector<std::int32_t> labels;
  explicit Numbered(std::size_t count, std::size_t first = 0) : labels(count) {
    for (std::size_t n = 0; n < count; ++n) inputs.push_back(static_cast<double>(first + n));
  }
  explicit Numbered(const std::vector<std::int32_t>& of) : Numbered(of.size()) { labels = of; }
  [[nodiscard]] ll::Batch<double> batch() const { return {labels.size(), 1, inputs, labels}; }
};

/// The examples of a memory.
template <class Memory>
ll::Batch<double> contents(const Memory& memory, ll::BatchBuffer<double>& buffer) {
  buffer.resize(memory.size(), memory.features(), memory.targets());
  for (std::size_t i = 0; i < memory.size(); ++i) memory.read(i, buffer.row(i, i));
  return buffer.batch();
}
template <class Memory>
std::vector<std::size_t> numbers_in(const Memory& memory) {
  ll::BatchBuffer<double> buffer;
  std::vector<std::size_t> numbers;
  for (const double input : contents(memory, buffer).inputs) numbers.push_back(static_cast<std::size_t>(input));
  return numbers;
}
template <class Memory>
void push_in_parts(Memory& memory, const ll::Batch<double>& batch, std::size_t size) {
  for (std::size_t n = 0; n < batch.size; n += size) memory.push(batch.slice(n, std::min(size, batch.size - n)));
}
std::map<std::int32_t, std::size_t> count_labels(const BalancedReservoir<double>& memory) {
  std::map<std::int32_t, std::size_t> counts;
  for (const std::int32_t label : memory.examples().labels()) ++counts[label];
  return counts;
}

}  // namespace

TEST_CASE("a reservoir of one keeps every example equally often", "[rehearsal][reservoir]") {
  constexpr std::size_t seeds = 20000;
  const Numbered stream(5);
  std::array<std::size_t, 5> kept{};
  for (std::size_t seed = 0; seed < seeds; ++seed) {
    Reservoir<double> memory({.capacity = 1, .seed = seed});
    memory.push(stream.batch());
    ++kept[numbers_in(memory)[0]];
  }
  // The standard error of a share of 0.2 is 0.0028. A draw from {0..n-1} would keep the first example never.
  for (const std::size_t count : kept) CHECK_THAT(static_cast<double>(count) / seeds, test::WithinAbs(0.2, 0.0114));
}

TEST_CASE("a reservoir is a uniform sample", "[rehearsal][reservoir]") {
  constexpr std::size_t seeds = 10000, size = 4, seen = 20;
  const Numbered stream(seen);
  std::array<double, seen> kept{};
  for (std::size_t seed = 0; seed < seeds; ++seed) {
    Reservoir<double> memory({.capacity = size, .seed = seed});
    memory.push(stream.batch());
    for (const std::size_t number : numbers_in(memory)) kept[number] += 1;
  }
  const double expected = static_cast<double>(seeds * size) / seen;
  double chi_square = 0;
  for (const double count : kept) chi_square += (count - expected) * (count - expected) / expected;
  // Shares of a sample without replacement: (N-M)/(N-1) times chi-square with 19 degrees of freedom, whose 0.9999
  // quantile is 50.8.
  CHECK(chi_square * (seen - 1) / (seen - size) < 50.8);
}

TEMPLATE_TEST_CASE("what a memory holds does not depend on how examples come in batches", "[rehearsal]",
                   Reservoir<double>, BalancedReservoir<double>, TaskRing<double>) {
  Numbered stream(300);
  for (std::size_t n = 0; n < 300; ++n) stream.labels[n] = static_cast<std::int32_t>(n * n % 7 % 4);
  std::vector<std::vector<std::size_t>> found;
  for (const std::size_t batch_size : {1u, 7u, 64u}) {
    TestType memory({.capacity = 20, .seed = 3});
    push_in_parts(memory, stream.batch(), batch_size);
    found.push_back(numbers_in(memory));
    CHECK(memory.seen() == 300);
  }
  CHECK(found[0] == found[1]);
  CHECK(found[0] == found[2]);
  auto distinct = found[0];
  std::sort(distinct.begin(), distinct.end());
  CHECK(std::adjacent_find(distinct.begin(), distinct.end()) == distinct.end());
  CHECK(distinct.size() == 20);
}

TEST_CASE("draws above 2^32 are uniform too", "[rehearsal][reservoir]") {
  const auto arrival = [](std::uint64_t number) {
    return ll::rehearsal::Arrival{number, 0, 1, {}, ll::Random(1, ll::Purpose::memory)};
  };
  for (std::uint64_t n = 0; n < 50; ++n) {
    const std::uint64_t bits = ll::Random(1, ll::Purpose::memory).bits(n);
    CHECK(arrival(n).below(std::uint64_t{1} << 40) == bits >> 24);
    CHECK(arrival(n).below(1000) == ll::Random(1, ll::Purpose::memory).below(n, 1000));
    CHECK(arrival(n).below(~std::uint64_t{0}) == (bits == 0 ? 0 : bits - 1));  // floor(x - x/2^64)
  }
}

TEST_CASE("a balanced reservoir keeps rare classes whole and the others alike", "[rehearsal][balanced]") {
  Numbered stream(1212);
  for (std::size_t n = 0; n < stream.labels.size(); ++n) stream.labels[n] = n % 101 == 100 ? 2 : n % 2 == 0 ? 0 : 1;
  BalancedReservoir<double> memory({.capacity = 36, .seed = 5});
  memory.push(stream.batch());
  auto counts = count_labels(memory);
  CHECK(counts == std::map<std::int32_t, std::size_t>{{0, 12}, {1, 12}, {2, 12}});  // of 12 that there were
}

TEST_CASE("a balanced reservoir leaves no slot empty, and classes that come later get their share",
          "[rehearsal][balanced]") {
  BalancedReservoir<double> memory({.capacity = 10, .seed = 5});
  std::vector<std::int32_t> labels;
  for (std::int32_t task = 0; task < 3; ++task) {
    memory.push(Numbered(std::vector<std::int32_t>(50, task)).batch());
    CHECK(memory.size() == 10);
    std::size_t least = 10, most = 0;
    for (const auto& [label, count] : count_labels(memory)) {
      least = std::min(least, count);
      most = std::max(most, count);
    }
    CHECK(count_labels(memory).size() == static_cast<std::size_t>(task + 1));
    CHECK(most - least <= 1);
  }
}

TEST_CASE("the examples of a class in a balanced reservoir are a uniform sample", "[rehearsal][balanced]") {
  constexpr std::size_t seeds = 4000;
  std::vector<std::int32_t> labels;  // ten of class 0 among twenty of class 1; four slots
  for (std::size_t n = 0; n < 30; ++n) labels.push_back(n % 3 == 0 ? 0 : 1);
  const Numbered stream(labels);
  std::array<double, 10> kept{};
  double total = 0;
  for (std::size_t seed = 0; seed < seeds; ++seed) {
    BalancedReservoir<double> memory({.capacity = 4, .seed = seed});
    memory.push(stream.batch());
    for (const std::size_t number : numbers_in(memory))
      if (number % 3 == 0) kept[number / 3] += 1, total += 1;
  }
  CHECK(total == 2 * seeds);
  double chi_square = 0;
  for (const double count : kept) chi_square += (count - total / 10) * (count - total / 10) / (total / 10);
  CHECK(chi_square < 33.7);  // the 0.9999 quantile for 9 degrees of freedom; the factor (N-1)/(N-M) makes it stricter
}

TEST_CASE("a ring holds the last examples of each task and begins each at its start", "[rehearsal][ring]") {
  TaskRing<double> memory({.capacity = 4});
  memory.push(Numbered(6).batch());  // 4 5 2 3
  memory.end_task();
  memory.push(Numbered(3, 100).batch());  // shorter than its ring
  CHECK(memory.size() == 7);
  memory.end_task();
  memory.end_task();  // a task without examples
  push_in_parts(memory, Numbered(5, 200).batch(), 3);
  CHECK(numbers_in(memory) == std::vector<std::size_t>{4, 5, 2, 3, 100, 101, 102, 204, 201, 202, 203});
  CHECK(memory.selection().tasks() == 2);
  CHECK(memory.selection().first(1) == 4);
  CHECK(memory.selection().first(2) == 7);
}

TEST_CASE("examples come back as they were, with all that belongs to them", "[rehearsal]") {
  test::RandomBatch<double> data(6, 3, 4);
  data.use_ranges(true);
  data.use_lengths(3);
  ll::Batch<double> batch = data.batch();
  const std::vector<double> weights{1, 2, 0, 0.5, 1, 1}, outputs(24, 0.25);
  batch.weights = weights;
  Reservoir<double> memory({.capacity = 9});
  memory.push(batch, outputs);
  REQUIRE(memory.size() == 5);  // one has weight 0
  ll::BatchBuffer<double> buffer;
  buffer.resize(1, 3, 4);
  for (std::size_t i = 0, n = 0; i < 5; ++i, ++n) {
    if (n == 2) ++n;
    const auto row = buffer.row(0, 0);
    memory.read(i, row);
    CHECK(std::equal(row.inputs.begin(), row.inputs.end(), batch.inputs.begin() + static_cast<long>(3 * n)));
    CHECK(std::equal(row.targets.begin(), row.targets.end(), batch.targets.begin() + static_cast<long>(4 * n)));
    CHECK(row.label == batch.labels[n]);
    CHECK(row.active == batch.active[n]);
    CHECK(row.weight == weights[n]);
    CHECK(row.length == batch.lengths[n]);
    CHECK(memory.examples().outputs(i).size() == 4);
  }
  const auto copy = memory;
  memory.push(batch, outputs);
  CHECK(copy.size() == 5);
  CHECK(memory.size() == 9);
}

TEST_CASE("images of bytes take bytes, and come back to the bit", "[rehearsal]") {
  std::vector<std::uint8_t> pixels(256 * 2);
  for (std::size_t k = 0; k < pixels.size(); ++k) pixels[k] = static_cast<std::uint8_t>(k / 2);
  const auto check = [&](auto number, double scale) {
    using T = decltype(number);
    const auto images = ll::Dataset<std::uint8_t>(pixels, std::vector<std::int32_t>(256), {2}).with_scale(scale);
    ll::BatchBuffer<T> buffer;
    const ll::backend::Serial serial;
    const ll::BatchLoader<T, ll::Dataset<std::uint8_t>, ll::backend::Serial> loader(images, 256, buffer, serial);
    const ll::Batch<T> batch = *loader.begin();
    Reservoir<T, std::uint8_t> memory({.capacity = 256, .scale = scale});
    memory.push(batch);
    CHECK(memory.bytes() == 256 * (2 + 4 * 4 + sizeof(T)));
    std::vector<T> inputs(2), none;
    std::int32_t label = 0;
    ll::OutputRange active;
    T weight = 1;
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 256; ++i) {
      memory.read(i, {inputs, label, none, active, weight, length});
      REQUIRE(inputs[0] == batch.inputs[2 * i]);
    }
  };
  check(1.0f, 1.0 / 255);
  check(1.0, 1.0 / 255);
  check(1.0f, 1.0);
  check(1.0, 0.3);
}

TEST_CASE("a memory refuses what it cannot keep as it is, and stays as it was", "[rehearsal][errors]") {
  Numbered stream(3);
  Reservoir<double, std::uint8_t> bytes({.capacity = 2, .scale = 1});
  bytes.push(stream.batch());
  for (const double wrong : {0.5, -1.0, 256.0, 1e300}) {
    stream.inputs[1] = wrong;
    const std::string message = test::message_of<ll::InvalidArgument>([&] { bytes.push(stream.batch()); });
    CHECK_THAT(message, test::ContainsSubstring("feature 0 of sample 1 is " + ll::detail::exact_text(wrong)));
  }
  Reservoir<double, float> floats({.capacity = 2});
  stream.inputs[1] = 0.1;
  CHECK_THROWS_AS(floats.push(stream.batch()), ll::InvalidArgument);
  stream.inputs[1] = 0.125;
  floats.push(stream.batch());
  CHECK(bytes.seen() == 3);

  const std::vector<double> two{1, 2};
  const std::vector<std::int32_t> one{0};
  CHECK_THROWS_AS(floats.push({1, 2, two, one}), ll::ShapeMismatch);
  CHECK_THROWS_AS(floats.push({2, 1, two}), ll::ShapeMismatch);  // without labels
  CHECK_THROWS_AS(floats.push({1, 1, std::span(two).first(1), one, two}), ll::ShapeMismatch);
  CHECK_THROWS_AS(floats.push({2, 1, two, std::span<const std::int32_t>(one)}), ll::ShapeMismatch);
  BalancedReservoir<double> balanced({.capacity = 2});
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] {
               balanced.push({2, 1, two});
             }),
             test::ContainsSubstring("sample 0 has no label"));
  CHECK_THROWS_AS(Reservoir<double>().push(stream.batch()), ll::InvalidArgument);
  CHECK_THROWS_AS(Reservoir<double>({.capacity = 0}), ll::InvalidArgument);
  CHECK_THROWS_AS(Reservoir<double>({.scale = 0}), ll::InvalidArgument);
  CHECK_THROWS_AS(floats.examples().outputs(7), ll::InvalidArgument);
}

TEST_CASE("what a memory shows of itself has a name of its own each", "[rehearsal]") {
  const test::RandomBatch<double> data(6, 3, 2);
  BalancedReservoir<double> memory({.capacity = 4});
  memory.push(data.batch(), data.targets);  // labels, targets and outputs
  std::map<std::string, int> names;
  const auto count = [&](const std::string& name, auto&) { ++names[name]; };
  memory.visit(count, count);
  for (const auto& [name, times] : names) {
    INFO(name);
    CHECK(times == 1);
  }
}

TEST_CASE("draws from a memory are without repetition, uniform, and keyed by seed and step", "[rehearsal][draw]") {
  ll::rehearsal::Draw draw, other;
  const ll::Random random(7, ll::Purpose::replay), second(7, ll::Purpose::replay, 1);
  std::array<double, 10> drawn{};
  double together = 0;
  constexpr std::size_t steps = 5000;
  for (std::uint64_t step = 0; step < steps; ++step) {
    const auto found = draw(random, step, 10, 4);
    std::vector<std::uint32_t> numbers(found.begin(), found.end());
    for (const std::uint32_t number : numbers) drawn[number] += 1;
    for (const std::uint32_t number : other(second, step, 10, 4))
      together += std::count(numbers.begin(), numbers.end(), number) > 0 ? 1 : 0;
    std::sort(numbers.begin(), numbers.end());
    REQUIRE(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
  }
  double chi_square = 0;
  for (const double count : drawn) chi_square += (count - 2000) * (count - 2000) / 2000;
  CHECK(chi_square * 9 / 6 < 33.7);  // as above, with (N-1)/(N-M)
  // Two draws of a step are independent: 1.6 of their four numbers agree on average, with variance 0.64.
  CHECK_THAT(together / steps, test::WithinAbs(1.6, 4 * 0.8 / 70.7));

  const auto again = draw(random, 17, 10, 4), fresh = other(random, 17, 10, 4);
  CHECK(std::equal(again.begin(), again.end(), fresh.begin(), fresh.end()));
  CHECK(draw(random, 0, 3, 8).size() == 3);
  CHECK(draw(random, 0, 0, 8).empty());
}

}  // namespace memory_test
