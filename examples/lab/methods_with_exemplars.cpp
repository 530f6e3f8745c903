// SPDX-License-Identifier: MIT
// Methods that keep as many examples of every class, and live on them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lifelong/learner/gdumb.hpp>
#include <lifelong/rehearsal/greedy_balanced.hpp>
#include <lifelong/rehearsal/icarl.hpp>
#include <lifelong/stream/shifted_copies.hpp>
#include <utility>
#include <vector>

#include "methods.hpp"
#include "network_student.hpp"
#include "on_processor.hpp"

namespace lab {

namespace {

namespace rehearsal = lifelong::rehearsal;
using Bytes = std::uint8_t;

/// A network that is made anew from the memory after every task.
template <class Memory, class Learner>
class GreedyStudent : public Student {
 public:
  GreedyStudent(const Trial& trial, Learner untrained)
      : trial_(trial),
        memory_({.capacity = trial.options.memory, .seed = trial.seed}),
        untrained_(std::move(untrained)),
        trained_(untrained_) {}

  [[nodiscard]] Abilities abilities() const override { return {.probabilities = true}; }
  void learn(std::size_t task, Steps) override {
    const Options& options = trial_.options;
    const Examples& source = trial_.stream[task].train;
    memory_.push(Interruptible<Examples>(source));
    const std::vector<std::size_t> shape = trial_.stream[0].train.data().shape();
    const std::size_t width = shape.back(), height = memory_.features() / width;
    const lifelong::ShiftedCopies passes(memory_, height, width,
                                         {.copies = static_cast<std::size_t>(trial_["passes"]),
                                          .pixels = static_cast<std::size_t>(trial_["shift"]),
                                          .seed = trial_.seed});
    trained_ =
        lifelong::gdumb(untrained_, Interruptible(passes),
                        {.batch_size = options.batch_size,
                         .seed = trial_.seed,
                         .schedule = {.decay = lifelong::optimizer::Decay::cosine, .final_share = options.final_rate}});
    trial_.progress.learned(source.size() * options.epochs);
  }
  void end_task(std::size_t) override {}
  [[nodiscard]] double measure(std::size_t task, Measure what) override {
    const Interruptible<Examples> test(trial_.stream[task].test);
    return with_metric(what, [&](const auto& metric) {
      return lifelong::evaluate(trained_.model(), test, metric, trained_.backend());
    });
  }

  [[nodiscard]] std::size_t parameters() const override { return trained_.model().parameters().size(); }
  [[nodiscard]] std::size_t state_bytes() override { return state_bytes_of(trained_); }
  [[nodiscard]] std::size_t memory_bytes() override { return memory_.bytes(); }

 private:
  const Trial& trial_;
  Memory memory_;
  Learner untrained_, trained_;
};

Outcome train_from_memory(const Trial& trial) {
  const auto use = [&]<class Learner>(const OnProcessor&, Learner learner) {
    const auto teach = [&](auto&& student) { return learn_in_sequence(trial, student); };
    if (trial.options.stream == StreamKind::rotated)
      return teach(GreedyStudent<rehearsal::GreedyBalanced<float>, Learner>(trial, std::move(learner)));
    return teach(GreedyStudent<rehearsal::GreedyBalanced<float, Bytes>, Learner>(trial, std::move(learner)));
  };
  return with_learner<OnProcessor>(trial, use, lifelong::importance::Constant{}, lifelong::penalty::None{});
}

/// Classes are told by the nearest mean of exemplars, which a task has when it has ended, so it is not tested before.
template <class On, class Learner>
class ICarlStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  [[nodiscard]] Abilities abilities() const override { return {.in_steps = true, .saved_inside = true}; }
  void learn(std::size_t task, Steps steps) override {
    Base::learn(task, steps);
    const Options& options = this->trial_.options;
    if (steps.until == options.steps_of_epoch(this->train_set(task).size()) * options.epochs)
      this->learner_.consolidate();
  }
  void end_task(std::size_t) override {}
  [[nodiscard]] double measure(std::size_t task, Measure what) override {
    if (this->learner_.tasks() == 0) return Base::measure(task, what);
    auto classifier = rehearsal::nearest_mean_of(this->learner_);
    return this->measure_of(classifier, task, what);
  }
};

template <class Stored>
Outcome carl(const Trial& trial) {
  const Options& options = trial.options;
  const rehearsal::ICarlOf<Stored> icarl{.capacity = options.memory,
                                         .candidates = static_cast<std::size_t>(trial["candidates"]),
                                         .batch_size = options.memory_batch.value_or(options.batch_size),
                                         .seed = trial.seed};
  return teach_in_sequence<ICarlStudent, OnProcessor>(trial, lifelong::importance::Constant{},
                                                      lifelong::penalty::None{}, icarl);
}

Outcome carl_on(const Trial& trial) {
  return trial.options.stream == StreamKind::rotated ? carl<rehearsal::OwnType>(trial) : carl<Bytes>(trial);
}

}  // namespace

std::vector<Method> methods_with_exemplars() {
  return {
      {"gdumb",
       {{"passes", everywhere(128), 1}, {"shift", {.rotated = 4, .permuted = 0, .split = 4}, 0}},
       "GDumb: a network trained anew after every task, on the memory alone, whose images are shifted in each pass",
       train_from_memory,
       {.memory = true, .memory_per_class = true}},

      {"icarl",
       {{"candidates", everywhere(4000), 1}},
       "iCaRL: exemplars by herding, the old network's answers, and the nearest mean of exemplars",
       carl_on,
       {.memory = true, .memory_per_class = true}},
  };
}

}  // namespace lab
