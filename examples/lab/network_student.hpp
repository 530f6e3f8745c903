// SPDX-License-Identifier: MIT
// The student that most methods have: a network in a learner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/stream/joined.hpp>
#include <string>
#include <utility>
#include <vector>

#include "any_optimizer.hpp"
#include "interrupt.hpp"
#include "session.hpp"
#include "student.hpp"
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

/// Bytes that a learner keeps beside its model, but for those that its optimizer does not use.
template <class Learner>
std::size_t state_bytes_of(Learner& learner) {
  return learner.state_bytes() -
         learner.optimizer_policy().unused_arrays() * learner.model().parameters().size() * sizeof(float);
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
class NetworkStudent : public Student {
  struct Nothing {
    void operator()(const lifelong::FitProgress&) const {}
  };

 public:
  NetworkStudent(const Trial& trial, On machine, Learner learner)
      : trial_(trial), machine_(std::move(machine)), learner_(std::move(learner)) {}

  [[nodiscard]] Abilities abilities() const override {
    return {.in_steps = true, .saved_inside = true, .tested_inside = true, .probabilities = true};
  }
  void learn(std::size_t task, Steps steps) override { fit(train_set(task), all_epochs(), steps.until); }
  void end_task(std::size_t task) override { learner_.consolidate(machine_.examples(train_set(task))); }
  [[nodiscard]] double measure(std::size_t task, Measure what) override {
    return measure_of(learner_.model(), task, what);
  }

  [[nodiscard]] std::size_t parameters() const override { return learner_.model().parameters().size(); }
  [[nodiscard]] std::size_t state_bytes() override { return state_bytes_of(learner_) - memory_bytes(); }
  [[nodiscard]] std::size_t memory_bytes() override { return example_bytes(learner_.state().rehearsal); }

  [[nodiscard]] lifelong::io::Safetensors saved() override { return lifelong::io::checkpoint(learner_); }
  [[nodiscard]] lifelong::io::Safetensors finished() override { return learner_.optimizer_policy().as_chosen(saved()); }
  void restore(const lifelong::io::Safetensors& file, const std::vector<std::string>& may_differ) override {
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
  template <class Network>
  [[nodiscard]] double measure_of(Network& network, std::size_t task, Measure what) {
    const auto& test = machine_.examples(trial_.stream[task].test);
    return with_metric(
        what, [&](const auto& metric) { return lifelong::evaluate(network, test, metric, learner_.backend()); });
  }
  [[nodiscard]] const Examples& train_set(std::size_t task) const { return trial_.stream[task].train; }
  [[nodiscard]] Epochs all_epochs() const { return {trial_.options.epochs, trial_.options.optimizer_state}; }

  const Trial& trial_;
  On machine_;
  Learner learner_;
};

/// Makes a learner of these parts and calls `use(machine, learner)`.
template <class On, class Use, class Importance, class Penalty, class... Further>
Outcome with_learner(const Trial& trial, Use use, const Importance& importance, const Penalty& penalty,
                     const Further&... further) {
  On machine(trial);
  const AnyOptimizer optimizer{trial.options.optimizer, trial.options.learning_rate};
  lifelong::Learner learner(machine.network(), importance, penalty, optimizer, machine.backend(), further...);
  return use(std::move(machine), std::move(learner));
}

/// A `S<On, Learner>` learns task after task, with these parts of a learner.
template <template <class, class> class S, class On, class Importance, class Penalty, class... Further>
Outcome teach_in_sequence(const Trial& trial, const Importance& importance, const Penalty& penalty,
                          const Further&... further) {
  const auto use = [&]<class Learner>(On machine, Learner learner) {
    S<On, Learner> student(trial, std::move(machine), std::move(learner));
    return learn_in_sequence(trial, student);
  };
  return with_learner<On>(trial, use, importance, penalty, further...);
}

/// A network learns task after task, with these parts of a learner.
template <class On, class Importance, class Penalty, class... Further>
Outcome train_in_sequence(const Trial& trial, const Importance& importance, const Penalty& penalty,
                          const Further&... further) {
  return teach_in_sequence<NetworkStudent, On>(trial, importance, penalty, further...);
}

/// It learns all tasks as one.
template <class On, class Learner>
class JointStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  JointStudent(const Trial& trial, On machine, Learner learner)
      : Base(trial, std::move(machine), std::move(learner)), all_(trial.stream) {}

  void learn(std::size_t, Steps steps) override { this->fit(all_, this->all_epochs(), steps.until); }

 private:
  lifelong::Joined<std::uint8_t> all_;
};

/// A network learns all tasks at once.
template <class On>
Outcome train_together(const Trial& trial) {
  const auto use = [&]<class Learner>(On machine, Learner learner) {
    JointStudent<On, Learner> student(trial, std::move(machine), std::move(learner));
    return learn_together(trial, student);
  };
  return with_learner<On>(trial, use, lifelong::importance::Constant{}, lifelong::penalty::None{});
}

}  // namespace lab
