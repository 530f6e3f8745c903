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
class GreedyStudent {
 public:
  static constexpr bool has_probabilities = true;

  GreedyStudent(const Trial& trial, Learner untrained)
      : trial_(trial),
        memory_({.capacity = trial.options.memory, .seed = trial.seed}),
        untrained_(std::move(untrained)),
        trained_(untrained_) {}

  template <class Source>
  void learn(const Source& source, std::size_t, Steps) {
    const Options& options = trial_.options;
    memory_.push(Interruptible<Source>(source));
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
  void end_task(const Examples&) {}
  template <class Metric>
  [[nodiscard]] double measure(std::size_t task, const Metric& metric) {
    return lifelong::evaluate(trained_.model(), Interruptible<Examples>(trial_.stream[task].test), metric,
                              trained_.backend());
  }

  [[nodiscard]] std::size_t parameters() const { return trained_.model().parameters().size(); }
  [[nodiscard]] std::size_t state_bytes() const { return trained_.state_bytes(); }
  [[nodiscard]] std::size_t memory_bytes() const { return memory_.bytes(); }

 private:
  const Trial& trial_;
  Memory memory_;
  Learner untrained_, trained_;
};

Outcome train_from_memory(const Trial& trial) {
  const auto use = [&]<class Learner>(const OnProcessor&, Learner learner) {
    if (trial.options.stream == StreamKind::rotated)
      return learn_in_sequence(trial,
                               GreedyStudent<rehearsal::GreedyBalanced<float>, Learner>(trial, std::move(learner)));
    return learn_in_sequence(
        trial, GreedyStudent<rehearsal::GreedyBalanced<float, Bytes>, Learner>(trial, std::move(learner)));
  };
  return with_learner<OnProcessor>(trial, use, lifelong::importance::Constant{}, lifelong::penalty::None{});
}

/// Classes are told by the nearest mean of exemplars, which a task has when it has ended, so it is not tested before.
template <class On, class Learner>
class ICarlStudent : public NetworkStudent<On, Learner> {
  using Base = NetworkStudent<On, Learner>;

 public:
  using Base::Base;

  static constexpr bool tested_inside = false, has_probabilities = false;

  template <class Source>
  void learn(const Source& source, std::size_t task, Steps steps) {
    Base::learn(source, task, steps);
    const Options& options = this->trial_.options;
    if (steps.until == options.steps_of_epoch(source.size()) * options.epochs) this->learner_.consolidate();
  }
  void end_task(const Examples&) {}
  template <class Metric>
  [[nodiscard]] double measure(std::size_t task, const Metric& metric) {
    if (this->learner_.tasks() == 0) return Base::measure(task, metric);
    auto classifier = rehearsal::nearest_mean_of(this->learner_);
    return this->measure_of(classifier, task, metric);
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
