// The step over the parameters, fused into one pass, against the same arithmetic operation by operation, one thread.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/lifelong.hpp>

#include "in_turn.hpp"
#include "op_by_op.hpp"
#include "triad.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;
using ll::importance::Fisher, ll::importance::RWalk, ll::importance::SynapticIntelligence;
using ll::optimizer::Adam, ll::optimizer::Momentum;
using ll::penalty::None, ll::penalty::Quadratic;

ll::AlignedVector<float> uniform(std::size_t count, double low, double high, std::uint64_t seed) {
  ll::AlignedVector<float> values(count);
  std::uint32_t state = static_cast<std::uint32_t>(seed) * 2654435769u + 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(low + (high - low) * static_cast<double>(state) * 0x1p-32);
  }
  return values;
}

/// What all contestants start from.
struct Start {
  explicit Start(std::size_t count)
      : theta(uniform(count, -1, 1, 1)),
        gradient(uniform(count, -1, 1, 2)),
        importance(uniform(count, 0, 1, 3)),
        anchor(uniform(count, -1, 1, 4)) {}
  ll::AlignedVector<float> theta, gradient, importance, anchor;
};

/// The kernel of a learner, run as the learner runs it.
template <class Optimizer, class Penalty, class Importance>
class Fused {
 public:
  Fused(const Start& start, Optimizer optimizer, Penalty penalty, Importance importance)
      : optimizer_(std::move(optimizer)),
        penalty_(std::move(penalty)),
        importance_(std::move(importance)),
        theta_(start.theta),
        gradient_(start.gradient.data()),
        optimizer_state_(theta_.size()),
        penalty_state_(theta_.size()),
        importance_state_(theta_.size()),
        partials_(ll::block_count(theta_.size())) {
    if constexpr (ll::detail::is_anchored<Penalty>) {
      penalty_state_[0] = start.importance;
      penalty_state_[1] = start.anchor;
    }
  }

  double step() {
    const auto optimizer = optimizer_.template view<float>(optimizer_state_.pointers(), ++steps_);
    const auto penalty = penalty_.template view<float>(penalty_state_.pointers());
    const auto importance = gathered();
    const ll::detail::FusedStep kernel{theta_.data(), gradient_, optimizer, penalty, importance};
    return ll::elementwise<float>(ll::backend::Serial{}, theta_.size(), kernel, std::span<double>(partials_));
  }

  [[nodiscard]] std::span<const float> parameters() const { return theta_; }

 private:
  auto gathered() {
    if constexpr (ll::detail::has_contribution<Importance>)
      return ll::detail::kernel_of<float>(importance_, importance_state_.pointers(), ll::Clock{steps_, 0});
    else
      return ll::detail::NothingGathered{};
  }

  Optimizer optimizer_;
  Penalty penalty_;
  Importance importance_;
  ll::AlignedVector<float> theta_;
  const float* gradient_;
  ll::detail::PolicyState<Optimizer, float> optimizer_state_;
  ll::detail::PolicyState<Penalty, float> penalty_state_;
  ll::detail::PolicyState<Importance, float> importance_state_;
  std::vector<double> partials_;
  std::uint64_t steps_ = 0;
};

/// Parameters and nothing else.
struct FlatModel {
  using value_type = float;
  ll::AlignedVector<float> theta;
  std::span<float> parameters() { return theta; }
  double gradient(const ll::Batch<float>&, std::span<float>) { return 0; }
};

template <class Optimizer, class Penalty, class Importance>
auto make_learner(const Start& start, Optimizer optimizer, Penalty penalty, Importance importance) {
  ll::Learner learner{FlatModel{start.anchor}, importance, penalty, optimizer};
  if constexpr (ll::detail::is_anchored<Penalty>) learner.set_importance(start.importance);
  std::copy(start.theta.begin(), start.theta.end(), learner.parameters().begin());
  return learner;
}

template <class Policy>
constexpr int streams_of() {
  if constexpr (requires { Policy::streams; })
    return Policy::streams.reads + Policy::streams.writes;
  else
    return 0;
}

/// Largest difference of two parameter vectors.
double difference(std::span<const float> a, std::span<const float> b) {
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return static_cast<double>(largest);
}

