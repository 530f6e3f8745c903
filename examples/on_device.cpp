// SPDX-License-Identifier: MIT
// A device adapts to its user: a head over frozen features learns from one sample at a time, a penalty keeps it near
// what it was shipped with, and nothing is allocated after the first sample.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "synthetic.hpp"

namespace ll = lifelong;

constexpr std::size_t pixel_count = 64, feature_count = 32, class_count = 4;

/// What was learned at the factory, cut in two: features that stay as they are, and a head.
auto factory_network() {
  ll::Learner factory{ll::nn::mlp<float>({pixel_count, feature_count, class_count}, {.seed = 1}),
                      ll::importance::Constant{}, ll::penalty::None{}, ll::optimizer::Adam{.learning_rate = 3e-3}};
  factory.fit(patterns(1200, 1), {.epochs = 5, .batch_size = 32});
  return factory.model();
}

/// Examples seen through the frozen features.
template <class Network>
ll::Dataset<float> through(Network& frozen, const ll::Dataset<float>& data) {
  std::vector<float> outputs(data.size() * feature_count);
  frozen.predict({data.size(), pixel_count, data.inputs()}, outputs);
  std::vector<std::int32_t> labels(data.labels().begin(), data.labels().end());
  return {std::move(outputs), std::move(labels), {feature_count}};
}

/// The user's samples: two classes have changed places.
ll::Dataset<float> of_user(std::size_t count, std::uint64_t seed) {
  const ll::Dataset<float> data = patterns(count, seed);
  std::vector<float> inputs(data.inputs().begin(), data.inputs().end());
  std::vector<std::int32_t> labels;
  for (const std::int32_t label : data.labels()) labels.push_back(label < 2 ? 1 - label : label);
  return {std::move(inputs), std::move(labels), {8, 8}};
}

int main() {
  const auto network = factory_network();
  auto frozen = ll::nn::sequential<float>(ll::nn::Linear{pixel_count, feature_count}, ll::nn::ReLU{});
  auto head = ll::nn::sequential<float>(ll::nn::Linear{feature_count, class_count});
  const auto trained = network.parameters();
  std::copy_n(trained.begin(), frozen.parameters().size(), frozen.parameters().begin());
  std::copy_n(trained.end() - static_cast<std::ptrdiff_t>(head.parameters().size()), head.parameters().size(),
              head.parameters().begin());

  const auto shipped_with = through(frozen, patterns(400, 2)), test = through(frozen, of_user(400, 3));
  const auto user = of_user(300, 4);

  // [device]
  ll::Learner learner{head, ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = 0.1},
                      ll::optimizer::Sgd{.learning_rate = 0.01}};
  learner.consolidate(shipped_with);  // could be shipped as a file: see resume.cpp

  ll::BatchBuffer<float> sample, seen;
  sample.resize(1, pixel_count, 0);
  seen.resize(1, feature_count, 0);
  const auto adapt = [&](std::size_t i) {
    user.read(i, sample.row(0, i));
    const ll::ExampleRow<float> row = seen.row(0, i);
    frozen.predict(sample.batch(), row.inputs);
    row.label = sample.batch().labels[0];
    learner.step(seen.batch());
  };
  const double before = ll::accuracy(learner.model(), test);
  adapt(0);  // memory grows to what it takes
  const std::size_t allocated = allocations;
  for (std::size_t i = 1; i < user.size(); ++i) adapt(i);
  const bool without_allocation = allocations == allocated;
  // [device]

  const double after = ll::accuracy(learner.model(), test);
  std::printf("accuracy for this user: %.3f as shipped, %.3f after %zu samples; %s allocation after the first\n",
              before, after, user.size(), without_allocation ? "no" : "an");
  return after > before + 0.1 && without_allocation ? 0 : 1;
}
