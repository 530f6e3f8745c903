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

/// The processor, with a network that has gates.
class OnGates : public OnProcessor {
 public:
  explicit OnGates(const Trial& trial) : OnProcessor(trial), trial_(trial) {}

  [[nodiscard]] auto network() const {
    return lifelong::nn::hat<float>(widths_of(trial_),
                                    {.tasks = trial_.stream.size(),
                                     .sparsity = trial_["sparsity"],
                                     .rate = trial_["gate-rate"],
                                     .seed = trial_.seed},
                                    backend());
  }

 private:
  const Trial& trial_;
};

/// Learns in half of the epochs, prunes, and learns in the others with what is left; the last task keeps all. A task is
/// tested with its own parameters.
template <class Learner>
class PackNetStudent : public NetworkStudent<OnProcessor, Learner> {
  using Base = NetworkStudent<OnProcessor, Learner>;

 public:
  using Base::Base;

  template <class Source>
  void learn(const Source& source, std::size_t task) {
    const Options& options = this->trial_.options;
    const bool last = task + 1 == this->trial_.stream.size();
    const std::size_t later = options.epochs / 2;
    this->learner_.penalty_policy().pruned = last ? 0 : this->trial_["pruned"];
    this->fit(source, options.epochs - later, options.optimizer_state);
    lifelong::penalty::prune(this->learner_);
    if (later > 0) this->fit(source, later, lifelong::OptimizerState::reset);
  }
  void end_task(const Examples&) { this->learner_.consolidate(); }
  [[nodiscard]] double accuracy(std::size_t task) {
    auto network = this->learner_.model();
    this->learner_.copy_parameters(task, network.parameters());
    return this->accuracy_of(network, task);
  }
};

Outcome pack(const Trial& trial) {
  const auto use = [&]<class Learner>(OnProcessor machine, Learner learner) {
    return learn_in_sequence(trial, PackNetStudent<Learner>(trial, std::move(machine), std::move(learner)));
  };
  return with_learner<OnProcessor>(trial, use, lifelong::importance::Constant{}, lifelong::penalty::PackNet{});
}

/// Learns with gates whose slope climbs; a task is tested with the units that it has open.
template <class Learner>
class HatStudent : public NetworkStudent<OnGates, Learner> {
  using Base = NetworkStudent<OnGates, Learner>;

 public:
  using Base::Base;

  template <class Source>
  void learn(const Source& source, std::size_t) {
    const Options& options = this->trial_.options;
    this->fit(source, options.epochs, options.optimizer_state, lifelong::nn::Annealing(this->learner_.model()));
  }
  void end_task(const Examples&) { lifelong::nn::end_task(this->learner_); }
  [[nodiscard]] double accuracy(std::size_t task) {
    auto& network = this->learner_.model();
    network.select(std::min(task, network.tasks_ended()));
    return this->accuracy_of(network, task);
  }
};

Outcome attend(const Trial& trial) {
  const auto use = [&]<class Learner>(OnGates machine, Learner learner) {
    return learn_in_sequence(trial, HatStudent<Learner>(trial, std::move(machine), std::move(learner)));
  };
  return with_learner<OnGates>(trial, use, lifelong::importance::Constant{}, lifelong::nn::HatPenalty{});
}

/// The processor, with a network that grows by columns.
class OnColumns : public OnProcessor {
 public:
  explicit OnColumns(const Trial& trial) : OnProcessor(trial), trial_(trial) {}

  [[nodiscard]] auto network() const {
    return lifelong::nn::progressive<float>(widths_of(trial_), trial_.seed, backend());
  }

 private:
  const Trial& trial_;
};

/// Takes a new column for every task; a task is tested with the outputs of its own.
template <class Learner>
class ProgressiveStudent : public NetworkStudent<OnColumns, Learner> {
  using Base = NetworkStudent<OnColumns, Learner>;

 public:
  using Base::Base;

  template <class Source>
  void learn(const Source& source, std::size_t task) {
    if (task > 0) this->learner_.grow(this->trial_.stream.outputs());
    Base::learn(source, task);
  }
  void end_task(const Examples&) { this->learner_.consolidate(); }
  [[nodiscard]] double accuracy(std::size_t task) {
    auto& network = this->learner_.model();
    network.select(std::min(task, network.columns() - 1));
    return this->accuracy_of(network, task);
  }
};

Outcome progress(const Trial& trial) {
  const auto use = [&]<class Learner>(OnColumns machine, Learner learner) {
    return learn_in_sequence(trial, ProgressiveStudent<Learner>(trial, std::move(machine), std::move(learner)));
  };
  return with_learner<OnColumns>(trial, use, lifelong::importance::Constant{}, lifelong::penalty::None{});
}

}  // namespace

std::vector<Method> methods_with_own_parameters() {
  return {
      {"packnet",
       {{"pruned", everywhere(0.85)}},
       "PackNet: every task owns the weights that pruning leaves after half of the epochs, and learns on with them",
       pack,
       {.task = true}},

      {"hat",
       {{"sparsity", everywhere(0.1)}, {"gate-rate", everywhere(50)}},
       "hard attention to the task: every task opens some units by gates that it learns, and they are its own",
       attend,
       {.task = true}},

      {"progressive",
       {},
       "progressive columns: a network for every task, which reads the hidden units of those before it",
       progress,
       {.task = true}},
  };
}

}  // namespace lab
