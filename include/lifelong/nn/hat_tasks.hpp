// SPDX-License-Identifier: MIT
// Tasks of a learner whose network has gates: how they are trained, and how they end.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/learner/options.hpp>
#include <lifelong/penalty/frozen.hpp>
#include <lifelong/penalty/owners.hpp>

namespace lifelong::nn {

/// The penalty for a `HatNetwork`: what a task has claimed does not move by one bit, under any optimizer, momentum or
/// weight decay (`penalty::Frozen`); all else is free.
///
///     Learner learner{hat<float>({784, 400, 400, 10}, {.tasks = 5, .rate = 50}), importance::Constant{}, HatPenalty{},
///                     optimizer::Adam{}};
///     for (const auto& task : stream) {
///       learner.fit(task.train, {.epochs = 4}, Annealing(learner.model()));
///       end_task(learner);
///     }
///     learner.model().select(0);  // gives the outputs of task 0, the same for ever
///
/// A task's gates become bits when it ends, and it claims the weights between units that are open for it, their biases
/// and the rows of its outputs. The paper keeps weights between any units of earlier tasks, and keeps its gates soft,
/// so that outputs drift. Here weights between units that no single task has open together go on learning, and earlier
/// outputs keep their bits. The importance has no say: take `Constant`. 2 bytes per parameter.
struct HatPenalty : penalty::Frozen<> {
  static constexpr std::array<const char*, 1> numbers{"claimed_task"};  // the last one, counted from 1

  /// The settings in a line.
  [[nodiscard]] std::string recipe() const { return "HatPenalty()"; }

  /// Called before task number `task` ends. \throws InvalidArgument unless `end_task` ends it.
  void require_end(const std::array<double, 1>& kept, std::size_t task) const {
    if (kept[0] != static_cast<double>(task + 1))
      lifelong::detail::raise<InvalidArgument>("consolidate: task " + std::to_string(task) +
                                               ", counted from 0, has claimed no units yet: call nn::end_task(learner) "
                                               "instead, which does both");
  }
};

/// A callback of `fit` that lets the slope of a `HatNetwork`'s gates climb from 1 / s_max to s_max in every epoch:
/// `learner.fit(task, options, Annealing(learner.model()))`. The last step of an epoch has s_max, where the authors'
/// code stays below. After the last step of `fit` the slope stays at s_max. The network keeps where the slope is, so a
/// resumed call goes on with the slope at which it was interrupted. A network that is trained without it has the slope
/// s_max in all steps.
template <class Network>
class Annealing {
 public:
  explicit Annealing(Network& network) : network_(network) {
    if (network_.anneal_step() == 0) network_.anneal(0, 2);  // how many steps are not known before the first
  }

  void operator()(const FitProgress& at) const {
    if (at.step == at.steps)
      network_.anneal(0, 0);
    else
      network_.anneal(at.step % at.batches, at.batches);
  }

 private:
  Network& network_;
};

namespace hat_detail {

/// Gives a learner its owners back, unless `keep` is called.
template <class Learner>
class OwnersBack {
 public:
  explicit OwnersBack(Learner& learner)
      : learner_(learner),
        owners_(lifelong::detail::owners_of(learner)),
        number_(learner.state().penalty.numbers()[0]) {}
  ~OwnersBack() {
    if (kept_) return;
    lifelong::detail::set_owners(learner_, owners_);
    learner_.state().penalty.numbers()[0] = number_;
  }
  OwnersBack(const OwnersBack&) = delete;
  OwnersBack& operator=(const OwnersBack&) = delete;

  void keep() { kept_ = true; }

 private:
  Learner& learner_;
  std::vector<std::int16_t> owners_;
  double number_;
  bool kept_ = false;
};

}  // namespace hat_detail

/// Ends the present task of a learner with a `HatNetwork` and a `HatPenalty`: its gates are bits from now on, it claims
/// what its outputs depend on, and the learner consolidates. The arguments are those of `Learner::consolidate`: none
/// for an importance that needs no data. Shows the next task. O(parameters).
///
/// \throws InvalidArgument if all tasks of the network have ended, or more or fewer of the learner than of the network,
/// or a gate is closed for all units; and what `consolidate` throws. Then nothing has changed.
template <class Learner, class... Task>
void end_task(Learner& learner, Task&&... task) {
  auto& network = learner.model();
  if (learner.tasks() != network.tasks_ended())
    lifelong::detail::raise<InvalidArgument>("end_task: " + std::to_string(learner.tasks()) +
                                             " tasks of the learner have ended, but " +
                                             std::to_string(network.tasks_ended()) + " of its network");
  const std::vector<std::uint8_t> claims = network.claims();
  network.select_present();
  hat_detail::OwnersBack<Learner> way_back(learner);
  penalty::freeze(learner, claims);
  learner.state().penalty.numbers()[0] = static_cast<double>(learner.tasks() + 1);
  learner.consolidate(std::forward<Task>(task)...);
  way_back.keep();
  network.close_task();
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
