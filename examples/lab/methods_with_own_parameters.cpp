// SPDX-License-Identifier: MIT
// Methods by which a task has parameters of its own.
#include <algorithm>
#include <cstddef>
#include <lifelong/nn/hat.hpp>
#include <lifelong/nn/progressive.hpp>
#include <lifelong/penalty/packnet.hpp>
#include <string>
#include <utility>
#include <vector>

#include "methods.hpp"
#include "network_student.hpp"
#include "on_processor.hpp"
#include "text.hpp"

namespace lab {

namespace {

using lifelong::backend::OpenMP;
using lifelong::importance::Constant;
using lifelong::penalty::None;

auto gated_network(const Trial& trial, const OpenMP& backend) {
  return lifelong::nn::hat<float>(
      widths_of(trial.options, trial.stream),
      {.tasks = trial.stream.size(), .sparsity = trial["sparsity"], .rate = trial["gate-rate"], .seed = trial.seed},
      backend);
}

auto growing_network(const Trial& trial, const OpenMP& backend) {
  return lifelong::nn::progressive<float>(widths_of(trial.options, trial.stream), trial.seed, backend);
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

  [[nodiscard]] Abilities abilities() const override {
    Abilities all = Base::abilities();
    all.saved_inside = false;  // the steps of both halves are counted from 1
    return all;
  }
  void learn(std::size_t task, Steps steps) override {
    const Options& options = this->trial_.options;
    const Examples& source = this->train_set(task);
    const bool last = task + 1 == this->trial_.stream.size();
    const std::size_t later = options.epochs / 2,
                      pruned_at = (options.epochs - later) * options.steps_of_epoch(source.size());
    this->learner_.penalty_policy().pruned = last ? 0 : this->trial_["pruned"];
    if (steps.from == pruned_at) lifelong::penalty::prune(this->learner_);
    if (steps.until <= pruned_at)
      this->fit(source, {options.epochs - later, options.optimizer_state}, steps.until);
    else
      this->fit(source, {later, lifelong::OptimizerState::reset, steps.from > pruned_at}, steps.until - pruned_at);
    if (later == 0 && steps.until == pruned_at) lifelong::penalty::prune(this->learner_);
  }
  void end_task(std::size_t) override { this->learner_.consolidate(); }
  void restore(const lifelong::io::Safetensors& file, const std::vector<std::string>& may_differ) override {
    std::vector<std::string> names = may_differ;
    names.emplace_back("pruned");  // the last task keeps all
    Base::restore(file, names);
  }
  [[nodiscard]] double measure(std::size_t task, Measure what) override {
    auto network = this->learner_.model();
    this->learner_.copy_parameters(task, network.parameters());
    return this->measure_of(network, task, what);
  }
};

/// Learns with gates whose slope climbs; a task is tested with the units that it has open.
template <class On, class Learner>
class HatStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  void learn(std::size_t task, Steps steps) override {
    lifelong::nn::Annealing slope(this->learner_.model());
    this->fit(this->train_set(task), this->all_epochs(), steps.until, slope);
  }
  void end_task(std::size_t) override { lifelong::nn::end_task(this->learner_); }
  [[nodiscard]] double measure(std::size_t task, Measure what) override {
    auto network = this->learner_.model();
    network.select(std::min(task, network.tasks_ended()));
    return this->measure_of(network, task, what);
  }
};

/// Takes a new column for every task; a task is tested with the outputs of its own.
template <class On, class Learner>
class ProgressiveStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  void learn(std::size_t task, Steps steps) override {
    grow_to(task + 1);
    Base::learn(task, steps);
  }
  void end_task(std::size_t) override { this->learner_.consolidate(); }
  [[nodiscard]] lifelong::io::Safetensors saved() override {
    lifelong::io::Safetensors file = Base::saved();
    file.set_metadata(columns_key, std::to_string(this->learner_.model().columns()));
    lifelong::io::seal(file);
    return file;
  }
  void restore(const lifelong::io::Safetensors& file, const std::vector<std::string>& may_differ) override {
    const auto columns = file.metadata().find(columns_key);
    if (columns != file.metadata().end())
      grow_to(static_cast<std::size_t>(
          whole_number("the columns of a checkpoint", columns->second, 1, this->trial_.stream.size())));
    Base::restore(file, may_differ);
  }
  [[nodiscard]] double measure(std::size_t task, Measure what) override {
    auto network = this->learner_.model();
    network.select(std::min(task, network.columns() - 1));
    return this->measure_of(network, task, what);
  }

 private:
  static constexpr const char* columns_key = "lifelong-lab.columns";

  void grow_to(std::size_t columns) {
    while (this->learner_.model().columns() < columns) this->learner_.grow(this->trial_.stream.outputs());
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
       {.task = true, .mlp = true}},

      {"progressive",
       {},
       "progressive columns: a network for every task, which reads the hidden units of those before it",
       [](const Trial& trial) {
         return teach_in_sequence<ProgressiveStudent, With<growing_network>>(trial, Constant{}, None{});
       },
       {.task = true, .mlp = true}},
  };
}

}  // namespace lab
