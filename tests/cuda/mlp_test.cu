// SPDX-License-Identifier: MIT
// The multilayer perceptron on a device against one written out by hand, one sample at a time in double. Where there is
// no device, on one that is simulated: a host that touches its memory traps.
#include <lifelong/cuda.cuh>
#include <lifelong/cuda/mlp.cuh>
#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "mlp_support.hpp"
#include "moments.hpp"
#include "random_batch.hpp"
#include "slow_mlp.hpp"
#include "weights.hpp"

namespace mlp_test {

namespace ll = lifelong;
using ll::Batch, ll::nn::Activation;
using ll::importance::Labels, ll::importance::SquaredNorm;
using test::distance, test::gradient_of, test::Mlp, test::MlpBackend, test::moment_of, test::outputs_of,
    test::parameters_of, test::RandomBatch, test::SlowMlp, test::written_by;

constexpr Activation activations[] = {Activation::relu, Activation::tanh, Activation::sigmoid, Activation::gelu};
const std::vector<std::size_t> widths{12, 15, 9, 10};

template <class Loss = ll::nn::SoftmaxCrossEntropy, class Net>
SlowMlp<Loss> slow(const Net& net, const std::vector<std::size_t>& its_widths, Activation activation) {
  const auto theta = parameters_of(net);
  return {its_widths, activation, {theta.begin(), theta.end()}};
}

/// Calls `check(batch)` for batches with all outputs active, with ranges, and with weights.
template <class Check>
void for_each_batch(const Check& check, std::size_t inputs = 12, std::size_t outputs = 10) {
  RandomBatch<double> data(37, inputs, outputs);
  check(data.batch());
  data.use_ranges(true);
  check(data.batch());
  std::vector<double> weights;
  for (std::size_t n = 0; n < data.size; ++n) weights.push_back(0.25 * static_cast<double>(1 + n * 7 % 5));
  Batch<double> weighted = data.batch();
  weighted.weights = weights;
  check(weighted);
}

template <class Loss, class Check>
void for_each_network(const Check& check) {
  for (const Activation activation : activations) {
    INFO("activation " << static_cast<int>(activation));
    Mlp<double, Loss> net(widths, {.seed = 2, .activation = activation}, MlpBackend{});
    check(net, slow<Loss>(net, widths, activation));
  }
}

template <class Loss, class Net>
void check_gradient(Net& net, const SlowMlp<Loss>& obvious, const Batch<double>& batch) {
  std::vector<double> expected(obvious.theta.size());
  const double loss = obvious.gradient(batch, expected);
  double found = 0;
  const auto gradient = written_by(net, [&](auto out) { found = net.gradient(batch, out); });
  CHECK(distance(gradient, expected) < 1e-12);
  CHECK_THAT(found, test::WithinRel(loss, 1e-13));
  CHECK(net.loss(batch) == found);
}

}  // namespace mlp_test

using namespace mlp_test;

TEST_CASE("cuda::Mlp has the outputs, losses and gradients of a network written out by hand", "[cuda][mlp]") {
  for_each_network<ll::nn::SoftmaxCrossEntropy>([](auto& net, const auto& obvious) {
    for_each_batch([&](const Batch<double>& batch) {
      check_gradient(net, obvious, batch);
      std::vector<double> expected(batch.size * 10);
      obvious.predict(batch, expected);
      CHECK(distance(outputs_of(net, batch), expected) < 1e-13);
      std::vector<double> pulled(obvious.theta.size());
      const std::vector<double> cotangents(batch.targets.begin(), batch.targets.end());
      obvious.pullback(batch, cotangents, pulled);
      CHECK(distance(written_by(net, [&](auto out) { net.pullback(batch, std::span<const double>(cotangents), out); }),
                     pulled) < 1e-12);
    });
  });
}

