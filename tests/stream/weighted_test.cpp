// SPDX-License-Identifier: MIT
// Views that give examples weights: by number, by class, and none to an ignored label.
#include <lifelong/backend/serial.hpp>
#include <lifelong/stream/cached.hpp>
#include <lifelong/stream/dataset.hpp>
#include <lifelong/stream/examples.hpp>
#include <lifelong/stream/loader.hpp>
#include <lifelong/stream/recent_examples.hpp>
#include <lifelong/stream/weighted.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"

namespace weighted_test {

namespace ll = lifelong;

namespace {

/// Six examples of one input, their number.
ll::Dataset<double> six() { return {{0, 1, 2, 3, 4, 5}, std::vector<std::int32_t>{0, 1, 2, 0, 1, 2}, {1}}; }
ll::Dataset<double> real() { return {{0, 1}, std::vector<double>{0, 1}, 1, {1}}; }

using View = decltype(ll::ignore_label(six()));
static_assert(ll::ExampleSource<View, float>);
static_assert(ll::ExampleSource<View, double>);

struct Read {
  std::vector<double> inputs, weights;
  std::vector<std::uint64_t> indices;
  std::vector<std::size_t> sizes;
};
template <class Source>
Read read(const Source& source, std::size_t batch_size) {
  Read all;
  ll::BatchBuffer<double> buffer;
  const ll::backend::Serial backend;
  for (const ll::Batch<double>& batch : ll::BatchLoader(source, batch_size, buffer, backend)) {
    all.inputs.insert(all.inputs.end(), batch.inputs.begin(), batch.inputs.end());
    all.weights.insert(all.weights.end(), batch.weights.begin(), batch.weights.end());
    all.indices.insert(all.indices.end(), batch.indices.begin(), batch.indices.end());
    all.sizes.push_back(batch.size);
  }
  return all;
}

}  // namespace

TEST_CASE("examples have weights, and those of weight 0 are left out of their batch", "[stream][weights]") {
  const Read all = read(ll::weighted(six(), {1, 0.5, 0, 2, 0, 0}), 3);
  CHECK(all.inputs == std::vector<double>{0, 1, 3});
  CHECK(all.sizes == std::vector<std::size_t>{2, 1});
  CHECK(all.weights == std::vector<double>{1, 0.5, 2});
  CHECK(all.indices == std::vector<std::uint64_t>{0, 1, 3});
  CHECK(read(ll::weighted(six(), std::vector<double>(6, 1.0)), 3).weights.empty());
  CHECK(read(six(), 4).weights.empty());
}

TEST_CASE("classes have weights, and views multiply theirs", "[stream][weights]") {
  const auto by_class = ll::class_weights(ll::Examples<double>(six()), {3, 1, 0.5});
  CHECK(read(by_class, 6).weights == std::vector<double>{3, 1, 0.5, 3, 1, 0.5});
  CHECK(read(ll::weighted(by_class, {1, 2, 2, 0, 1, 1}), 6).weights == std::vector<double>{3, 2, 1, 1, 0.5});
  // Labels are those that are read, not those of the data.
  const auto shifted = ll::Examples<double>(six()).subset({1, 2}).relabeled(-1);
  CHECK(read(ll::class_weights(shifted, {3, 5}), 2).weights == std::vector<double>{3, 5});
}

TEST_CASE("an ignored label is not there", "[stream][weights]") {
  const Read all = read(ll::ignore_label(six(), 1), 2);
  CHECK(all.inputs == std::vector<double>{0, 2, 3, 5});
  CHECK(all.weights.empty());
  CHECK(all.sizes == std::vector<std::size_t>{1, 2, 1});
  CHECK(read(ll::ignore_label(six()), 2).inputs.size() == 6);
  CHECK(read(ll::class_weights(ll::ignore_label(six(), 2), {3, 5}), 6).weights == std::vector<double>{3, 5, 3, 5});
}

TEST_CASE("copies of examples keep their weights", "[stream][weights]") {
  const auto source = ll::weighted(six(), {1, 0.5, 0, 2, 0, 4});
  const Read all = read(ll::CachedExamples<double>(source), 4);
  CHECK(all.inputs == std::vector<double>{0, 1, 3, 5});
  CHECK(all.weights == std::vector<double>{1, 0.5, 2, 4});
  ll::RecentExamples<double> recent(3);
  ll::BatchBuffer<double> buffer;
  const ll::backend::Serial backend;
  for (const ll::Batch<double>& batch : ll::BatchLoader(source, 6, buffer, backend)) recent.push(batch);
  CHECK(read(recent, 6).weights == std::vector<double>{0.5, 2, 4});
}

TEST_CASE("an example of weight 0 may be anything, the others not", "[stream][weights][errors]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const ll::Dataset<double> data({0, nan, nan}, std::vector<std::int32_t>{0, 1, 2}, {1});
  CHECK(read(ll::weighted(data, {1, 0, 0}), 3).inputs == std::vector<double>{0});
  CHECK(test::message_of<ll::NumericError>([&] {
          read(ll::weighted(data, {1, 0, 2}), 3);
        }) == "example 2, feature 0 is nan");
}

TEST_CASE("weights that cannot be are refused before anything is read", "[stream][weights][errors]") {
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          (void)ll::weighted(six(), {1, 2});
        }) == "the weights of the examples has 2 elements where 6 are needed");
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          (void)ll::weighted(six(), {1, 2, -3, 1, 1, 1});
        }) == "weights[2] must be finite and at least 0, but is -3");
  CHECK_THROWS_AS(ll::class_weights(six(), {1, 1, std::numeric_limits<double>::infinity()}), ll::InvalidArgument);
  CHECK(test::message_of<ll::InvalidArgument>([&] { (void)ll::class_weights(real(), {1}); }) ==
        "class_weights: the examples have real targets, no labels");
  CHECK_THROWS_AS(ll::ignore_label(real()), ll::InvalidArgument);
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          read(ll::class_weights(six(), {1, 1}), 6);
        }) == "class_weights: the label of example 2 is 2 where there are weights of 2 classes");
}

}  // namespace weighted_test
