// SPDX-License-Identifier: MIT
// Enough parameters for a step to use several threads, and enough samples for a sum of float to matter.
#include "golden.hpp"

#include <span>

namespace golden {

namespace {

/// Parameters without a loss: steps are given their gradients.
template <class T>
struct Parameters {
  using value_type = T;
  std::vector<T> theta;

  std::span<T> parameters() { return theta; }
};

void add_large_networks(Report& report) {
  const auto add = [&]<class T>(const std::string& name, T, const auto& importance, const auto& penalty,
                                const auto& optimizer) {
    report.add("large/" + name, [=, tasks = make_tasks(3, 300)](OpenMP backend) {
      return history(nn::mlp<T>({300, 300, 4}, {.seed = 1}, backend), importance, penalty, optimizer, backend, tasks);
    });
  };
  add("fisher_adam/float", 0.0F, imp::Fisher{}, quadratic, adam);
  add("fisher_adam/double", 0.0, imp::Fisher{}, quadratic, adam);
  add("fisher_per_task_adam/float", 0.0F, imp::Fisher{}, per_task, adam);
  add("si_momentum/float", 0.0F, imp::SynapticIntelligence{}, quadratic, momentum);
  add("rwalk_adam/float", 0.0F, imp::RWalk{}, quadratic, adam);
  add("mas_adam/float", 0.0F, imp::Mas{}, quadratic, adam);
}

/// Pulls every parameter to another place in every task; no network.
template <class Learner>
void follow(Learner& learner, std::uint64_t task, Hash& hash) {
  using T = typename Learner::value_type;
  const ll::Random random(task);
  std::vector<T> gradient(learner.parameters().size());
  for (int step = 0; step < 5; ++step) {
    for (std::size_t i = 0; i < gradient.size(); ++i)
      gradient[i] = T(0.2) * (learner.parameters()[i] - static_cast<T>(random.uniform(i)));
    hash.add(learner.step(std::span<const T>(gradient)));
  }
  hash.add_state(learner);
  learner.consolidate();
  hash.add_state(learner);
}

template <class T, class Importance>
void add_steps(Report& report, const std::string& name, const Importance& importance) {
  const auto add = [&](const std::string& cost, const auto& penalty) {
    with_optimizers([&](const char* step, const auto& optimizer) {
      report.add("large_steps/" + name + "/" + cost + "/" + step, [=](OpenMP backend) {
        ll::Learner learner{Parameters<T>{std::vector<T>(70001)}, importance, penalty, optimizer, backend};
        Hash hash;
        for (std::uint64_t task = 0; task < 3; ++task) follow(learner, task, hash);
        return hash.value();
      });
    });
  };
  with_quadratic(add);
  with_other_penalties(add);
}

void add_many_samples(Report& report) {
  report.add("many_samples/fisher_adam/float", [tasks = make_tasks(3, 6, 5000)](OpenMP backend) {
    return history(small_network<float>(backend), imp::Fisher{}, quadratic, adam, backend, tasks);
  });
}

}  // namespace

void add_large(Report& report) {
  add_large_networks(report);
  add_steps<float>(report, "si_float", imp::SynapticIntelligence{});
  add_steps<double>(report, "interval_rwalk_double", imp::IntervalRWalk{.interval = 2});
  add_many_samples(report);
}

}  // namespace golden
