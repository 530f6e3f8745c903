// SPDX-License-Identifier: MIT
// Sequences of unequal length: padding changes no bit, and they equal the same sequences without padding.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/stream/cached.hpp>
#include <lifelong/stream/recent_examples.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace padding_test {

namespace {

using namespace lifelong;
using nn::BatchNorm;
using nn::Dropout;
using nn::Embedding;
using nn::Flatten;
using nn::Gru;
using nn::LastPosition;
using nn::LayerNorm;
using nn::Linear;
using nn::Lstm;
using nn::MeanPosition;
using nn::MultiHeadAttention;
using nn::PositionEmbedding;
using nn::residual;
using nn::Shape;
using nn::Tanh;
using nn::TransformerBlock;
using test::message_of;

constexpr std::size_t samples = 9, most = 5, classes = 3;

using Network = test::AnyNetwork<double>;
using Layers = std::vector<test::AnyLayer<double>>;

/// Layers for sequences of up to `most` positions.
struct Case {
  std::string name;
  Layers layers;
  std::size_t width = 3;  ///< values per position; 0 for token numbers
};

std::vector<Case> cases() {
  return {
      {"transformer of tokens",
       {Embedding{6, 4}, PositionEmbedding{12, 4}, Dropout{0.3}, TransformerBlock{4, 2, 5}, MeanPosition{},
        Dropout{0.5}, Linear{4, classes}},
       0},
      {"causal attention", {Linear{3, 4}, MultiHeadAttention{4, 1, true}, LastPosition{}, Tanh{}, Linear{4, classes}}},
      {"Gru", {Gru{3, 5}, Gru{5, 5}, LastPosition{}, Linear{5, classes}}},
      {"Lstm",
       {LayerNorm{3}, Lstm{3, 5}, residual(Tanh{}, Linear{5, 5}, Dropout{0.2}), MeanPosition{}, Linear{5, classes}}},
  };
}

/// Random sequences, with `padded` positions for each and `fill` where no position counts.
struct Sequences {
  std::vector<double> inputs;
  std::vector<std::int32_t> labels;
  std::vector<std::uint32_t> lengths;
  std::size_t features;

  Sequences(const Case& one, std::size_t padded, double fill) : features(padded * std::max<std::size_t>(1, one.width)) {
    const Random random(3);
    const std::size_t width = std::max<std::size_t>(1, one.width);
    for (std::size_t n = 0; n < samples; ++n) {
      lengths.push_back(static_cast<std::uint32_t>(1 + n * 3 % most));
      labels.push_back(static_cast<std::int32_t>(n % classes));
      for (std::size_t i = 0; i < features; ++i) {
        const std::uint64_t draw = n * 1000 + i;
        const double value = one.width == 0 ? static_cast<double>(random.below(draw, 6)) : random.normal(draw);
        inputs.push_back(i < lengths[n] * width ? value : fill);
      }
    }
  }

  Batch<double> batch() const {
    return {.size = samples, .features = features, .inputs = inputs, .labels = labels, .lengths = lengths};
  }
};

Shape shape_of(const Case& one, std::size_t positions) {
  return one.width == 0 ? Shape{positions} : Shape{positions, one.width};
}

/// Everything that a network computes of a batch.
std::vector<double> results(Network network, const Batch<double>& batch) {
  std::vector<double> all(samples * classes);
  const auto append = [&](const std::vector<double>& more) { all.insert(all.end(), more.begin(), more.end()); };
  network.predict(batch, all);
  std::vector<double> gradient(network.parameters().size());
  for (int pass = 0; pass < 2; ++pass) {
    all.push_back(network.gradient(batch, gradient));
    append(gradient);
  }
  all.push_back(network.loss(batch));
  append(test::at_once(network, batch, test::log_likelihood(importance::Labels::exact), moment::Square{}));
  append(test::at_once(network, batch, importance::SquaredNorm{}, moment::Absolute{}));
  std::vector<double> local(gradient.size());
  network.accumulate_local_moment(batch, importance::SquaredNorm{}, moment::Absolute{}, std::span<double>(local));
  append(local);
  return all;
}

/// A source of sequences, as users write it.
struct Source {
  const Sequences& data;
  std::size_t size() const { return samples; }
  std::size_t features() const { return data.features; }
  std::size_t targets() const { return 0; }
  void read(std::size_t i, ExampleRow<double> row) const {
    std::copy_n(data.inputs.begin() + static_cast<std::ptrdiff_t>(i * data.features), data.features,
                row.inputs.begin());
    row.label = data.labels[i];
    row.length = data.lengths[i];
  }
};

std::vector<std::uint32_t> lengths_read(const auto& source) {
  BatchBuffer<double> buffer;
  const backend::Serial backend;
  std::vector<std::uint32_t> lengths;
  for (const auto& batch : BatchLoader(source, 4, buffer, backend))
    lengths.insert(lengths.end(), batch.lengths.begin(), batch.lengths.end());
  return lengths;
}

}  // namespace

TEST_CASE("neither the values nor the amount of padding change a bit", "[nn][padding]") {
  for (const Case& one : cases()) {
    const Network network(shape_of(one, most), one.layers, 7), longer(shape_of(one, 11), one.layers, 7);
    const auto expected = results(network, Sequences(one, most, 0).batch());
    for (const double fill : {-1.0, 1e30, std::numeric_limits<double>::quiet_NaN()}) {
      INFO(one.name << ", padded with " << fill);
      CHECK(results(network, Sequences(one, most, fill).batch()) == expected);
      CHECK(results(longer, Sequences(one, 11, fill).batch()) == expected);
    }
  }
}

