// SPDX-License-Identifier: MIT
// Learners of networks have the same bits on every backend: in float, with more samples than are summed at once, and
// with what networks alone have: local and Kronecker-factored importances, scopes, new heads, running statistics.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "conformance.hpp"

namespace network_test {

namespace {

using namespace lifelong;
using importance::Fisher, importance::GaussNewton, importance::LocalMas, importance::Mas, importance::Normalized,
    importance::ScpLimit, importance::WeightedSum;
using optimizer::Adam, optimizer::Momentum;
using penalty::Anchor, penalty::Quadratic;
using test::message_of, test::Plan, test::require_conformance, test::show, test::TinyTask, test::Trace, test::train;

/// Returns the network, moved to where the backend has its arrays.
template <class Backend, class Network>
auto on(const Backend& backend, const Network& network) {
  return test::model_on<test::MovedNetwork>(backend, network);
}

/// Requires that learners of the networks that `make(hidden)` returns have the same bits on all backends.
template <class Make, class Importance, class Penalty, class Optimizer>
void require_same_training(const Plan& few, const Make& make, const Importance& importance, const Penalty& penalty,
                           const Optimizer& optimizer) {
  for (const Plan& plan : {few, Plan::wide()}) {
    const Trace trace = require_conformance([&](const auto& backend, Trace& seen) {
      Learner learner{on(backend, make(plan.hidden)), importance, penalty, optimizer, backend};
      train(learner, plan, seen);
    });
    CHECK(trace.has_seen("penalty"));
  }
}

template <class T>
auto mlp(std::size_t hidden) {
  return test::any_mlp<T>({TinyTask::width, hidden, 3}, {.seed = 1, .activation = nn::Activation::tanh});
}

/// Makes a network that has running statistics, drops values and can grow.
test::AnyNetwork<float> growing_network() {
  using namespace test::layers;
  return test::AnyNetwork<float>({Linear{TinyTask::width, 8}, BatchNorm{8}, Tanh{}, Dropout{0.3}, Heads{8, {3}}});
}

/// More samples than a sum in float takes at once.
constexpr Plan many_samples{.hidden = 3, .samples = 1100, .batch_size = 128, .epochs = 1, .tasks = 2};

}  // namespace

TEST_CASE("estimates from many samples in float are the same on every backend") {
  require_same_training(many_samples, mlp<float>, Fisher{}, Quadratic{.strength = 3, .anchor = Anchor::per_task},
                        Momentum{});
  require_same_training(many_samples, mlp<float>, ScpLimit{}, compact(Quadratic{.strength = 3}), compact(Adam{}));
  require_same_training(many_samples, mlp<float>, WeightedSum<Mas, Normalized<GaussNewton>>{}, Quadratic{}, Momentum{});
}

TEST_CASE("importances of each layer by itself are the same on every backend") {
  require_same_training(Plan{}, mlp<double>, LocalMas{}, Quadratic{.strength = 3}, Momentum{});
}

TEST_CASE("Kronecker-factored importances are the same on every backend") {
  const auto small = nn::sequential<float>(nn::Linear{TinyTask::width, 5}, nn::Tanh{}, nn::Linear{5, 3});
  for (const auto sum : {nn::KroneckerSum::exact, nn::KroneckerSum::nearest})
    require_conformance([&](const auto& backend, Trace& trace) {
      const auto make = [&] {
        return Learner{on(backend, small), nn::KroneckerFisher{}, nn::KroneckerPenalty{.strength = 3, .sum = sum},
                       Momentum{}, backend};
      };
      auto learner = make();
      learner.restrict_importance(Scope::all().without({"0.bias"}));
      train(learner, Plan{}, trace);
      auto resumed = make();
      resumed.restrict_importance(learner.scope());
      io::restore(io::checkpoint(learner), resumed);
      trace.at("resumed");
      show(resumed, trace);

      TinyTask bad(1);
      bad.inputs[0] = std::nan("");
      trace.add_text("refused", message_of<NumericError>([&] { learner.consolidate(bad); }));
      std::vector<float> gradient(learner.parameters().size());
      gradient[20] = std::nanf("");
      detail::copy_in(backend, std::span<const float>(gradient), learner.gradient().data());
      trace.add_text("refused", message_of<NumericError>([&] { learner.step(learner.gradient()); }));
      trace.at("after errors");
      show(learner, trace);
    });
}

TEST_CASE("scopes, new heads, buffers and a limit of memory are the same on every backend") {
  const auto network = growing_network();
  require_conformance([&](const auto& backend, Trace& trace) {
    const auto make = [&] {
      return Learner{on(backend, network),
                     importance::RWalk{},
                     compact(Quadratic{.strength = 3, .anchor = Anchor::per_task}),
                     Adam{.learning_rate = 0.01},
                     backend,
                     MemoryLimit{5000}};
    };
    auto learner = make();
    learner.restrict_importance(Scope::all().without_heads().without({"0.bias"}));
    train(learner, Plan{}, trace);
    learner.grow(2);
    trace.at("with a new head");
    show(learner, trace);
    trace.add_text("refused", message_of<OutOfMemory>([&] { learner.grow(50); }));
    trace.add_text("refused", message_of<InvalidArgument>([&] { learner.grow(0); }));
    trace.add_text("refused", message_of<InvalidArgument>([&] { learner.restrict_importance(Scope::only({"7"})); }));
    trace.at("after errors");
    show(learner, trace);
    learner.restrict_importance(Scope::all().without_norms());
    train(learner, Plan{}, trace);

    auto resumed = make();
    resumed.grow(2);
    resumed.restrict_importance(learner.scope());
    io::restore(io::checkpoint(learner), resumed);
    train(resumed, Plan{}, trace);
    trace.add("running statistics", resumed.model().buffers());
  });
}

}  // namespace network_test
