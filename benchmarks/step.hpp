// SPDX-License-Identifier: MIT
// Rows for the step over the parameters, of any optimizer, penalty and importance.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/lifelong.hpp>

#include "suite.hpp"
#include "triad.hpp"

namespace lifelong::benchmarks {

inline AlignedVector<float> uniform(std::size_t count, double low, double high, std::uint32_t seed) {
  AlignedVector<float> values(count);
  std::uint32_t state = seed * 2654435769u + 1;
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
  AlignedVector<float> theta, gradient, importance, anchor;
};

/// The kernel of a learner, run as the learner runs it.
template <class Optimizer, class Penalty, class Importance>
class FusedKernel {
  template <class Policy>
  using StateOf = lifelong::detail::NamedState<Policy, float, backend::Serial>;

 public:
  FusedKernel(std::shared_ptr<const Start> start, Optimizer optimizer, Penalty penalty, Importance importance)
      : start_(std::move(start)),
        optimizer_(std::move(optimizer)),
        penalty_(std::move(penalty)),
        importance_(std::move(importance)),
        theta_(start_->theta),
        optimizer_state_(theta_.size()),
        penalty_state_(theta_.size()),
        importance_state_(theta_.size()),
        partials_(chunk_count(theta_.size())) {
    if constexpr (lifelong::detail::is_anchored<Penalty>) {
      penalty_state_[0] = start_->importance;
      penalty_state_[1] = start_->anchor;
    }
  }

  double step() {
    const auto optimizer = optimizer_.template kernel<float>(optimizer_state_.pointers(), ++steps_);
    const auto penalty = penalty_.template kernel<float>(penalty_state_.pointers());
    const auto importance = gathered();
    const lifelong::detail::FusedStep kernel{theta_.data(), start_->gradient.data(), optimizer, penalty, importance};
    return elementwise<float>(backend::Serial{}, theta_.size(), kernel, std::span<double>(partials_));
  }

  [[nodiscard]] std::span<const float> parameters() const { return theta_; }

 private:
  auto gathered() {
    if constexpr (lifelong::detail::has_contribution<Importance>)
      return importance_.template kernel<float>(importance_state_.pointers(), lifelong::Clock{steps_, 0});
    else
      return lifelong::detail::NothingGathered{};
  }