TEST_CASE("cuda::Mlp takes other losses by the host", "[cuda][mlp]") {
  for_each_network<ll::nn::MeanSquaredError>([](auto& net, const auto& obvious) {
    for_each_batch([&](const Batch<double>& batch) { check_gradient(net, obvious, batch); });
  });
  Mlp<double, ll::nn::LogisticCrossEntropy> net({12, 7, 10}, {}, MlpBackend{});
  for_each_batch([&](Batch<double> batch) {
    batch.targets = {};
    check_gradient(net, slow<ll::nn::LogisticCrossEntropy>(net, {12, 7, 10}, Activation::relu), batch);
  });
}

TEST_CASE("moments of cuda::Mlp equal the sum over single samples", "[cuda][mlp][moments]") {
  RandomBatch<double> data(23, 12, 10);
  for (const bool ranges : {false, true}) {
    data.use_ranges(ranges);
    for_each_network<ll::nn::SoftmaxCrossEntropy>([&](auto& net, auto obvious) {
      const auto check = [&](const auto& functional, auto moment) {
        CHECK(test::difference(moment_of(net, data.batch(), functional, moment),
                               test::one_by_one(obvious, data.batch(), functional, moment)) < 1e-12);
      };
      for (const Labels labels : {Labels::exact, Labels::sampled, Labels::predicted, Labels::empirical}) {
        check(test::log_likelihood(labels), ll::moment::Square{});
        check(test::log_likelihood(labels), ll::moment::Absolute{});
      }
      const ll::importance::LogLikelihood drawn{Labels::sampled, 9, 3};
      check(drawn, ll::moment::Square{});
      CHECK(distance(moment_of(net, data.batch(), drawn, ll::moment::Sum{}),
                     test::one_by_one(obvious, data.batch(), drawn, ll::moment::Sum{})) < 1e-12);
      check(SquaredNorm{}, ll::moment::Absolute{});
      check(SquaredNorm{}, ll::moment::Square{});
      check(SquaredNorm{ll::importance::MasNorm::mean}, ll::moment::Absolute{});
      check(SquaredNorm{ll::importance::MasNorm::plain}, ll::moment::Absolute{});
      const std::vector<double> direction = test::normal_values<double>(10, 5);
      check(ll::importance::Slice{direction}, ll::moment::Square{});
    });
  }
}

TEST_CASE("moments of more cotangents than one pass takes are added up over passes", "[cuda][mlp][moments]") {
  const RandomBatch<double> data(1300, 3, 10);
  Mlp<double> net({3, 4, 10}, {.seed = 5, .activation = Activation::tanh}, MlpBackend{});
  auto obvious = slow(net, {3, 4, 10}, Activation::tanh);
  const auto exact = test::log_likelihood(Labels::exact);
  const auto expected = test::one_by_one(obvious, data.batch(), exact, ll::moment::Square{});
  CHECK(test::difference(moment_of(net, data.batch(), exact, ll::moment::Square{}), expected) < 1e-12);
  const Batch<double> nothing{0, 3};
  CHECK(written_by(net, [&](auto out) { net.accumulate_moment(nothing, exact, ll::moment::Square{}, out); }) ==
        std::vector<double>(net.parameters().size(), 7));
}

TEST_CASE("samples of cuda::Mlp count as often as their weights say, those of weight 0 not at all", "[cuda][mlp]") {
  const RandomBatch<double> data(9, 12, 10);
  const std::vector<double> weights{2, 0, 1, 3, 1, 0, 1, 2, 4};
  Batch<double> weighted = data.batch();
  weighted.weights = weights;
  const test::OwnBatch repeated = test::repeated(data.batch(), weights), padded = test::padded(data.batch());
  Mlp<double> net(widths, {.seed = 2}, MlpBackend{});
  CHECK(distance(gradient_of(net, weighted), gradient_of(net, repeated.batch(false))) < 1e-13);
  CHECK(gradient_of(net, padded.batch()) == gradient_of(net, data.batch()));
  const auto check = [&](const auto& functional, auto moment) {
    CHECK(test::difference(moment_of(net, weighted, functional, moment),
                           moment_of(net, repeated.batch(false), functional, moment)) < 1e-12);
    CHECK(moment_of(net, padded.batch(), functional, moment) == moment_of(net, data.batch(), functional, moment));
  };
  for (const Labels labels : {Labels::exact, Labels::empirical})
    check(test::log_likelihood(labels), ll::moment::Square{});
  check(SquaredNorm{}, ll::moment::Absolute{});
}