template <class Optimizer, class Penalty, class Importance>
void step(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Optimizer optimizer{.learning_rate = 1e-5};
  const Start start(count);
  Fused fused(start, optimizer, Penalty{}, Importance{});
  auto learner = make_learner(start, optimizer, Penalty{}, Importance{});
  OpByOp<Optimizer, Penalty, Importance> op_by_op(start.theta, start.gradient, start.importance, start.anchor,
                                                  optimizer, Penalty{});
  Triad triad(count);

  const std::size_t steps = std::max<std::size_t>(1, (std::size_t{1} << 25) / count);
  const auto repeat = [steps](auto&& body) {
    return [&body, steps] {
      for (std::size_t k = 0; k < steps; ++k) body();
    };
  };
  const auto run_fused = [&] { benchmark::DoNotOptimize(fused.step()); };
  const auto run_learner = [&] { benchmark::DoNotOptimize(learner.step(start.gradient)); };
  const auto run_op_by_op = [&] { op_by_op.step(); };
  const auto run_triad = [&] { triad.plain(); };
  const auto run_streaming_triad = [&] { triad.streaming(); };
  const auto best = best_in_turn(state, repeat(run_fused), repeat(run_learner), repeat(run_op_by_op), repeat(run_triad),
                                 repeat(run_streaming_triad));

  if (difference(fused.parameters(), op_by_op.parameters()) > 1e-4 ||
      difference(learner.parameters(), op_by_op.parameters()) > 1e-4)
    return state.SkipWithError("the contestants do not agree");
  const auto [fused_time, learner_time, op_by_op_time, triad_time, streaming_triad_time] = best;
  const int streams = 3 + streams_of<Optimizer>() + streams_of<Penalty>() + streams_of<Importance>();
  const double bytes = streams * static_cast<double>(sizeof(float) * count * steps);
  state.counters["op_by_op/fused"] = op_by_op_time.processor / fused_time.processor;
  state.counters["op_by_op/learner"] = op_by_op_time.processor / learner_time.processor;
  state.counters["streams"] = streams;
  state.counters["GB/s"] = bytes / fused_time.processor * 1e-9;
  state.counters["of_triad"] = streams * triad_time.processor / (3 * fused_time.processor);
  state.counters["of_streaming_triad"] = streams * streaming_triad_time.processor / (3 * fused_time.processor);
}

/// The same step against a step of momentum alone: what lifelong learning adds.
template <class Penalty, class Importance>
void against_plain(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Momentum optimizer{.learning_rate = 1e-5};
  const Start start(count);
  Fused lifelong(start, optimizer, Penalty{}, Importance{});
  Fused plain(start, optimizer, None{}, Fisher{});
  const std::size_t steps = std::max<std::size_t>(1, (std::size_t{1} << 25) / count);
  const auto repeat = [steps](auto& contestant) {
    return [&contestant, steps] {
      for (std::size_t k = 0; k < steps; ++k) benchmark::DoNotOptimize(contestant.step());
    };
  };
  const auto [lifelong_time, plain_time] = best_in_turn(state, repeat(lifelong), repeat(plain));
  state.counters["step/plain"] = lifelong_time.processor / plain_time.processor;
  state.counters["floor"] = (5 + streams_of<Penalty>() + streams_of<Importance>()) / 5.0;
}

void sizes(benchmark::internal::Benchmark* rows) {
  rows->ArgName("parameters")->Arg(1 << 19)->Arg(1 << 23)->Arg(1 << 26);
  rows->Iterations(12)->UseManualTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK_TEMPLATE(step, Momentum, Quadratic, Fisher)->Name("ewc+momentum")->Apply(sizes);
BENCHMARK_TEMPLATE(step, Adam, Quadratic, Fisher)->Name("ewc+adam")->Apply(sizes);
BENCHMARK_TEMPLATE(step, Momentum, Quadratic, SynapticIntelligence)->Name("si+momentum")->Apply(sizes);
BENCHMARK_TEMPLATE(step, Momentum, None, Fisher)->Name("momentum")->Apply(sizes);
BENCHMARK_TEMPLATE(against_plain, Quadratic, Fisher)->Name("ewc+momentum/momentum")->Apply(sizes);
BENCHMARK_TEMPLATE(against_plain, Quadratic, SynapticIntelligence)->Name("si+momentum/momentum")->Apply(sizes);
BENCHMARK_TEMPLATE(against_plain, Quadratic, RWalk)->Name("rwalk+momentum/momentum")->Apply(sizes);

}  // namespace