  std::shared_ptr<const Start> start_;
  Optimizer optimizer_;
  Penalty penalty_;
  Importance importance_;
  AlignedVector<float> theta_;
  StateOf<Optimizer> optimizer_state_;
  StateOf<Penalty> penalty_state_;
  StateOf<Importance> importance_state_;
  std::vector<double> partials_;
  std::uint64_t steps_ = 0;
};

/// Parameters and nothing else.
struct FlatModel {
  using value_type = float;
  AlignedVector<float> theta;
  std::span<float> parameters() { return theta; }
  double gradient(const Batch<float>&, std::span<float>) { return 0; }
};

template <class Optimizer, class Penalty, class Importance>
auto flat_learner(const Start& start, Optimizer optimizer, Penalty penalty, Importance importance) {
  Learner learner{FlatModel{start.anchor}, std::move(importance), std::move(penalty), std::move(optimizer)};
  if constexpr (lifelong::detail::is_anchored<Penalty>) learner.set_importance(start.importance);
  std::copy(start.theta.begin(), start.theta.end(), learner.parameters().begin());
  return learner;
}

/// Arrays that a policy reads and writes per step, each counted as often.
template <class Policy>
constexpr int traffic_of() {
  if constexpr (requires { Policy::traffic; })
    return Policy::traffic.reads + Policy::traffic.writes;
  else
    return 0;
}

/// Largest difference of two parameter vectors.
inline double difference(std::span<const float> a, std::span<const float> b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

/// Number of parameters as rows are named: 64M is 2^26.
inline std::string size_name(std::size_t count) {
  if (count >= std::size_t{1} << 20) return std::to_string(count >> 20) + "M";
  return std::to_string(count >> 10) + "k";
}

inline constexpr std::size_t step_sizes[] = {std::size_t{10} << 10, std::size_t{1} << 19, std::size_t{1} << 23,
                                             std::size_t{1} << 26};

/// The composition of a step: its name, its parts, and what a step has to move.
template <class Optimizer, class Penalty, class Importance>
struct Composition {
  std::string name;
  Optimizer optimizer;
  Penalty penalty = {};
  Importance importance = {};

  /// θ read and written, g read, and what the policies say.
  static constexpr int traffic = 3 + traffic_of<Optimizer>() + traffic_of<Penalty>() + traffic_of<Importance>();
  static constexpr std::size_t arrays = 2 + lifelong::detail::arrays_of<Optimizer>().size() +
                                        lifelong::detail::arrays_of<Penalty>().size() +
                                        lifelong::detail::arrays_of<Importance>().size();

  static Work work(std::size_t count) { return {.bytes = traffic * static_cast<double>(sizeof(float) * count)}; }

  [[nodiscard]] auto kernel(const std::shared_ptr<const Start>& start) const {
    return std::make_shared<FusedKernel<Optimizer, Penalty, Importance>>(start, optimizer, penalty, importance);
  }
};

/// A step of `composition` against one of its optimizer alone: what lifelong learning adds. The floor counts the
/// traffic.
template <class Optimizer, class Penalty, class Importance>
void step_against_plain(Suite& suite, const Composition<Optimizer, Penalty, Importance>& composition) {
  for (const std::size_t full : step_sizes)
    suite.row("step/" + composition.name + "/" + size_name(full) + " vs plain", [=, &suite] {
      const std::size_t count = suite.size(full, 1024);
      const auto start = std::make_shared<const Start>(count);
      const auto kernel = composition.kernel(start);
      const auto plain =
          Composition<Optimizer, penalty::None, importance::Fisher>{"", composition.optimizer}.kernel(start);
      return Pair{.body = [kernel] { benchmark::DoNotOptimize(kernel->step()); },
                  .against = {[plain] { benchmark::DoNotOptimize(plain->step()); }},
                  .work = composition.work(count),
                  .yardstick = triad(composition.arrays * count)};
    });
}

/// `Learner::step` with its checks against the kernel alone.
template <class Optimizer, class Penalty, class Importance>
void learner_against_kernel(Suite& suite, const Composition<Optimizer, Penalty, Importance>& composition) {
  for (const std::size_t full : step_sizes)
    suite.row("learner/" + composition.name + "/" + size_name(full) + " vs kernel", [=, &suite] {
      const std::size_t count = suite.size(full, 1024);
      const auto start = std::make_shared<const Start>(count);
      const auto kernel = composition.kernel(start);
      using L = decltype(flat_learner(*start, composition.optimizer, composition.penalty, composition.importance));
      const auto learner =
          std::make_shared<L>(flat_learner(*start, composition.optimizer, composition.penalty, composition.importance));
      return Pair{.body = [learner, start] { benchmark::DoNotOptimize(learner->step(start->gradient)); },
                  .against = {[kernel] { benchmark::DoNotOptimize(kernel->step()); }},
                  .work = composition.work(count),
                  .yardstick = triad(composition.arrays * count)};
    });
}

/// All rows of a step: `step(suite, "my penalty", optimizer::Momentum{}, MyPenalty{})`.
template <OptimizerPolicy Optimizer, ElementwisePenalty Penalty, ImportancePolicy Importance = importance::Fisher>
void step(Suite& suite, const std::string& name, Optimizer optimizer, Penalty penalty, Importance importance = {}) {
  const Composition<Optimizer, Penalty, Importance> composition{name, optimizer, penalty, importance};
  step_against_plain(suite, composition);
  learner_against_kernel(suite, composition);
}

}  // namespace lifelong::benchmarks
