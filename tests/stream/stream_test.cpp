// SPDX-License-Identifier: MIT
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/joined.hpp>
#include <lifelong/stream/permuted.hpp>
#include <lifelong/stream/rotated.hpp>
#include <lifelong/stream/split.hpp>

#include "catch.hpp"

namespace stream_test {

namespace ll = lifelong;
using ll::Scenario;

static_assert(ll::ExampleSource<ll::Examples<std::uint8_t>, float>);
static_assert(ll::ExampleSource<ll::Examples<float>, double>);
static_assert(ll::ExampleSource<ll::Joined<std::uint8_t>, float>);

namespace {

struct Example {
  std::vector<double> inputs, targets;
  std::int32_t label = 0;
  ll::OutputRange active;
  double weight = 1;
  std::uint32_t length = 0;
};

template <class Source>
Example read(const Source& source, std::size_t i) {
  Example example{std::vector<double>(source.features(), -9), std::vector<double>(source.targets(), -9), 0, {}, 1, 0};
  source.read(i, ll::ExampleRow<double>{example.inputs, example.label, example.targets, example.active, example.weight,
                                        example.length});
  return example;
}

template <class Source>
std::vector<std::int32_t> labels(const Source& source) {
  std::vector<std::int32_t> all;
  for (std::size_t i = 0; i < source.size(); ++i) all.push_back(read(source, i).label);
  return all;
}

/// Example i is the 2 x 2 image {4i, 4i+1, 4i+2, 4i+3} of class i % classes.
ll::Dataset<float> numbered(std::size_t size, std::size_t classes) {
  std::vector<float> inputs(4 * size);
  std::iota(inputs.begin(), inputs.end(), 0.0f);
  std::vector<std::int32_t> answers(size);
  for (std::size_t i = 0; i < size; ++i) answers[i] = static_cast<std::int32_t>(i % classes);
  return {std::move(inputs), std::move(answers), {2, 2}};
}

ll::SplitData<float> data(std::size_t classes = 4) { return {numbered(12, classes), numbered(8, classes)}; }

ll::SplitData<float> regression() {
  const auto part = [] { return ll::Dataset<float>(std::vector<float>(8), std::vector<float>(4), 2, {2, 2}); };
  return {part(), part()};
}

using Labels = std::vector<std::int32_t>;

}  // namespace

TEST_CASE("permuted: task 0 is the data, the others shuffle features and keep labels") {
  const auto source = data();
  const auto stream = ll::stream::permuted(source, 3, {.seed = 5});
  REQUIRE(stream.size() == 3);
  CHECK(stream.outputs() == 4);
  CHECK(stream.features() == 4);
  CHECK(stream.scenario() == Scenario::domain);
  CHECK(stream[2].name == "permutation 2");
  CHECK(read(stream[0].train, 1).inputs == std::vector<double>{4, 5, 6, 7});
  const ll::FeatureMap expected = ll::FeatureMap::permutation(4, ll::Random{5, ll::Purpose::permutation, 2});
  for (const std::size_t i : {0u, 7u}) {
    const Example example = read(stream[2].test, i);
    for (std::size_t j = 0; j < 4; ++j) CHECK(example.inputs[j] == 4.0 * static_cast<double>(i) + expected.index()[j]);
    CHECK(example.label == static_cast<std::int32_t>(i % 4));
    CHECK(example.active == ll::OutputRange{});
  }
  CHECK(stream[1].train.map().index().data() == stream[1].test.map().index().data());
}

TEST_CASE("rotated: one task per angle, in the given order") {
  const auto stream = ll::stream::rotated(data(), {0, 90, 22.5});
  CHECK(stream[0].train.map().identity());
  CHECK(read(stream[1].test, 0).inputs == std::vector<double>{2, 0, 3, 1});
  CHECK(stream[2].name == "rotation 22.5");
  CHECK(stream.outputs() == 4);
  const std::vector<double> angles{10, 20};
  CHECK(ll::stream::rotated(data(), angles, {.scenario = Scenario::task}).outputs() == 8);
}

TEST_CASE("mapped streams: outputs of the three scenarios") {
  const auto task = ll::stream::permuted(data(), 3, {.scenario = Scenario::task});
  CHECK(task.outputs() == 12);
  CHECK(read(task[2].train, 3).label == 11);
  CHECK(read(task[2].train, 3).active == ll::OutputRange{8, 4});
  CHECK(task[2].train.label(3) == 11);
  const auto open = ll::stream::rotated(data(), {0, 90}, {.scenario = Scenario::class_incremental});
  CHECK(open.outputs() == 8);
  CHECK(read(open[1].train, 2).label == 6);
  CHECK(read(open[1].train, 2).active == ll::OutputRange{});
}

TEST_CASE("split: every example is in the task of its class") {
  const auto source = data();
  const auto stream = ll::stream::split(source, 2);
  CHECK(stream.scenario() == Scenario::task);
  CHECK(stream.outputs() == 4);
  CHECK(stream[1].name == "classes 2 to 3");
  CHECK(labels(stream[0].train) == Labels{0, 1, 0, 1, 0, 1});
  CHECK(labels(stream[1].train) == Labels{2, 3, 2, 3, 2, 3});
  CHECK(labels(stream[1].test) == Labels{2, 3, 2, 3});
  CHECK(read(stream[1].train, 2).inputs == std::vector<double>{24, 25, 26, 27});
  CHECK(read(stream[1].train, 2).active == ll::OutputRange{2, 2});
  std::set<std::size_t> seen;
  for (const auto& task : stream)
    for (std::size_t i = 0; i < task.train.size(); ++i) seen.insert(task.train.index(i));
  CHECK(seen.size() == source.train.size());
  CHECK(ll::stream::split(source, 4)[2].name == "classes 2");
}

TEST_CASE("split: labels and ranges of the other scenarios") {
  const auto shared = ll::stream::split(data(), 2, {.scenario = Scenario::domain});
  CHECK(shared.outputs() == 2);
  CHECK(labels(shared[1].train) == Labels{0, 1, 0, 1, 0, 1});
  CHECK(read(shared[1].train, 0).active == ll::OutputRange{});
  CHECK(read(shared[1].train, 0).inputs[0] == 8);  // class 2
  const auto open = ll::stream::split(data(), 2, {.scenario = Scenario::class_incremental});
  CHECK(open.outputs() == 4);
  CHECK(labels(open[1].test) == Labels{2, 3, 2, 3});
  CHECK(read(open[1].train, 0).active == ll::OutputRange{});
}

TEST_CASE("tasks share the data: no stream holds a second copy") {
  const ll::SplitData<float> source{numbered(20, 10), numbered(10, 10)};
  const auto all_view = [&](const ll::Stream<float>& stream) {
    for (const auto& task : stream)
      if (task.train.data().inputs().data() != source.train.inputs().data() ||
          task.test.data().labels().data() != source.test.labels().data())
        return false;
    return true;
  };
  const auto copy = ll::stream::permuted(source, 10);
  CHECK(all_view(copy));
  CHECK(all_view(ll::stream::rotated(source, {0, 10, 20, 30, 40, 50, 60, 70, 80, 90})));
  CHECK(all_view(ll::stream::split(source, 5)));
  const auto second = copy;
  CHECK(second[9].train.map().index().data() == copy[9].train.map().index().data());
}

TEST_CASE("the data outlives its source through the stream") {
  const auto stream = [] { return ll::stream::split(data(), 2); }();
  CHECK(read(stream[0].train, 0).inputs == std::vector<double>{0, 1, 2, 3});
}

TEST_CASE("views can be limited and chosen from") {
  const auto stream = ll::stream::split(data(), 2);
  const auto& examples = stream[1].train;  // data 2 3 6 7 10 11
  CHECK(examples.first(3).size() == 3);
  CHECK(examples.first(99).size() == 6);
  CHECK(read(examples.first(3), 2).inputs[0] == 24);
  CHECK_THROWS_AS(read(examples.first(3), 3), ll::InvalidArgument);
  const auto chosen = examples.subset({5, 0, 5});
  CHECK(chosen.size() == 3);
  CHECK(chosen.index(0) == 11);
  CHECK(chosen.index(1) == 2);
  CHECK(labels(chosen) == Labels{3, 2, 3});
  CHECK_THROWS_AS(examples.subset({6}), ll::InvalidArgument);
  CHECK_THROWS_AS(examples.first(3).subset({3}), ll::InvalidArgument);
}

TEST_CASE("views that cannot be are refused") {
  const ll::Examples<float> examples(numbered(4, 4));
  CHECK_THROWS_AS(examples.mapped(ll::FeatureMap::rotation(3, 3, 90)), ll::ShapeMismatch);
  CHECK_THROWS_AS(examples.relabeled(-1), ll::InvalidArgument);
  CHECK_NOTHROW(examples.subset({1, 2}).relabeled(-1));
  CHECK_THROWS_AS(examples.relabeled(std::numeric_limits<std::int32_t>::max() - 2), ll::InvalidArgument);
  CHECK_NOTHROW(examples.relabeled(std::numeric_limits<std::int32_t>::max() - 3));
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          (void)examples.relabeled(4, {4, 3});
        }) == "label of example 3 would become 7, outside outputs 4 to 6");
  CHECK_NOTHROW(examples.relabeled(4, {4, 4}));
}

