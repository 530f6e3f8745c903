// SPDX-License-Identifier: MIT
// A learner at work on a trial: trains, consolidates and tests, and keeps the times and the accuracies.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <lifelong/lifelong.hpp>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "interrupt.hpp"
#include "trial.hpp"

namespace lab {

/// `On` says where the trial runs; see `OnProcessor`.
template <class On, class Learner>
class Session {
 public:
  Session(On machine, Learner learner, const Trial& trial)
      : machine_(std::move(machine)), learner_(std::move(learner)), trial_(trial) {
    outcome_.parameters = learner_.parameters().size();
    outcome_.state_bytes = learner_.state_bytes();
    outcome_.initial_accuracy = accuracies();
  }

  template <class Source>
  void train(const Source& source) {
    const auto start = Clock::now();
    const Options& options = trial_.options;
    const std::size_t batch_size = std::min(options.batch_size, source.size());
    learner_.fit(machine_.examples(source),
                 {.epochs = options.epochs,
                  .batch_size = options.batch_size,
                  .seed = trial_.seed,
                  .optimizer_state = options.optimizer_state,
                  .schedule = {.decay = lifelong::optimizer::Decay::linear, .final_share = options.final_rate}},
                 [&](const lifelong::FitProgress& at) {
                   stop_if_interrupted();
                   trial_.progress.stepped(at, batch_size);
                 });
    outcome_.train_seconds += seconds_since(start);
  }

  template <class Source>
  void consolidate(const Source& source) {
    const auto start = Clock::now();
    learner_.consolidate(machine_.examples(source));
    outcome_.state_bytes = learner_.state_bytes();
    outcome_.importance_seconds += seconds_since(start);
    trial_.progress.consolidated();
  }

  /// Adds a row to the accuracy matrix; `seen` tasks have been learned.
  void test(std::size_t seen) {
    const std::vector<double>& row = outcome_.accuracy_matrix.emplace_back(accuracies());
    const auto end = row.begin() + static_cast<std::ptrdiff_t>(seen);
    trial_.progress.end_task(std::accumulate(row.begin(), end, 0.0) / static_cast<double>(seen));
  }

  [[nodiscard]] const Outcome& outcome() const { return outcome_; }

 private:
  using Clock = std::chrono::steady_clock;

  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  std::vector<double> accuracies() {
    std::vector<double> row;
    for (const auto& task : trial_.stream) {
      row.push_back(lifelong::accuracy(learner_.model(), machine_.examples(task.test), learner_.backend()));
      trial_.progress.tested(task.test.size());
    }
    return row;
  }

  On machine_;
  Learner learner_;
  const Trial& trial_;
  Outcome outcome_;
};

/// Calls `use(optimizer)` with the optimizer the options name.
template <class Use>
Outcome with_optimizer(const Options& options, Use use) {
  switch (options.optimizer) {
    case OptimizerKind::sgd:
      return use(lifelong::optimizer::Sgd{.learning_rate = options.learning_rate});
    case OptimizerKind::momentum:
      return use(lifelong::optimizer::Momentum{.learning_rate = options.learning_rate});
    case OptimizerKind::adam:
      break;
  }
  return use(lifelong::optimizer::Adam{.learning_rate = options.learning_rate});
}

/// Makes a learner of these parts and hands a session with it to `teach`.
template <class On, class Importance, class Penalty, class Teach>
Outcome learn(const Trial& trial, const Importance& importance, const Penalty& penalty, Teach teach) {
  return with_optimizer(trial.options, [&](const auto& optimizer) {
    On machine(trial);
    lifelong::Learner learner(machine.network(), importance, penalty, optimizer, machine.backend());
    Session session(std::move(machine), std::move(learner), trial);
    teach(session);
    return session.outcome();
  });
}

/// Task after task. The last task's importance would not be used any more and is not estimated.
template <class On, class Importance, class Penalty>
Outcome learn_in_sequence(const Trial& trial, const Importance& importance, const Penalty& penalty) {
  return learn<On>(trial, importance, penalty, [&](auto& session) {
    for (std::size_t task = 0; task < trial.stream.size(); ++task) {
      trial.progress.start_task("task " + std::to_string(task + 1) + " of " + std::to_string(trial.stream.size()));
      session.train(trial.stream[task].train);
      session.test(task + 1);
      if (task + 1 < trial.stream.size()) session.consolidate(trial.stream[task].train);
    }
  });
}

/// All tasks at once.
template <class On>
Outcome learn_together(const Trial& trial) {
  return learn<On>(trial, lifelong::importance::Constant{}, lifelong::penalty::None{}, [&](auto& session) {
    trial.progress.start_task("all tasks");
    session.train(lifelong::Joined(trial.stream));
    session.test(trial.stream.size());
  });
}

}  // namespace lab
