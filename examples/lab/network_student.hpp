// SPDX-License-Identifier: MIT
// The student that most methods have: a network in a learner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <lifelong/lifelong.hpp>
#include <utility>

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

/// `On` says where the trial runs; see `OnProcessor`.
template <class On, class Learner>
class NetworkStudent {
  struct Nothing {
    void operator()(const lifelong::FitProgress&) const {}
  };

 public:
  NetworkStudent(const Trial& trial, On machine, Learner learner)
      : trial_(trial), machine_(std::move(machine)), learner_(std::move(learner)) {}

  template <class Source, class Ended>
  void learn(const Source& source, std::size_t, const Ended& epoch_ended) {
    fit(source, trial_.options.epochs, trial_.options.optimizer_state, epoch_ended);
  }
  void end_task(const Examples& source) { learner_.consolidate(machine_.examples(source)); }
  [[nodiscard]] double accuracy(std::size_t task) { return accuracy_of(learner_.model(), task); }

  [[nodiscard]] std::size_t parameters() const { return learner_.model().parameters().size(); }
  [[nodiscard]] std::size_t state_bytes() { return learner_.state_bytes() - memory_bytes(); }
  [[nodiscard]] std::size_t memory_bytes() { return example_bytes(learner_.state().rehearsal); }

 protected:
  /// `also` is called after every step.
  template <class Source, class Ended, class Also = Nothing>
  void fit(const Source& source, std::size_t epochs, lifelong::OptimizerState state, const Ended& epoch_ended,
           const Also& also = {}) {
    const std::size_t batch_size = std::min(trial_.options.batch_size, source.size());
    learner_.fit(machine_.examples(source), fit_options(trial_, epochs, state), [&](const lifelong::FitProgress& at) {
      stop_if_interrupted();
      trial_.progress.stepped(at, batch_size);
      also(at);
      if (at.ends_epoch()) epoch_ended();
    });
  }
  template <class Network>
  [[nodiscard]] double accuracy_of(Network& network, std::size_t task) {
    return lifelong::accuracy(network, machine_.examples(trial_.stream[task].test), learner_.backend());
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