TEST_CASE("joined: all tasks' train sets one after the other") {
  const auto stream = ll::stream::split(data(), 2);
  const ll::Joined joined(stream);
  CHECK(joined.size() == 12);
  CHECK(joined.features() == 4);
  CHECK(labels(joined) == Labels{0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3});
  CHECK(read(joined, 6).active == ll::OutputRange{2, 2});
  CHECK(ll::Joined(stream, 1).size() == 6);
  CHECK_THROWS_AS(read(joined, 12), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::Joined(stream, 0), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::Joined(stream, 3), ll::InvalidArgument);
  const ll::Examples<float> some = stream[0].train, none = some.first(0);
  const ll::Joined gaps(std::vector<ll::Examples<float>>{none, some, none, none, some, none});
  CHECK(gaps.size() == 12);
  CHECK(read(gaps, 6).inputs == read(some, 0).inputs);
  CHECK(read(gaps, 11).inputs == read(some, 5).inputs);
  const ll::Examples<float> other(ll::Dataset<float>(std::vector<float>(3), std::vector<std::int32_t>(1), {3}));
  CHECK_THROWS_AS(ll::Joined(std::vector<ll::Examples<float>>{some, other}), ll::ShapeMismatch);
}

TEST_CASE("streams that cannot be are refused") {
  CHECK(test::message_of<ll::InvalidArgument>([] { (void)ll::stream::split(data(10), 3); }) ==
        "split cannot divide 10 classes evenly among 3 tasks; SplitOptions.classes_per_task divides them unevenly");
  CHECK_THROWS_AS(ll::stream::split(data(), 0), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::split(data(), 5), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::split(regression(), 1), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::split(ll::SplitData<float>{data().train, regression().test}, 2), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::permuted(data(), 0), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::rotated(data(), std::span<const double>{}), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::permuted(regression(), 2, {.scenario = Scenario::task}), ll::InvalidArgument);
  const ll::Dataset<float> flat(std::vector<float>(4), std::vector<std::int32_t>(1), {4});
  CHECK_THROWS_AS(ll::stream::rotated(ll::SplitData<float>{flat, flat}, {10}), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::rotated(ll::SplitData<float>{data().train, flat}, {10}), ll::ShapeMismatch);
  const ll::Dataset<float> narrow(std::vector<float>(3), std::vector<std::int32_t>(1), {3});
  CHECK_THROWS_AS(ll::stream::permuted(ll::SplitData<float>{data().train, narrow}, 2), ll::ShapeMismatch);
  CHECK_THROWS_AS(ll::stream::permuted(ll::SplitData<float>{data().train, narrow}, 1), ll::ShapeMismatch);
  CHECK_THROWS_AS(ll::stream::permuted(data(), 2)[2], ll::InvalidArgument);
}

