// SPDX-License-Identifier: MIT
// The student that most methods have: a network in a learner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <string>
#include <utility>
#include <vector>

#include "interrupt.hpp"
#include "session.hpp"
#include "trial.hpp"

namespace lab {

/// Bytes of the stored examples in what a rehearsal keeps.
template <class State>
std::size_t example_bytes(const State& state) {
  if constexpr (requires { state.example_bytes(); })
    return state.example_bytes();
  else if constexpr (requires { state.memory.bytes(); })
    return state.memory.bytes();
  else if constexpr (requires { state.past.bytes(); })
    return state.past.bytes();
  else if constexpr (requires { state.exemplars.bytes(); })
    return state.exemplars.bytes() + state.candidates.bytes();
  else
    return 0;
}

/// How the options say that a task is learned.
inline lifelong::FitOptions fit_options(const Trial& trial, std::size_t epochs, lifelong::OptimizerState state) {
  const Options& options = trial.options;
  return {.epochs = epochs,
          .batch_size = options.batch_size,
          .seed = trial.seed,
          .optimizer_state = state,
          .schedule = {.decay = lifelong::optimizer::Decay::linear, .final_share = options.final_rate}};
}

/// Epochs that follow on one another in a call of `fit`, which may be taken in portions.
struct Epochs {
  std::size_t count;
  lifelong::OptimizerState state;
  bool resume = true;
};

/// `On` says where the trial runs; see `OnProcessor`.
template <class On, class Learner>
class NetworkStudent {
  struct Nothing {
    void operator()(const lifelong::FitProgress&) const {}
  };

 public:
  static constexpr bool saved_inside = true, tested_inside = true, has_probabilities = true;

  NetworkStudent(const Trial& trial, On machine, Learner learner)
      : trial_(trial), machine_(std::move(machine)), learner_(std::move(learner)) {}

  template <class Source>
  void learn(const Source& source, std::size_t, Steps steps) {
    fit(source, {trial_.options.epochs, trial_.options.optimizer_state}, steps.until);
  }
  void end_task(const Examples& source) { learner_.consolidate(machine_.examples(source)); }
  template <class Metric>
  [[nodiscard]] double measure(std::size_t task, const Metric& metric) {
    return measure_of(learner_.model(), task, metric);
  }

  [[nodiscard]] std::size_t parameters() const { return learner_.model().parameters().size(); }
  [[nodiscard]] std::size_t state_bytes() { return learner_.state_bytes() - memory_bytes(); }
  [[nodiscard]] std::size_t memory_bytes() { return example_bytes(learner_.state().rehearsal); }

  [[nodiscard]] lifelong::io::Safetensors saved() { return lifelong::io::checkpoint(learner_); }
  void restore(const lifelong::io::Safetensors& file, const std::vector<std::string>& may_differ) {
    lifelong::io::restore(file, learner_, {.may_differ = may_differ});
  }

 protected:
  /// Learns up to a step of these epochs. `also` is called after every step, as if all were taken at once.
  template <class Source, class Also = Nothing>
  void fit(const Source& source, const Epochs& epochs, std::size_t until, const Also& also = {}) {
    const std::size_t all_steps = trial_.options.steps_of_epoch(source.size()) * epochs.count,
                      batch_size = std::min(trial_.options.batch_size, source.size());
    lifelong::FitOptions portion = fit_options(trial_, epochs.count, epochs.state);
    portion.schedule.steps = all_steps;
    portion.steps = until;
    portion.resume = epochs.resume;
    learner_.fit(machine_.examples(source), portion, [&](lifelong::FitProgress at) {
      at.steps = all_steps;
      also(at);
      trial_.progress.stepped(at, batch_size);
      stop_if_interrupted();
    });
  }
  template <class Network, class Metric>
  [[nodiscard]] double measure_of(Network& network, std::size_t task, const Metric& metric) {
    return lifelong::evaluate(network, machine_.examples(trial_.stream[task].test), metric, learner_.backend());
  }

  const Trial& trial_;
  On machine_;
  Learner learner_;
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

/// Makes a learner of these parts and calls `use(machine, learner)`.
template <class On, class Use, class Importance, class Penalty, class... Further>
Outcome with_learner(const Trial& trial, Use use, const Importance& importance, const Penalty& penalty,
                     const Further&... further) {
  return with_optimizer(trial.options, [&](const auto& optimizer) {
    On machine(trial);
    lifelong::Learner learner(machine.network(), importance, penalty, optimizer, machine.backend(), further...);
    return use(std::move(machine), std::move(learner));
  });
}

/// A `S<On, Learner>` learns task after task, with these parts of a learner.
template <template <class, class> class S, class On, class Importance, class Penalty, class... Further>
Outcome teach_in_sequence(const Trial& trial, const Importance& importance, const Penalty& penalty,
                          const Further&... further) {
  const auto use = [&]<class Learner>(On machine, Learner learner) {
    return learn_in_sequence(trial, S<On, Learner>(trial, std::move(machine), std::move(learner)));
  };
  return with_learner<On>(trial, use, importance, penalty, further...);
}

/// A network learns task after task, with these parts of a learner.
template <class On, class Importance, class Penalty, class... Further>
Outcome train_in_sequence(const Trial& trial, const Importance& importance, const Penalty& penalty,
                          const Further&... further) {
  return teach_in_sequence<NetworkStudent, On>(trial, importance, penalty, further...);
}

/// A network learns all tasks at once.
template <class On>
Outcome train_together(const Trial& trial) {
  const auto use = [&](On machine, auto learner) {
    return learn_together(trial, NetworkStudent(trial, std::move(machine), std::move(learner)));
  };
  return with_learner<On>(trial, use, lifelong::importance::Constant{}, lifelong::penalty::None{});
}

}  // namespace lab
