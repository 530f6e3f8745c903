// SPDX-License-Identifier: MIT
// Classes divided unevenly and in other orders; the even division in order is in stream_test.cpp.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/random.hpp>
#include <lifelong/stream/split.hpp>

#include "catch.hpp"

namespace split_test {

namespace ll = lifelong;
using ll::Scenario;
using ll::stream::SplitOptions;

namespace {

using Labels = std::vector<std::int32_t>;

/// Example i has the input i and the label `labels[i]`.
ll::Dataset<float> examples(const Labels& labels) {
  std::vector<float> inputs;
  for (std::size_t i = 0; i < labels.size(); ++i) inputs.push_back(static_cast<float>(i));
  return {std::move(inputs), labels, {1}};
}

/// Two examples of each of the classes 0 to classes - 1, in train and in test.
ll::SplitData<float> data(std::int32_t classes) {
  Labels labels;
  for (std::int32_t i = 0; i < 2 * classes; ++i) labels.push_back(i % classes);
  return {examples(labels), examples(labels)};
}

struct Seen {
  Labels labels;
  std::vector<float> inputs;
  ll::OutputRange active;
};

Seen read(const ll::Examples<float>& part) {
  Seen seen;
  for (std::size_t i = 0; i < part.size(); ++i) {
    float input = -1;
    std::int32_t label = -1;
    float weight = 1;
    std::uint32_t length = 0;
    seen.active = {};
    part.read(i, ll::ExampleRow<float>{{&input, 1}, label, {}, seen.active, weight, length});
    CHECK(label == part.label(i));
    seen.labels.push_back(label);
    seen.inputs.push_back(input);
  }
  return seen;
}

std::string refusal(const ll::SplitData<float>& from, std::size_t tasks, const SplitOptions& options) {
  return test::message_of<ll::InvalidArgument>([&] { (void)ll::stream::split(from, tasks, options); });
}

}  // namespace

TEST_CASE("split: tasks of different sizes have ranges of outputs of their own") {
  const auto stream = ll::stream::split(data(10), 3, {.classes_per_task = {5, 3, 2}});
  CHECK(stream.outputs() == 10);
  CHECK(stream[0].name == "classes 0 to 4");
  CHECK(stream[2].name == "classes 8 to 9");
  CHECK(read(stream[1].train).labels == Labels{5, 6, 7, 5, 6, 7});
  CHECK(read(stream[1].test).active == ll::OutputRange{5, 3});
  CHECK(read(stream[2].train).inputs == std::vector<float>{8, 9, 18, 19});
  CHECK(read(stream[2].train).active == ll::OutputRange{8, 2});

  const auto open =
      ll::stream::split(data(10), 3, {.scenario = Scenario::class_incremental, .classes_per_task = {5, 3, 2}});
  CHECK(open.outputs() == 10);
  CHECK(read(open[2].train).labels == Labels{8, 9, 8, 9});
  CHECK(read(open[2].train).active == ll::OutputRange{});

  const auto shared = ll::stream::split(data(10), 3, {.scenario = Scenario::domain, .classes_per_task = {3, 5, 2}});
  CHECK(shared.outputs() == 5);
  CHECK(read(shared[1].train).labels == Labels{0, 1, 2, 3, 4, 0, 1, 2, 3, 4});
  CHECK(read(shared[2].test).labels == Labels{0, 1, 0, 1});
  CHECK(read(shared[2].test).active == ll::OutputRange{});
}

TEST_CASE("split: sizes that are all the same are the even division") {
  const auto even = ll::stream::split(data(6), 3);
  const auto listed = ll::stream::split(data(6), 3, {.classes_per_task = {2, 2, 2}, .order = {0, 1, 2, 3, 4, 5}});
  for (std::size_t t = 0; t < 3; ++t) {
    CHECK(listed[t].name == even[t].name);
    CHECK(read(listed[t].train).labels == read(even[t].train).labels);
    CHECK(read(listed[t].train).inputs == read(even[t].train).inputs);
    CHECK(read(listed[t].train).active == read(even[t].train).active);
    CHECK(listed[t].train.data().labels().size() == 12);
  }
}

TEST_CASE("split: classes in an order of their own are numbered as they come") {
  const auto source = data(5);
  const SplitOptions options{.classes_per_task = {2, 1, 2}, .order = {3, 0, 4, 2, 1}};
  const auto stream = ll::stream::split(source, 3, options);
  CHECK(stream.outputs() == 5);
  CHECK(stream[0].name == "classes 3, 0");
  CHECK(stream[1].name == "classes 4");
  CHECK(read(stream[0].train).inputs == std::vector<float>{0, 3, 5, 8});
  CHECK(read(stream[0].train).labels == Labels{1, 0, 1, 0});
  CHECK(read(stream[1].train).labels == Labels{2, 2});
  CHECK(read(stream[2].test).inputs == std::vector<float>{1, 2, 6, 7});
  CHECK(read(stream[2].test).labels == Labels{4, 3, 4, 3});
  CHECK(read(stream[2].test).active == ll::OutputRange{3, 2});
  CHECK(stream[2].train.data().inputs().data() == source.train.inputs().data());
  CHECK(stream[2].train.data().labels().data() == stream[0].train.data().labels().data());

  const auto shared = ll::stream::split(
      source, 3, {.scenario = Scenario::domain, .classes_per_task = {2, 1, 2}, .order = {3, 0, 4, 2, 1}});
  CHECK(shared.outputs() == 2);
  CHECK(read(shared[0].train).labels == Labels{1, 0, 1, 0});
  CHECK(read(shared[1].train).labels == Labels{0, 0});
  CHECK(read(shared[2].train).labels == Labels{1, 0, 1, 0});
}

TEST_CASE("split: labels can be kept") {
  const SplitOptions kept{.scenario = Scenario::class_incremental, .order = {3, 0, 2, 1}, .keep_labels = true};
  const auto source = data(4);
  const auto stream = ll::stream::split(source, 2, kept);
  CHECK(stream.outputs() == 4);
  CHECK(read(stream[0].train).labels == Labels{0, 3, 0, 3});
  CHECK(stream[0].train.data().labels().data() == source.train.labels().data());

  const auto ranges = ll::stream::split(source, 2, {.order = {2, 3, 0, 1}, .keep_labels = true});
  CHECK(read(ranges[0].train).labels == Labels{2, 3, 2, 3});
  CHECK(read(ranges[0].train).active == ll::OutputRange{2, 2});
  CHECK(read(ranges[1].train).active == ll::OutputRange{0, 2});

  CHECK(refusal(source, 2, {.order = {2, 3, 1, 0}, .keep_labels = true}) ==
        "SplitOptions.keep_labels: classes 1, 0 of task 1 are no range of outputs");
  CHECK(refusal(source, 2, {.scenario = Scenario::domain, .keep_labels = true}) ==
        "SplitOptions.keep_labels: in Scenario::domain labels count from 0 in each task");
}

TEST_CASE("split: a seed shuffles the classes") {
  std::vector<Labels> orders;
  for (const std::uint64_t seed : {0U, 1U, 2U}) {
    const auto stream = ll::stream::split(data(8), 8, {.scenario = Scenario::class_incremental, .shuffle = seed});
    Labels expected{0, 1, 2, 3, 4, 5, 6, 7}, found;
    ll::Random(seed, ll::Purpose::classes).shuffle(std::span(expected.data(), expected.size()));
    for (std::size_t t = 0; t < 8; ++t) {
      found.push_back(static_cast<std::int32_t>(read(stream[t].train).inputs[0]));
      CHECK(read(stream[t].train).labels == Labels(2, static_cast<std::int32_t>(t)));
    }
    CHECK(found == expected);
    orders.push_back(found);
  }
  CHECK(orders[0] != orders[1]);
  CHECK(orders[1] != orders[2]);
  const auto of_listed = ll::stream::split(data(3), 1, {.order = {2, 1, 0}, .shuffle = 5});
  CHECK(of_listed.outputs() == 3);
}

TEST_CASE("split: labels that do not count from 0 need an order, and large ones no memory") {
  const Labels labels{7, 2000000000, 12, 7, 2000000000, 12};
  const ll::SplitData<float> sparse{examples(labels), examples(labels)};
  const auto stream = ll::stream::split(sparse, 2, {.classes_per_task = {2, 1}, .order = {12, 2000000000, 7}});
  CHECK(stream.outputs() == 3);
  CHECK(stream[0].name == "classes 12, 2000000000");
  CHECK(read(stream[0].train).labels == Labels{1, 0, 1, 0});
  CHECK(read(stream[1].train).labels == Labels{2, 2});
  CHECK(refusal(sparse, 1, {}) == "split: class 0 of 2000000001 has no train examples");
}

TEST_CASE("split: what does not fit together is refused by name") {
  CHECK(refusal(data(4), 2, {.order = {0, 1, 2, 1}}) == "split: class 1 is twice in SplitOptions.order");
  CHECK(refusal(data(4), 2, {.order = {0, 1}}) ==
        "split: class 2 has train examples, but is not in SplitOptions.order");
  CHECK(refusal(data(4), 1, {.order = {0, 1, 2, 3, 4}}) == "split: class 4 of 5 has no train examples");
  CHECK(refusal(data(4), 1, {.order = {0, 1, 2, 3, -1}}) == "split: class -1 of 5 has no train examples");
  const ll::SplitData<float> other{examples({0, 1}), examples({0, 1, 2})};
  CHECK(refusal(other, 1, {.order = {1, 0}}) == "split: class 2 has test examples, but is not in SplitOptions.order");
  CHECK(refusal(data(4), 2, {.classes_per_task = {2, 1, 1}}) ==
        "SplitOptions.classes_per_task has 3 sizes for 2 tasks");
  CHECK(refusal(data(4), 2, {.classes_per_task = {4, 0}}) ==
        "SplitOptions.classes_per_task has a task of 0 classes: 4 + 0");
  CHECK(refusal(data(4), 2, {.classes_per_task = {2, 1}}) ==
        "SplitOptions.classes_per_task needs 2 + 1 classes, but there are 4");
  const std::size_t wraps = static_cast<std::size_t>(-1);  // 3 + this + 2 is 4 again
  CHECK(refusal(data(4), 3, {.classes_per_task = {3, wraps, 2}}) ==
        "SplitOptions.classes_per_task needs 3 + " + std::to_string(wraps) + " classes, but there are 4");
  const ll::SplitData<float> untested{examples({0, 1, 2}), examples({0, 1})};
  CHECK(refusal(untested, 2, {.classes_per_task = {2, 1}}) == "test of task 'classes 2' has no examples");
}

TEST_CASE("an ignored label belongs to no task", "[stream][split][errors]") {
  const ll::Dataset<float> data(std::vector<float>(4), std::vector<std::int32_t>{0, 1, ll::ignored_label, 1}, {1});
  CHECK(data.classes() == 2);
  CHECK(refusal({data, data}, 2, {}) == "split: train example 2 has the label -100, which belongs to no task");
}

}  // namespace split_test