TEST_CASE("regression data can be permuted and rotated") {
  const auto stream = ll::stream::permuted(regression(), 2);
  CHECK(stream.outputs() == 2);
  CHECK(read(stream[1].train, 1).targets == std::vector<double>{0, 0});
  CHECK(ll::stream::rotated(regression(), {90}).outputs() == 2);
}

TEST_CASE("a split without examples to learn a class from is refused") {
  CHECK(test::message_of<ll::InvalidArgument>([] {
          (void)ll::stream::split(ll::SplitData<float>{numbered(2, 2), numbered(4, 4)}, 2);
        }) == "split: class 2 of 4 has no train examples");
  const auto from_one = [] {  // labels that count from 1, as in some data sets
    return ll::Dataset<float>(std::vector<float>(3), std::vector<std::int32_t>{1, 2, 3}, {1});
  };
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          (void)ll::stream::split(ll::SplitData<float>{from_one(), from_one()}, 2);
        }) == "split: class 0 of 4 has no train examples");
  const auto huge = [] {
    return ll::Dataset<float>(std::vector<float>(2), std::vector<std::int32_t>{0, 0x7FFFFFFF}, {1});
  };
  CHECK_THROWS_AS(ll::stream::split(ll::SplitData<float>{huge(), huge()}, 1 << 30), ll::InvalidArgument);
}

TEST_CASE("a task without examples, and answers beyond the outputs, are refused by name") {
  const ll::Examples<float> some(numbered(4, 4));
  const auto stream = [](ll::Examples<float> train, ll::Examples<float> test, std::size_t outputs = 4) {
    return ll::Stream<float>({{"first", train, test}}, outputs);
  };
  CHECK_NOTHROW(stream(some, some));
  CHECK(test::message_of<ll::InvalidArgument>([&] { stream(some, some.first(0)); }) ==
        "test of task 'first' has no examples");
  CHECK(test::message_of<ll::InvalidArgument>([&] { stream(some.subset({}), some); }) ==
        "train of task 'first' has no examples");
  CHECK(test::message_of<ll::InvalidArgument>([&] { stream(some, some, 0); }) == "a Stream needs at least 1 output");
  CHECK(test::message_of<ll::InvalidArgument>([&] { stream(some.first(3), some, 3); }) ==
        "the label of example 3 of test of task 'first' is 3 where the stream has 3 outputs");
  CHECK_NOTHROW(stream(some.first(3), some.subset({2, 1}), 3));
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          stream(some.relabeled(4, {4, 4}), some, 7);
        }) == "the active outputs of train of task 'first' are [4, 8) where the stream has 7 outputs");
  const ll::SplitData<float> untested{numbered(4, 4), ll::Dataset<float>(std::vector<float>{}, Labels{}, {2, 2})};
  CHECK_THROWS_AS(ll::stream::permuted(untested, 2), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::rotated(untested, {10}), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::split(untested, 2), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::stream::permuted(data(), (std::size_t{1} << 32) + 1), ll::InvalidArgument);
}

}  // namespace stream_test
