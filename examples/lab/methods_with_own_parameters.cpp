// SPDX-License-Identifier: MIT
// Methods by which a task has parameters of its own.
#include <algorithm>
#include <cstddef>
#include <lifelong/nn/hat.hpp>
#include <lifelong/nn/progressive.hpp>
#include <lifelong/penalty/packnet.hpp>
#include <utility>

#include "methods.hpp"
#include "network_student.hpp"
#include "on_processor.hpp"

namespace lab {

namespace {

using lifelong::backend::OpenMP;
using lifelong::importance::Constant;
using lifelong::penalty::None;

auto gated_network(const Trial& trial, const OpenMP& backend) {
  return lifelong::nn::hat<float>(
      widths_of(trial),
      {.tasks = trial.stream.size(), .sparsity = trial["sparsity"], .rate = trial["gate-rate"], .seed = trial.seed},
      backend);
}

auto growing_network(const Trial& trial, const OpenMP& backend) {
  return lifelong::nn::progressive<float>(widths_of(trial), trial.seed, backend);
}

/// The processor, with the network that `make` gives.
template <auto make>
class With : public OnProcessor {
 public:
  explicit With(const Trial& trial) : OnProcessor(trial), trial_(trial) {}

  [[nodiscard]] auto network() const { return make(trial_, backend()); }

 private:
  const Trial& trial_;
};

/// Learns in half of the epochs, prunes, and learns in the others with what is left; the last task keeps all. A task is
/// tested with its own parameters.
template <class On, class Learner>
class PackNetStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  template <class Source, class Ended>
  void learn(const Source& source, std::size_t task, const Ended& epoch_ended) {
    const Options& options = this->trial_.options;
    const bool last = task + 1 == this->trial_.stream.size();
    const std::size_t later = options.epochs / 2;
    this->learner_.penalty_policy().pruned = last ? 0 : this->trial_["pruned"];
    this->fit(source, options.epochs - later, options.optimizer_state, epoch_ended);
    lifelong::penalty::prune(this->learner_);
    if (later > 0) this->fit(source, later, lifelong::OptimizerState::reset, epoch_ended);
  }
  void end_task(const Examples&) { this->learner_.consolidate(); }
  [[nodiscard]] double accuracy(std::size_t task) {
    auto network = this->learner_.model();
    this->learner_.copy_parameters(task, network.parameters());
    return this->accuracy_of(network, task);
  }
};

/// Learns with gates whose slope climbs; a task is tested with the units that it has open.
template <class On, class Learner>
class HatStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  template <class Source, class Ended>
  void learn(const Source& source, std::size_t, const Ended& epoch_ended) {
    const Options& options = this->trial_.options;
    this->fit(source, options.epochs, options.optimizer_state, epoch_ended,
              lifelong::nn::Annealing(this->learner_.model()));
  }
  void end_task(const Examples&) { lifelong::nn::end_task(this->learner_); }
  [[nodiscard]] double accuracy(std::size_t task) {
    auto network = this->learner_.model();
    network.select(std::min(task, network.tasks_ended()));
    return this->accuracy_of(network, task);
  }
};

/// Takes a new column for every task; a task is tested with the outputs of its own.
template <class On, class Learner>
class ProgressiveStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  template <class Source, class Ended>
  void learn(const Source& source, std::size_t task, const Ended& epoch_ended) {
    if (task > 0) this->learner_.grow(this->trial_.stream.outputs());
    Base::learn(source, task, epoch_ended);
  }
  void end_task(const Examples&) { this->learner_.consolidate(); }
  [[nodiscard]] double accuracy(std::size_t task) {
    auto network = this->learner_.model();
    network.select(std::min(task, network.columns() - 1));
    return this->accuracy_of(network, task);
  }
};

}  // namespace

std::vector<Method> methods_with_own_parameters() {
  return {
      {"packnet",
       {{"pruned", everywhere(0.85)}},
       "PackNet: every task owns the weights that pruning leaves after half of the epochs, and learns on with them",
       [](const Trial& trial) {
         return teach_in_sequence<PackNetStudent, OnProcessor>(trial, Constant{}, lifelong::penalty::PackNet{});
       },
       {.task = true}},

      {"hat",
       {{"sparsity", everywhere(0.1)}, {"gate-rate", everywhere(50)}},
       "hard attention to the task: every task opens some units by gates that it learns, and they are its own",
       [](const Trial& trial) {
         return teach_in_sequence<HatStudent, With<gated_network>>(trial, Constant{}, lifelong::nn::HatPenalty{});
       },
       {.task = true}},

      {"progressive",
       {},
       "progressive columns: a network for every task, which reads the hidden units of those before it",
       [](const Trial& trial) {
         return teach_in_sequence<ProgressiveStudent, With<growing_network>>(trial, Constant{}, None{});
       },
       {.task = true}},
  };
}

}  // namespace lab
