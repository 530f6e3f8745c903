// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/stream/divided.hpp>

#include "catch.hpp"

namespace divided_test {

namespace ll = lifelong;
using Numbers = std::vector<std::size_t>;

namespace {

/// Examples of two features, the second 10 i, with the target -i.
ll::Dataset<float> with_targets(const std::vector<float>& first) {
  std::vector<float> inputs, targets;
  for (std::size_t i = 0; i < first.size(); ++i) {
    inputs.insert(inputs.end(), {first[i], static_cast<float>(10 * i)});
    targets.push_back(-static_cast<float>(i));
  }
  return {std::move(inputs), std::move(targets), 1, {2}};
}

/// The second machine has the number 3.
ll::SplitData<float> machines() { return {with_targets({3, 1, 1, 3, 7, 3}), with_targets({7, 3, 1})}; }

Numbers numbers(const ll::Examples<float>& part) {
  Numbers all;
  for (std::size_t i = 0; i < part.size(); ++i) all.push_back(part.index(i));
  return all;
}

template <class Call>
std::string refusal(const Call& call) {
  return test::message_of<ll::InvalidArgument>([&] { (void)call(); });
}

}  // namespace

TEST_CASE("divided: the tasks are what a function says") {
  const auto source = machines();
  const auto by_target = [](const ll::Dataset<float>& part, std::size_t i) {
    return part.target_values()[i] < -1 ? 1 : 0;
  };
  const auto stream = ll::stream::divided(source, 2, by_target);
  REQUIRE(stream.size() == 2);
  CHECK(stream.outputs() == 1);
  CHECK(stream.scenario() == ll::Scenario::domain);
  CHECK(numbers(stream[0].train) == Numbers{0, 1});
  CHECK(numbers(stream[1].train) == Numbers{2, 3, 4, 5});
  CHECK(numbers(stream[1].test) == Numbers{2});
  CHECK(stream[1].name == "part 1");
  CHECK(stream[1].train.data().inputs().data() == source.train.inputs().data());
  std::vector<float> inputs(2), target(1);
  std::int32_t label = -1;
  ll::OutputRange active;
  float weight = 1;
  std::uint32_t length = 0;
  stream[1].train.read(1, ll::ExampleRow<float>{inputs, label, target, active, weight, length});
  CHECK(inputs == std::vector<float>{3, 30});
  CHECK(target == std::vector<float>{-3});
}

TEST_CASE("divided: classes may stay as they are") {
  const auto part = [] { return ll::Dataset<float>({0, 1, 2, 3}, std::vector<std::int32_t>{0, 2, 2, 0}, {1}); };
  const auto stream = ll::stream::divided_by_ranges(ll::SplitData<float>{part(), part()}, {1, 3}, {2, 2});
  CHECK(stream.outputs() == 3);
  CHECK(stream[1].train.label(0) == 2);
  CHECK(stream[1].train.active() == ll::OutputRange{});
}

TEST_CASE("divided by values: a task for each, smallest first") {
  const auto stream = ll::stream::divided_by_values(machines(), 0);
  REQUIRE(stream.size() == 3);
  CHECK(numbers(stream[0].train) == Numbers{1, 2});
  CHECK(numbers(stream[1].train) == Numbers{0, 3, 5});
  CHECK(numbers(stream[2].train) == Numbers{4});
  CHECK(numbers(stream[2].test) == Numbers{0});
  CHECK(stream[1].name == "feature 0 = 3");
  const auto bytes = ll::Dataset<std::uint8_t>({0, 51, 51}, std::vector<std::int32_t>{0, 1, 1}, {1});
  CHECK(ll::stream::divided_by_values(ll::SplitData<std::uint8_t>{bytes, bytes}, 0)[1].name == "feature 0 = 0.2");
}

TEST_CASE("divided by bounds: below the first, between two, from the last on") {
  const auto stream = ll::stream::divided_by_bounds(machines(), 0, {2, 7});
  REQUIRE(stream.size() == 3);
  CHECK(numbers(stream[0].train) == Numbers{1, 2});
  CHECK(numbers(stream[1].train) == Numbers{0, 3, 5});
  CHECK(numbers(stream[2].train) == Numbers{4});
  CHECK(stream[0].name == "feature 0 < 2");
  CHECK(stream[1].name == "feature 0 in [2, 7)");
  CHECK(stream[2].name == "feature 0 >= 7");
  CHECK(ll::stream::divided_by_bounds(machines(), 1, {}).size() == 1);
}

TEST_CASE("divided by ranges: recordings one after the other") {
  const auto stream = ll::stream::divided_by_ranges(machines(), {2, 4}, {2, 1});
  CHECK(numbers(stream[0].train) == Numbers{0, 1});
  CHECK(numbers(stream[1].train) == Numbers{2, 3, 4, 5});
  CHECK(numbers(stream[1].test) == Numbers{2});
}

TEST_CASE("divisions that cannot be are refused by name, when the stream is made") {
  using ll::stream::divided_by_bounds;
  const auto source = machines();
  CHECK(refusal([&] { return ll::stream::divided(source, 2, [](const auto&, std::size_t i) { return i; }); }) ==
        "divided: train example 2 is of task 2, but there are only 2");
  CHECK(refusal([&] { return ll::stream::divided(source, 2, [](const auto&, std::size_t) { return -1; }); }) ==
        "divided: train example 0 is of task " + std::to_string(static_cast<std::size_t>(-1)) +
            ", but there are only 2");
  CHECK(refusal([&] { return ll::stream::divided(source, 2, [](const auto&, std::size_t) { return 0; }); }) ==
        "train of task 'part 1' has no examples");
  CHECK(refusal([&] { return ll::stream::divided(source, 0, [](const auto&, std::size_t) { return 0; }); }) ==
        "divided: train example 0 is of task 0, but there are only 0");
  const std::size_t many = static_cast<std::size_t>(-1);
  CHECK(refusal([&] { return ll::stream::divided(source, many, [](const auto&, std::size_t) { return 0; }); }) ==
        "divided: 6 train examples are too few for " + std::to_string(many) + " tasks");
  CHECK(refusal([&] {
          return divided_by_bounds(source, 0, {5, 8});
        }) == "train of task 'feature 0 >= 8' has no examples");
  CHECK(refusal([&] {
          return divided_by_bounds(source, 0, {5, 5});
        }) == "divided: bound 1 is 5, but bounds are finite and ascend");
  CHECK_THAT(refusal([&] { return divided_by_bounds(source, 0, {std::numeric_limits<double>::quiet_NaN()}); }),
             test::ContainsSubstring("bound 0 is nan"));
  CHECK_THAT(refusal([&] { return ll::stream::divided_by_values(source, 2); }),
             test::ContainsSubstring("no element number 2"));
  for (const float value : {1.5F, 5.0F}) {
    const ll::SplitData<float> unknown{with_targets({1, 2}), with_targets({1, value})};
    CHECK(refusal([&] { return ll::stream::divided_by_values(unknown, 0); }) ==
          "divided: feature 0 of test example 1 is " + ll::detail::text(static_cast<double>(value)) +
              ", which no train example has");
  }
  const ll::SplitData<float> not_a_number{with_targets({1, std::numeric_limits<float>::quiet_NaN()}),
                                          with_targets({1})};
  CHECK(refusal([&] { return ll::stream::divided_by_values(not_a_number, 0); }) ==
        "divided: feature 0 of train example 1 is nan");
  for (const Numbers& sizes : {Numbers{2, 3}, Numbers{2, 5}, Numbers{static_cast<std::size_t>(-1), 7}, Numbers{6, 6}})
    CHECK(test::message_of<ll::ShapeMismatch>([&] {
            (void)ll::stream::divided_by_ranges(source, sizes, {2, 1});
          }) == "divided: the sizes of the 2 tasks do not add up to the 6 train examples");
  CHECK_THROWS_AS(ll::stream::divided_by_ranges(source, {6}, {2, 1}), ll::ShapeMismatch);
  CHECK(refusal([&] {
          return ll::stream::divided_by_ranges(source, {6, 0}, {2, 1});
        }) == "train of task 'part 1' has no examples");
  const ll::SplitData<float> mixed{machines().train, ll::Dataset<float>({1, 2}, std::vector<std::int32_t>{0}, {2})};
  CHECK_THROWS_AS(ll::stream::divided_by_bounds(mixed, 0, {}), ll::ShapeMismatch);
}

}  // namespace divided_test