TEST_CASE("a padded batch equals its sequences one at a time without padding", "[nn][padding]") {
  for (const Case& one : cases()) {
    INFO(one.name);
    Network network(shape_of(one, most), one.layers, 7);
    const Sequences data(one, most, 99);
    std::vector<double> outputs(samples * classes), square(network.parameters().size());
    network.predict(data.batch(), outputs);
    const auto functional = test::log_likelihood(importance::Labels::exact);
    for (std::size_t n = 0; n < samples; ++n) {
      Network alone(shape_of(one, data.lengths[n]), one.layers, 7);
      Batch<double> batch = data.batch().sample(n);
      batch.features = alone.inputs();
      batch.inputs = batch.inputs.first(batch.features);
      batch.lengths = {};
      std::vector<double> row(classes);
      alone.predict(batch, row);
      for (std::size_t c = 0; c < classes; ++c) CHECK_THAT(outputs[n * classes + c], test::WithinAbs(row[c], 1e-14));
      alone.accumulate_moment(batch, functional, moment::Square{}, std::span<double>(square));
    }
    CHECK(test::difference(test::at_once(network, data.batch(), functional, moment::Square{}), square) < 1e-11);
  }
}

TEST_CASE("a length of 0 stands for all positions", "[nn][padding]") {
  const Case one = cases()[2];
  const Network network(shape_of(one, most), one.layers, 7);
  Sequences data(one, most, 0);
  std::fill(data.lengths.begin(), data.lengths.end(), 0U);
  const auto expected = results(network, data.batch());
  std::fill(data.lengths.begin(), data.lengths.end(), static_cast<std::uint32_t>(most));
  CHECK(results(network, data.batch()) == expected);
  data.lengths.clear();
  const auto whole = results(network, data.batch());
  for (std::size_t i = 0; i < whole.size(); ++i) CHECK_THAT(whole[i], test::WithinRel(expected[i], 1e-9));
}

TEST_CASE("layers that take no sequences of unequal length refuse them by name", "[nn][padding]") {
  const Case one = cases()[2];
  const Sequences data(one, most, 0);
  const auto refused = [&](Shape shape, const Layers& layers) {
    Network network(shape, layers);
    std::vector<double> gradient(network.parameters().size(), 5);
    const std::string message = message_of<InvalidArgument>([&] { network.gradient(data.batch(), gradient); });
    CHECK(gradient.front() == 5);
    std::vector<double> outputs(samples * network.outputs());
    CHECK(message == message_of<InvalidArgument>([&] { network.predict(data.batch(), outputs); }));
    return message;
  };
  CHECK(refused({5, 3}, {Linear{3, 4}, Flatten{}, Linear{20, 3}}) ==
        "the batch has lengths, but layer 1 of the network, Flatten(), takes no sequences of unequal length");
  CHECK(refused({5, 3}, {BatchNorm{5}, Gru{3, 4}, LastPosition{}}) ==
        "the batch has lengths, but layer 0 of the network, " + BatchNorm{5}.recipe() +
            ", takes no sequences of unequal length");
  CHECK(refused({15}, {Linear{15, 3}}) ==
        "the batch has lengths, but layer 0 of the network, Linear(in 15, out 3), is given 15 and takes no sequences "
        "of unequal length");
  CHECK(refused({5, 3}, {Gru{3, 3}}) ==
        "the batch has lengths, but the network makes outputs at every position: LastPosition or MeanPosition ends "
        "sequences");
}

TEST_CASE("Kronecker factors are refused for sequences of unequal length", "[nn][padding]") {
  auto network = nn::sequential<double>(Shape{5, 3}, Linear{3, 4}, MeanPosition{}, Linear{4, 3});
  const Sequences data(Case{"", {}}, most, 0);
  CHECK(message_of<InvalidArgument>(
            [&] { network.backpropagate(data.batch(), importance::SquaredNorm{}, nn::detail::NoHook{}); }) ==
        "the batch has lengths, but a Kronecker-factored Fisher information takes no sequences of unequal length");
}

TEST_CASE("lengths that do not fit are refused", "[nn][padding]") {
  const Case one = cases()[2];
  Network network(shape_of(one, most), one.layers, 7);
  Sequences data(one, most, 0);
  std::vector<double> outputs(samples * classes);
  data.lengths[4] = 6;
  CHECK(message_of<InvalidArgument>([&] { network.predict(data.batch(), outputs); }) ==
        "batch.lengths[4] is 6 where a sequence has 5 positions");
  data.lengths.pop_back();
  CHECK_THROWS_AS(network.predict(data.batch(), outputs), ShapeMismatch);
}

TEST_CASE("a wrong token is named by its sample and position", "[nn][padding]") {
  const Case one = cases()[0];
  Network network(shape_of(one, most), one.layers, 7);
  Sequences data(one, most, 0);
  std::vector<double> outputs(samples * classes);
  data.inputs[3 * most + 4] = 8;
  CHECK(message_of<InvalidArgument>([&] { network.predict(data.batch(), outputs); }) ==
        "Embedding{6, 4} has no token 8, which is at position 4 of sample 3");
}

TEST_CASE("sources tell lengths, and buffers keep them", "[nn][padding]") {
  const Case one = cases()[2];
  const Sequences data(one, most, 0);
  CHECK(lengths_read(Source{data}) == data.lengths);
  CHECK(lengths_read(CachedExamples<double>(Source{data})) == data.lengths);
  RecentExamples<double> recent(samples);
  recent.push(data.batch());
  CHECK(lengths_read(recent) == data.lengths);
  CHECK(data.batch().slice(3, 2).lengths[1] == data.lengths[4]);

  Sequences whole(one, most, 0);
  std::fill(whole.lengths.begin(), whole.lengths.end(), 0U);
  CHECK(lengths_read(Source{whole}).empty());
}

}  // namespace padding_test