TEST_CASE("cuda::Mlp in float agrees with double", "[cuda][mlp]") {
  const RandomBatch<float> single(64, 40, 10);
  const RandomBatch<double> twice(64, 40, 10);
  const std::vector<std::size_t> its_widths{40, 50, 30, 10};
  for (const Activation activation : activations) {
    Mlp<float> net(its_widths, {.seed = 6, .activation = activation}, MlpBackend{});
    auto obvious = slow(net, its_widths, activation);
    std::vector<double> expected(obvious.theta.size());
    obvious.gradient(twice.batch(), expected);
    CHECK(distance(gradient_of(net, single.batch()), expected) < 1e-5);
    const auto exact = test::log_likelihood(Labels::exact);
    CHECK(distance(moment_of(net, single.batch(), exact, ll::moment::Square{}),
                   test::one_by_one(obvious, twice.batch(), exact, ll::moment::Square{})) < 1e-5);
    CHECK(distance(moment_of(net, single.batch(), SquaredNorm{}, ll::moment::Absolute{}),
                   test::one_by_one(obvious, twice.batch(), SquaredNorm{}, ll::moment::Absolute{})) < 1e-5);
  }
}

TEST_CASE("a cuda::Batch gives cuda::Mlp the bits of the same batch on the host", "[cuda][mlp]") {
  const MlpBackend backend;
  Mlp<double> net(widths, {.seed = 2, .activation = Activation::gelu}, backend);
  const auto exact = test::log_likelihood(Labels::exact);
  for_each_batch([&](const Batch<double>& host) {
    const test::MovedBatch<double> moved(backend, host);
    CHECK(gradient_of(net, moved.batch) == gradient_of(net, host));
    CHECK(outputs_of(net, moved.batch) == outputs_of(net, host));
    CHECK(net.loss(moved.batch) == net.loss(host));
    CHECK(moment_of(net, moved.batch, exact, ll::moment::Square{}) ==
          moment_of(net, host, exact, ll::moment::Square{}));
    CHECK(moment_of(net, moved.batch.slice(5, 9), exact, ll::moment::Square{}) ==
          moment_of(net, host.slice(5, 9), exact, ll::moment::Square{}));
    CHECK(moved.batch.sample(3).weight() == host.sample(3).weight());
  });
}

TEST_CASE("moments of cuda::Mlp add up over batches that nobody waits for", "[cuda][mlp][moments]") {
  const MlpBackend backend;
  Mlp<double> net(widths, {.seed = 2}, backend);
  const RandomBatch<double> data(20, 12, 10);
  std::vector<double> weights;
  for (std::size_t n = 0; n < data.size; ++n) weights.push_back(static_cast<double>(n + 1));
  Batch<double> host = data.batch();
  host.weights = weights;
  const test::MovedBatch<double> moved(backend, host);
  const auto exact = test::log_likelihood(Labels::exact);
  const auto found = written_by(
      net,
      [&](auto out) {
        for (const std::size_t n : {0U, 5U, 10U, 15U})
          net.accumulate_moment(moved.batch.slice(n, 5), exact, ll::moment::Square{}, out);
      },
      0);
  CHECK(test::difference(found, moment_of(net, host, exact, ll::moment::Square{})) < 1e-12);
}

TEST_CASE("a copy of cuda::Mlp is a network of its own", "[cuda][mlp]") {
  const RandomBatch<double> data(5, 12, 10);
  Mlp<double> net(widths, {.seed = 2}, MlpBackend{});
  const auto gradient = gradient_of(net, data.batch());
  Mlp<double> copy = net;
  CHECK(gradient_of(copy, data.batch()) == gradient);
  copy.set_parameters(test::normal_values<double>(copy.parameters().size(), 1));
  CHECK(gradient_of(copy, data.batch()) != gradient);
  CHECK(gradient_of(net, data.batch()) == gradient);
  Mlp<double> smaller({12, 10}, {.seed = 9}, net.backend());
  net = smaller;
  CHECK(net.parameters().size() == 130);
  CHECK(gradient_of(net, data.batch()) == gradient_of(smaller, data.batch()));
  CHECK(net.recipe() == "cuda::Mlp(widths 12 10, relu, SoftmaxCrossEntropy(), seed 9)");
}

