// SPDX-License-Identifier: MIT
// No allocation per step after warm-up: every allocation of the test program is counted here.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#include <lifelong/observer/csv_log.hpp>
#include <lifelong/observer/progress.hpp>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <vector>

#include "allocations.hpp"
#include "any_network.hpp"
#include "catch.hpp"
#include "folder.hpp"
#include "random_batch.hpp"

namespace allocation_test {

namespace {

using namespace lifelong;
using test::RandomBatch;

}  // namespace

TEST_CASE("a network allocates nothing after warm-up", "[allocation]") {
#if !defined(LIFELONG_TEST_COUNTS_ALLOCATIONS)
  WARN("skipped: allocations are counted with glibc and without sanitizers only");
#else
  const auto check = [](auto network) {
    using T = typename decltype(network)::value_type;
    const RandomBatch<T> full(200, network.inputs(), 10), last(17, network.inputs(), 10), one(1, network.inputs(), 10);
    std::vector<T> out(network.parameters().size()), outputs(2000);
    const auto step = [&](const RandomBatch<T>& data) {
      const Batch<T> batch = data.batch();
      network.gradient(batch, out);
      network.pullback(batch, data.targets, out);
      network.predict(batch, std::span(outputs).first(data.targets.size()));
      network.accumulate_moment(batch, importance::LogLikelihood{}, moment::Square{}, out);
      network.accumulate_moment(batch, importance::SquaredNorm{}, moment::Absolute{}, out);
    };
    step(full);
    const std::size_t before = allocations;
    step(full);
    step(last);
    step(one);
    step(full);
    CHECK(allocations - before == 0);
  };
  const auto dense = [](auto number, int threads) {
    return test::any_mlp<decltype(number)>({41, 401, 10}, {.activation = nn::Activation::sigmoid}, {threads});
  };
  const auto recurrent = [](const test::AnyLayer<float>& layer, int threads) {
    return test::AnyNetwork<float>(nn::Shape{5, 7}, {layer, nn::LastPosition{}, nn::Linear{33, 10}}, 0, {threads});
  };
  const auto convolutional = [](int threads) {
    const std::vector<test::AnyLayer<float> > layers{
        nn::Conv2d{2, 8, 3, 1, 1},  nn::ReLU{},       nn::MaxPool2d{2},    nn::Conv2d{8, 8, 3, 2, 1, 8},
        nn::Conv2d{8, 16, 3, 1, 1}, nn::AvgPool2d{2}, nn::GlobalAvgPool{}, nn::Linear{16, 10}};
    return test::AnyNetwork<float>(nn::Shape{2, 20, 20}, layers, 0, {threads});
  };
  check(dense(1.0f, 0));
  check(dense(1.0, 0));
  check(convolutional(0));
  check(recurrent(nn::Gru{7, 33}, 0));
  check(recurrent(nn::Lstm{7, 33}, 0));
#if defined(_OPENMP) && !defined(__clang__)  // LLVM's OpenMP runtime itself allocates in every parallel region
  check(dense(1.0f, 2));
  check(convolutional(2));
  check(recurrent(nn::Gru{7, 33}, 2));
#endif
#endif
}

TEST_CASE("layers with memory of their own allocate nothing after warm-up", "[allocation]") {
#if !defined(LIFELONG_TEST_COUNTS_ALLOCATIONS)
  WARN("skipped: allocations are counted with glibc and without sanitizers only");
#else
  auto network = nn::sequential<float>(
      nn::Shape{12}, nn::Embedding{50, 8}, nn::LayerNorm{8}, nn::Linear{8, 16}, nn::GroupNorm{3, 12},
      nn::residual(nn::BatchNorm{12}, nn::ReLU{}, nn::Dropout{0.1}), nn::Flatten{}, nn::Linear{192, 5});
  std::vector<float> tokens(40 * 12), out(network.parameters().size());
  std::vector<std::int32_t> labels(40);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<float>(i * i % 50);
  const auto step = [&](std::size_t samples) {
    const Batch<float> batch{samples, 12, std::span(tokens).first(samples * 12), std::span(labels).first(samples)};
    network.gradient(batch, out);
    network.evaluation_gradient(batch, out);
    network.accumulate_moment(batch, importance::LogLikelihood{}, moment::Square{}, out);
  };
  step(40);
  const std::size_t before = allocations;
  step(40);
  step(7);
  step(40);
  CHECK(allocations - before == 0);
#endif
}

TEST_CASE("a learner allocates nothing per step after warm-up", "[allocation]") {
#if !defined(LIFELONG_TEST_COUNTS_ALLOCATIONS)
  WARN("skipped: allocations are counted with glibc and without sanitizers only");
#else
  const test::Folder folder;
  observer::CsvLog log(folder.path() + "/log.csv", {.columns = {{"task", "a task with a long name, in quotes"}}});
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> screen(std::tmpfile(), &std::fclose);
  observer::Progress progress({.out = screen.get(), .terminal = true, .refresh = 0});
  observer::EarlyStopping stopper({.every = 1});
  const auto check_penalty = [&](auto network, auto importance, auto penalty, auto optimizer) {
    Learner learner{network, importance, penalty, optimizer, network.backend()};
    std::vector<float> inputs(130 * 301, 0.5f);
    std::vector<std::int32_t> labels(130);
    for (std::size_t n = 0; n < labels.size(); ++n) labels[n] = static_cast<std::int32_t>(n % 10);
    const Dataset<float> task(inputs, labels, {301});
    const FitOptions options{.epochs = 2, .batch_size = 50};  // the last batch is shorter
    learner.fit(task, options);
    learner.consolidate(task);
    std::size_t before = 0, after = 1;  // the first step and the last
    const auto count = [&](const FitProgress& at) { (at.step == 1 ? before : after) = allocations; };
    learner.fit(task, options, observer::all(log, progress, stopper, count));
    CHECK(after - before == 0);
  };
  const auto check = [&](auto importance, auto optimizer, int threads) {
    check_penalty(test::any_mlp<float>({301, 401, 10}, {}, {threads}), importance, penalty::Quadratic{}, optimizer);
  };
  check(importance::Fisher{}, optimizer::Adam{}, 0);
  check_penalty(nn::mlp<float>({301, 401, 10}), nn::KroneckerFisher{.labels = importance::Labels::sampled},
                nn::KroneckerPenalty{}, optimizer::Adam{});
  check(importance::SynapticIntelligence{}, optimizer::Momentum{}, 0);
#if defined(_OPENMP) && !defined(__clang__)  // LLVM's OpenMP runtime itself allocates in every parallel region
  check(importance::Fisher{}, optimizer::Adam{}, 2);
#endif
#endif
}

}  // namespace allocation_test
