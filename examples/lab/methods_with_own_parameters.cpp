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

  static constexpr bool saved_inside = false;  // the steps of both halves are counted from 1

  template <class Source>
  void learn(const Source& source, std::size_t task, Steps steps) {
    const Options& options = this->trial_.options;
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
  void end_task(const Examples&) { this->learner_.consolidate(); }
  void restore(const lifelong::io::Safetensors& file, std::vector<std::string> may_differ) {
    may_differ.emplace_back("pruned");  // the last task keeps all
    Base::restore(file, may_differ);
  }
  template <class Metric>
  [[nodiscard]] double measure(std::size_t task, const Metric& metric) {
    auto network = this->learner_.model();
    this->learner_.copy_parameters(task, network.parameters());
    return this->measure_of(network, task, metric);
  }
};

/// Learns with gates whose slope climbs; a task is tested with the units that it has open.
template <class On, class Learner>
class HatStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  template <class Source>
  void learn(const Source& source, std::size_t, Steps steps) {
    const Options& options = this->trial_.options;
    lifelong::nn::Annealing slope(this->learner_.model());
    this->fit(source, {options.epochs, options.optimizer_state}, steps.until, slope);
  }
  void end_task(const Examples&) { lifelong::nn::end_task(this->learner_); }
  template <class Metric>
  [[nodiscard]] double measure(std::size_t task, const Metric& metric) {
    auto network = this->learner_.model();
    network.select(std::min(task, network.tasks_ended()));
    return this->measure_of(network, task, metric);
  }
};

/// Takes a new column for every task; a task is tested with the outputs of its own.
template <class On, class Learner>
class ProgressiveStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  template <class Source>
  void learn(const Source& source, std::size_t task, Steps steps) {
    grow_to(task + 1);
    Base::learn(source, task, steps);
  }
  void end_task(const Examples&) { this->learner_.consolidate(); }
  [[nodiscard]] lifelong::io::Safetensors saved() {
    lifelong::io::Safetensors file = Base::saved();
    file.set_metadata(columns_key, std::to_string(this->learner_.model().columns()));
    lifelong::io::seal(file);
    return file;
  }
  void restore(const lifelong::io::Safetensors& file, const std::vector<std::string>& may_differ) {
    const auto columns = file.metadata().find(columns_key);
    if (columns != file.metadata().end())
      grow_to(static_cast<std::size_t>(
          whole_number("the columns of a checkpoint", columns->second, 1, this->trial_.stream.size())));
    Base::restore(file, may_differ);
  }
  template <class Metric>
  [[nodiscard]] double measure(std::size_t task, const Metric& metric) {
    auto network = this->learner_.model();
    network.select(std::min(task, network.columns() - 1));
    return this->measure_of(network, task, metric);
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