TEST_CASE("cuda::Mlp refuses what does not fit, and writes nothing", "[cuda][mlp]") {
  using ll::InvalidArgument, ll::ShapeMismatch, test::ContainsSubstring, test::message_of;
  const MlpBackend backend;
  CHECK_THAT(message_of<InvalidArgument>([&] { Mlp<float>({5}, {}, backend); }),
             ContainsSubstring("an mlp needs the widths of its inputs and outputs, but has 1 widths"));
  CHECK_THAT(message_of<InvalidArgument>([&] {
               Mlp<float>({5, 0, 2}, {}, backend);
             }),
             ContainsSubstring("Linear{5, 0} must have at least 1 input and 1 output"));
  const std::size_t huge = std::size_t{1} << 40;
  CHECK_THROWS_AS(Mlp<float>({huge, huge}, {}, backend), ll::OutOfMemory);

  Mlp<double> net(widths, {}, backend);
  const RandomBatch<double> data(6, 12, 10), narrow(6, 11, 10);
  const auto refuses = [&]<class E>(E*, const Batch<double>& batch, const std::string& text) {
    CHECK(written_by(net, [&](auto out) {
            CHECK_THAT(message_of<E>([&] { net.gradient(batch, out); }), ContainsSubstring(text));
          }) == std::vector<double>(net.parameters().size(), 7));
  };
  const auto no = static_cast<ShapeMismatch*>(nullptr);
  const auto wrong = static_cast<InvalidArgument*>(nullptr);
  refuses(no, narrow.batch(), "the batch has 11 features per sample where the network takes 12");
  const test::MovedBatch<double> moved(backend, narrow.batch());
  CHECK_THAT(message_of<ShapeMismatch>([&] { outputs_of(net, moved.batch); }),
             ContainsSubstring("the batch has 11 features per sample where the network takes 12"));
  std::vector<std::int32_t> labels = data.labels;
  labels[4] = 10;
  Batch<double> batch = data.batch();
  batch.labels = labels;
  refuses(wrong, batch, "batch.labels[4] is 10, not one of the active outputs [0, 10)");
  batch = data.batch();
  const std::vector<ll::OutputRange> ranges(6, {8, 3});
  batch.active = ranges;
  refuses(wrong, batch, "batch.active[0] is [8, 11) where the network has 10 outputs");
  batch = data.batch();
  const std::vector<std::uint32_t> lengths(6, 1);
  batch.lengths = lengths;
  refuses(wrong, batch, "the batch has lengths, but cuda::Mlp takes no sequences of unequal length");
  refuses(wrong, Batch<double>{0, 12}, "the mean loss of a batch of 0 samples is undefined");
  test::MovedBatch<double> absent(backend, data.batch());
  const std::vector<double> weights{1, 1, 0, 1, 1, 1};
  absent.batch.weights = weights;
  CHECK_THAT(message_of<InvalidArgument>([&] { net.loss(absent.batch); }),
             ContainsSubstring("the weight of sample 2 of a cuda::Batch is 0, but must be finite and above 0"));
  absent.batch.weights = std::span(weights).first(4);
  CHECK_THAT(message_of<ShapeMismatch>([&] { net.loss(absent.batch); }), ContainsSubstring("batch.weights"));
  std::vector<double> too_short(59);
  CHECK_THROWS_AS(net.predict(data.batch(), too_short), ShapeMismatch);
  CHECK_THROWS_AS(net.pullback(data.batch(), std::span<const double>(too_short), net.parameters()), ShapeMismatch);
  CHECK_THROWS_AS(net.gradient(data.batch(), net.parameters().first(5)), ShapeMismatch);
  CHECK_THROWS_AS(net.set_parameters(too_short), ShapeMismatch);
}

