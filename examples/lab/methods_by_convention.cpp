// SPDX-License-Identifier: MIT
// The same importances as others compute them: a course's homework, and cheaper Fisher information.
#include <cstddef>
#include <lifelong/convention/hw14.hpp>
#include <utility>

#include "methods.hpp"
#include "network_student.hpp"
#include "on_processor.hpp"

namespace lab {

namespace {

namespace hw14 = lifelong::convention::hw14;
using lifelong::importance::Fisher;
using lifelong::importance::Labels;
using lifelong::importance::Merge;
using lifelong::penalty::Quadratic;

/// Squares of batch means depend on the batches, which are those of training.
template <class On, class Learner>
class BatchedStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  void end_task(std::size_t task) override {
    this->learner_.consolidate(this->machine_.examples(this->train_set(task)),
                               {.batch_size = this->trial_.options.batch_size});
  }
};

/// Estimates the importance on the first examples of a task alone.
template <class On, class Learner>
class SamplingStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  void end_task(std::size_t task) override {
    const Examples first = this->train_set(task).first(static_cast<std::size_t>(this->trial_["samples"]));
    this->learner_.consolidate(this->machine_.examples(first));
  }
};

template <class Importance>
Outcome train_by(const Trial& trial, const lifelong::convention::Recipe<Importance>& recipe) {
  return teach_in_sequence<BatchedStudent, OnProcessor>(trial, recipe.importance, recipe.penalty);
}

/// Counts each task once: the same importance without the guards.
template <class Importance>
Outcome train_once(const Trial& trial, lifelong::convention::Recipe<hw14::Guarded<Importance>> recipe) {
  recipe.importance.importance.merge = Merge::sum();
  return teach_in_sequence<BatchedStudent, OnProcessor>(trial, recipe.importance.importance, recipe.penalty);
}

Outcome train_once(const Trial& trial, lifelong::convention::Recipe<lifelong::convention::TaskWalk> recipe) {
  recipe.importance.guarded = false;
  return train_by(trial, recipe);
}

Outcome train_with_labels(const Trial& trial, Labels labels) {
  return train_in_sequence<OnProcessor>(trial, Fisher{.labels = labels, .merge = Merge::decay(1), .seed = trial.seed},
                                        Quadratic{.strength = trial["strength"]});
}

}  // namespace

std::vector<Method> methods_by_convention() {
  std::vector<Method> methods{
      {"ewc-few",
       {{"strength", {.rotated = 1000, .permuted = 10, .split = 1000}}, {"samples", everywhere(500), 1}},
       "online-ewc with the exact Fisher information of the first examples alone",
       [](const Trial& trial) {
         return teach_in_sequence<SamplingStudent, OnProcessor>(
             trial, Fisher{.merge = Merge::decay(1), .seed = trial.seed}, Quadratic{.strength = trial["strength"]});
       }},

      {"ewc-sampled",
       {{"strength", {.rotated = 1000, .permuted = 10, .split = 1000}}},
       "online-ewc with one label of each example, drawn from the model",
       [](const Trial& trial) { return train_with_labels(trial, Labels::sampled); }},

      {"ewc-empirical",
       {{"strength", {.rotated = 1000, .permuted = 10, .split = 1000}}},
       "online-ewc with the given label of each example",
       [](const Trial& trial) { return train_with_labels(trial, Labels::empirical); }},

      {"ewc-batch",
       {{"strength", everywhere(100'000)}},
       "online-ewc with the square of each batch's mean gradient, as most libraries have it",
       [](const Trial& trial) {
         return teach_in_sequence<BatchedStudent, OnProcessor>(
             trial, lifelong::importance::BatchFisher{.merge = Merge::decay(1)},
             Quadratic{.strength = trial["strength"]});
       }},

      {"hw14-ewc",
       {{"strength", everywhere(100)}},
       "EWC as a course's homework has it: squares of batch means, old tasks counted again at every task",
       [](const Trial& trial) { return train_by(trial, hw14::ewc(trial["strength"])); }},

      {"hw14-mas",
       {{"strength", everywhere(0.1)}},
       "MAS as the homework is usually solved: batch means, old tasks counted again at every task",
       [](const Trial& trial) { return train_by(trial, hw14::mas(trial["strength"])); }},

      {"hw14-si",
       {{"strength", everywhere(1)}},
       "SI as the homework has it: the penalty's own pull counts, negative importances are kept",
       [](const Trial& trial) { return train_by(trial, hw14::si(trial["strength"])); }},

      {"hw14-rwalk",
       {{"strength", everywhere(100)}},
       "RWalk as the homework has it: one interval for each task, negative scores are kept",
       [](const Trial& trial) { return train_by(trial, hw14::rwalk(trial["strength"])); }},

      {"hw14-scp",
       {{"strength", everywhere(100)}},
       "SCP as the homework has it: directions are averaged before the square",
       [](const Trial& trial) { return train_by(trial, hw14::scp(trial["strength"])); }},

      {"hw14-ewc-once",
       {{"strength", everywhere(100)}},
       "hw14-ewc with each task counted once",
       [](const Trial& trial) { return train_once(trial, hw14::ewc(trial["strength"])); }},

      {"hw14-mas-once",
       {{"strength", everywhere(0.1)}},
       "hw14-mas with each task counted once",
       [](const Trial& trial) { return train_once(trial, hw14::mas(trial["strength"])); }},

      {"hw14-rwalk-once",
       {{"strength", everywhere(100)}},
       "hw14-rwalk with the Fisher information of each task counted once",
       [](const Trial& trial) { return train_once(trial, hw14::rwalk(trial["strength"])); }},

      {"hw14-scp-once",
       {{"strength", everywhere(100)}},
       "hw14-scp with each task counted once",
       [](const Trial& trial) { return train_once(trial, hw14::scp(trial["strength"])); }},
  };
  for (Method& method : methods) method.by_name_only = true;
  return methods;
}

}  // namespace lab
