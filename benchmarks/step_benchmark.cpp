// SPDX-License-Identifier: MIT
// The step over the parameters, fused into one pass: against a plain step, and against the same operation by operation.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/lifelong.hpp>

#include "op_by_op.hpp"
#include "step.hpp"
#include "suite.hpp"
#include "triad.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;
using ll::importance::Fisher, ll::importance::IntervalRWalk, ll::importance::RWalk,
    ll::importance::SynapticIntelligence;
using ll::optimizer::Adam, ll::optimizer::Momentum, ll::optimizer::Sgd;
using ll::penalty::Huber, ll::penalty::ImplicitQuadratic, ll::penalty::None, ll::penalty::Quadratic;

constexpr double rate = 1e-5;

template <class Optimizer, class Penalty, class Importance>
void against_op_by_op(Suite& suite, const std::string& name) {
  using Parts = Composition<Optimizer, Penalty, Importance>;
  const Parts composition{name, Optimizer{.learning_rate = rate}};
  for (const std::size_t full : step_sizes)
    suite.row("step/" + name + "/" + size_name(full) + " vs op by op", [=, &suite] {
      const std::size_t count = suite.size(full, 1024);
      const auto start = std::make_shared<const Start>(count);
      const auto kernel = composition.kernel(start);
      const auto op_by_op = std::make_shared<OpByOp<Optimizer, Penalty, Importance>>(
          start->theta, start->gradient, start->importance, start->anchor, composition.optimizer, Penalty{});
      return Pair{.body = [kernel] { benchmark::DoNotOptimize(kernel->step()); },
                  .against = {[op_by_op, start] { op_by_op->step(); }},
                  .work = composition.work(count),
                  .yardstick = streaming_triad(Parts::arrays * count),
                  .agree =
                      [kernel, op_by_op] {
                        for (int k = 0; k < 3; ++k) kernel->step(), op_by_op->step();
                        return difference(kernel->parameters(), op_by_op->parameters()) < 1e-5;
                      }};
    });
}

template <class Optimizer, class Penalty>
void every_importance(Suite& suite, const std::string& optimizer_name, const std::string& penalty_name) {
  const auto add = [&]<class Importance>(const std::string& importance_name, Importance importance) {
    step_against_plain(
        suite, Composition<Optimizer, Penalty, Importance>{penalty_name + importance_name + "+" + optimizer_name,
                                                           Optimizer{.learning_rate = rate}, Penalty{}, importance});
  };
  add("", Fisher{});
  add("+si", SynapticIntelligence{});
  add("+rwalk", RWalk{});
}

template <class Optimizer>
void every_penalty(Suite& suite, const std::string& name) {
  every_importance<Optimizer, Quadratic>(suite, name, "quadratic");
  every_importance<Optimizer, Huber>(suite, name, "huber");
  every_importance<Optimizer, ImplicitQuadratic>(suite, name, "implicit");
}

}  // namespace

int main(int argc, char** argv) {
  Suite suite(argc, argv);
  against_op_by_op<Momentum, Quadratic, Fisher>(suite, "quadratic+momentum");
  against_op_by_op<Adam, Quadratic, Fisher>(suite, "quadratic+adam");
  against_op_by_op<Momentum, Quadratic, SynapticIntelligence>(suite, "quadratic+si+momentum");
  against_op_by_op<Momentum, None, Fisher>(suite, "momentum");
  learner_against_kernel(
      suite, Composition<Momentum, Quadratic, Fisher>{"quadratic+momentum", Momentum{.learning_rate = rate}});
  learner_against_kernel(suite, Composition<Adam, Quadratic, Fisher>{"quadratic+adam", Adam{.learning_rate = rate}});
  every_penalty<Sgd>(suite, "sgd");
  every_penalty<Momentum>(suite, "momentum");
  every_penalty<Adam>(suite, "adam");
  return suite.run();
}