namespace mlp_test {

/// θ and Ω after two tasks of some steps each.
template <class Model, class Importance, class... Backend>
std::vector<double> trained(Model model, Importance importance, Backend... backend) {
  ll::Learner learner{std::move(model), importance, ll::penalty::Quadratic{.strength = 20},
                      ll::optimizer::Momentum{.learning_rate = 0.1}, backend...};
  for (std::uint64_t task = 1; task <= 2; ++task) {
    const RandomBatch<double> data(40, 12, 10, task);
    const ll::Dataset<double> examples(data.inputs, data.labels, {12});
    learner.fit(examples, {.epochs = 3, .batch_size = 16});
    if constexpr (requires { learner.consolidate(); })
      learner.consolidate();
    else
      learner.consolidate(examples, {.batch_size = 16});
  }
  return test::state_of(learner);
}

}  // namespace mlp_test

TEST_CASE("a learner on cuda::Mlp learns what one on the host learns", "[cuda][mlp][learner]") {
  const MlpBackend backend;
  Mlp<double> net({12, 6, 10}, {.seed = 2, .activation = Activation::tanh}, backend);
  const auto check = [&](const auto& importance) {
    const std::vector<double> expected = trained(slow(net, {12, 6, 10}, Activation::tanh), importance);
    const std::vector<double> found = trained(net, importance, backend);
    CHECK(distance(found, expected) < 1e-11);
    CHECK(trained(net, importance, backend) == found);
  };
  check(ll::importance::Fisher{});
  check(ll::importance::Mas{});
  check(ll::importance::SynapticIntelligence{});
  check(ll::importance::ScpLimit{});
}

TEST_CASE("a step refuses an example that is not finite, and changes nothing", "[cuda][mlp][learner]") {
  const MlpBackend backend;
  Mlp<double> net(widths, {}, backend);
  ll::Learner learner{net, ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}, backend};
  RandomBatch<double> data(6, 12, 10);
  data.inputs[30] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(test::message_of<ll::NumericError>([&] { learner.step(data.batch()); }),
             test::ContainsSubstring("sample 2, feature 6 of the batch is nan"));
  const test::MovedBatch<double> moved(backend, data.batch());
  CHECK_THAT(test::message_of<ll::NumericError>([&] { learner.step(moved.batch); }),
             test::ContainsSubstring("the loss is nan in step 1"));
  CHECK(parameters_of(learner.model()) == parameters_of(net));
}

#if !defined(__CUDACC__)

namespace mlp_test {

struct Counting : test::Simulated {
  static inline std::size_t allocations = 0, waits = 0;

  static void* allocate(std::size_t bytes) {
    ++allocations;
    return Simulated::allocate(bytes);
  }
  static void* allocate_shared(std::size_t bytes) {
    ++allocations;
    return Simulated::allocate_shared(bytes);
  }
  static void synchronize(Stream stream) {
    ++waits;
    Simulated::synchronize(stream);
  }
};

}  // namespace mlp_test

TEST_CASE("cuda::Mlp allocates nothing after the first pass of its size, and waits for what it returns alone",
          "[cuda][mlp]") {
  const ll::cuda::BasicBackend<Counting> backend;
  auto net = ll::cuda::mlp<float>({12, 9, 10}, {}, backend);
  const RandomBatch<float> data(70, 12, 10);
  const auto inputs = test::on_device(backend, data.inputs);
  auto array = test::on_device(backend, std::vector<float>(net.parameters().size()));
  const std::span<float> out(array.data(), array.size());
  const auto run = [&](std::size_t samples) {
    const auto batch = ll::cuda::Batch<float>::of(data.batch(), 12, inputs.data()).slice(0, samples);
    net.gradient(batch, out);
    net.accumulate_moment(batch, test::log_likelihood(Labels::exact), ll::moment::Square{}, out);
    net.accumulate_moment(batch, SquaredNorm{}, ll::moment::Absolute{}, out);
  };
  run(70);
  const std::size_t allocations = std::exchange(Counting::allocations, 0);
  CHECK(allocations > 10);
  Counting::waits = 0;
  run(70);
  run(13);
  CHECK(Counting::allocations == 0);
  CHECK(Counting::waits == 2);  // for two losses
}

#endif
