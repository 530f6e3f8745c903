// SPDX-License-Identifier: MIT
// Batches of any size of sources of any size, whose values are known to be numbers.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/stream/cached.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/loader.hpp>
#include <lifelong/stream/recent_examples.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"

namespace loader_test {

namespace ll = lifelong;

namespace {

constexpr std::size_t largest = std::numeric_limits<std::size_t>::max();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN(),
                infinite = std::numeric_limits<float>::infinity();
const ll::backend::Serial serial;

/// As many examples as it says, each made when it is read.
struct Generator {
  std::size_t count;
  std::size_t width = 2, answers = 0;

  std::size_t size() const { return count; }
  std::size_t features() const { return width; }
  std::size_t targets() const { return answers; }
  void read(std::size_t i, ll::ExampleRow<float> row) const {
    for (float& value : row.inputs) value = static_cast<float>(i % 100);
    for (float& value : row.targets) value = 1;
    row.label = static_cast<std::int32_t>(i % 2);
  }
};

/// `count` examples of 9 features and 2 targets, with one value changed.
ll::Dataset<float> with_value(std::size_t count, std::size_t example, std::size_t place, float value, bool target) {
  std::vector<float> inputs(9 * count, 0.5f), targets(2 * count, 0.5f);
  (target ? targets : inputs)[example * (target ? 2 : 9) + place] = value;
  return {std::move(inputs), std::move(targets), 2, {9}};
}

/// What is said of a source when all of it is read.
template <class E, class Source, class Backend = ll::backend::Serial>
std::string refusal(const Source& source, std::size_t batch_size, const Backend& backend = {},
                    std::span<const std::uint32_t> order = {}) {
  ll::BatchBuffer<float> buffer;
  return test::message_of<E>([&] {
    for ([[maybe_unused]] const auto& batch : ll::BatchLoader(source, batch_size, buffer, backend, order)) {
    }
  });
}

}  // namespace

TEST_CASE("a batch size above the number of examples means all of them", "[stream][loader]") {
  const std::size_t size = GENERATE(std::size_t{10}, std::size_t{11}, largest / 2, largest - 1, largest);
  ll::BatchBuffer<float> buffer;
  const Generator ten{10};
  const ll::BatchLoader loader(ten, size, buffer, serial);
  CHECK(loader.size() == 1);
  std::size_t batches = 0;
  for (const auto& batch : loader) {
    ++batches;
    CHECK(batch.size == 10);
    CHECK(batch.inputs[19] == 9);
  }
  CHECK(batches == 1);
}

TEST_CASE("what is left over is a batch, nothing, or part of the batch before", "[stream][loader]") {
  using ll::LastBatch;
  for (std::size_t count = 1; count <= 12; ++count) {
    for (std::size_t size = 1; size <= 13; ++size) {
      for (const LastBatch last : {LastBatch::keep, LastBatch::drop, LastBatch::merge}) {
        std::vector<std::size_t> expected(count / size, size), sizes;
        if (count % size != 0 && (last == LastBatch::keep || (last == LastBatch::merge && expected.empty())))
          expected.push_back(count % size);
        else if (last == LastBatch::merge)
          expected.back() += count % size;
        ll::BatchBuffer<float> buffer;
        const Generator source{count};
        const ll::BatchLoader loader(source, size, buffer, serial, {}, last);
        std::size_t first = 0;
        for (const auto& batch : loader) {
          CHECK(batch.inputs[0] == static_cast<float>(first));
          first += batch.size;
          sizes.push_back(batch.size);
        }
        CHECK(sizes == expected);
        CHECK(loader.size() == expected.size());
      }
    }
  }
}

TEST_CASE("a source of any number of examples is read batch by batch", "[stream][loader]") {
  const std::size_t count = GENERATE(std::size_t{1} << 40, largest - 1, largest);
  const Generator source{count};
  ll::BatchBuffer<float> buffer;
  const ll::BatchLoader loader(source, 4, buffer, serial);
  CHECK(loader.size() == count / 4 + (count % 4 != 0 ? 1 : 0));
  auto at = loader.begin();
  CHECK((*at).indices[3] == 3);
  CHECK((*++at).indices[0] == 4);
  const auto end = *loader.begin(loader.size() - 1);
  CHECK(end.indices.back() == count - 1);
}

TEST_CASE("what no loader can do is refused when it is made", "[stream][loader][errors]") {
  const Generator ten{10};
  CHECK(refusal<ll::InvalidArgument>(ten, 0) == "the batch_size must be at least 1, but is 0");
  const std::vector<std::uint32_t> nine(9);
  CHECK(refusal<ll::ShapeMismatch>(ten, 2, serial, nine) ==
        "the order of the examples has 9 elements where 10 are needed");
}

TEST_CASE("a batch that does not fit into memory names its sizes", "[stream][loader][errors]") {
  CHECK(refusal<ll::OutOfMemory>(Generator{largest}, largest) ==
        "a batch of 18446744073709551615 examples of 2 features and 0 targets does not fit into memory");
  CHECK(refusal<ll::OutOfMemory>(Generator{std::size_t{1} << 63, 2}, largest) ==
        "a batch of 9223372036854775808 examples of 2 features and 0 targets does not fit into memory");
  CHECK(refusal<ll::OutOfMemory>(Generator{4, std::size_t{1} << 62}, 4) ==
        "a batch of 4 examples of 4611686018427387904 features and 0 targets does not fit into memory");
  CHECK(refusal<ll::OutOfMemory>(Generator{4, 2, std::size_t{1} << 61}, 2) ==
        "a batch of 2 examples of 2 features and 2305843009213693952 targets does not fit into memory");
  CHECK_THROWS_AS(ll::CachedExamples<float>(Generator{std::size_t{1} << 50}), ll::InvalidArgument);

  ll::BatchBuffer<float> buffer;
  buffer.resize(2, 3, 0);
  CHECK_THROWS_AS(buffer.resize(largest, 2, 0), ll::OutOfMemory);
  CHECK(buffer.batch().size == 0);
  buffer.resize(2, 3, 0);
  CHECK(buffer.batch().inputs.size() == 6);
}

TEST_CASE("the first value that is not finite is named, whatever order and threads", "[stream][loader][errors]") {
  for (const float value : {not_a_number, infinite, -infinite}) {
    const std::string text = value == infinite ? "inf" : value == -infinite ? "-inf" : "nan";
    for (const std::size_t batch_size : {1u, 7u, 100u}) {
      CHECK(refusal<ll::NumericError>(with_value(60, 40, 7, value, false), batch_size) ==
            "example 40, feature 7 is " + text);
      CHECK(refusal<ll::NumericError>(with_value(60, 59, 1, value, true), batch_size, ll::backend::OpenMP{2}) ==
            "example 59, target 1 is " + text);
    }
    const ll::Dataset<float> all(std::vector<float>(100, value), std::vector<std::int32_t>(50), {2});
    std::vector<std::uint32_t> order(50);
    for (std::size_t i = 0; i < 50; ++i) order[i] = static_cast<std::uint32_t>((i + 33) % 50);
    CHECK(refusal<ll::NumericError>(all, 50, ll::backend::OpenMP{3}, order) == "example 33, feature 0 is " + text);
    CHECK_THROWS_AS(ll::CachedExamples<float>(all), ll::NumericError);
  }
}

TEST_CASE("a number that a smaller type turns into Inf is named", "[stream][loader][errors]") {
  const ll::Dataset<double> data(std::vector<double>{1, 2, 3, 1e300}, std::vector<std::int32_t>(2), {2});
  CHECK(refusal<ll::NumericError>(data, 2) == "example 1, feature 1 is inf");
}

TEST_CASE("samples to remember are checked before any is kept", "[stream][recent][errors]") {
  ll::RecentExamples<float> recent(4);
  std::vector<float> inputs{1, 2, 3, 4};
  const auto batch = [&] { return ll::Batch<float>{.size = 2, .features = 2, .inputs = inputs}; };
  recent.push(batch());
  inputs[3] = not_a_number;
  CHECK(test::message_of<ll::NumericError>([&] { recent.push(batch()); }) == "sample 1, feature 1 of the batch is nan");
  CHECK(recent.size() == 2);
  const std::span<const float> three = std::span(inputs).first(3);
  CHECK_THROWS_AS(recent.push({.size = 2, .features = 2, .inputs = three}), ll::ShapeMismatch);
  const std::vector<std::int32_t> one(1);
  CHECK_THROWS_AS(recent.push({.size = 2, .features = 1, .inputs = three, .labels = one}), ll::ShapeMismatch);
  CHECK(recent.size() == 2);

  ll::RecentExamples<float> endless(largest);
  CHECK(test::message_of<ll::OutOfMemory>([&] { endless.push({.size = 1, .features = 2, .inputs = three}); }) ==
        "RecentExamples: 18446744073709551615 samples of 2 features and 0 targets do not fit into memory");
  CHECK(endless.features() == 0);
}

}  // namespace loader_test
