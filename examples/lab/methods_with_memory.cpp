// SPDX-License-Identifier: MIT
// Methods that keep examples, and those that combine them with an importance.
#include <cstdint>
#include <lifelong/nn/kronecker/fisher.hpp>
#include <lifelong/nn/kronecker/penalty.hpp>
#include <lifelong/rehearsal/averaged_gem.hpp>
#include <lifelong/rehearsal/dark_experience.hpp>
#include <lifelong/rehearsal/distillation.hpp>
#include <lifelong/rehearsal/gem.hpp>
#include <lifelong/rehearsal/replay.hpp>

#include "any_rehearsal.hpp"
#include "methods.hpp"
#include "network_student.hpp"
#include "on_processor.hpp"

namespace lab {

namespace rehearsal = lifelong::rehearsal;
using lifelong::importance::Constant;
using lifelong::importance::Fisher;
using lifelong::importance::Labels;
using lifelong::importance::Merge;
using lifelong::nn::KroneckerFisher;
using lifelong::nn::KroneckerPenalty;
using lifelong::nn::KroneckerSum;
using lifelong::penalty::Anchor;
using lifelong::penalty::None;
using lifelong::penalty::Quadratic;

namespace {

using rehearsal::LastOfTask;
using rehearsal::UniformSelection;
using Bytes = std::uint8_t;

using Rehearsal = AnyRehearsal<rehearsal::Replay, rehearsal::ReplayFrom<UniformSelection, Bytes>, rehearsal::Der,
                               rehearsal::DerFrom<UniformSelection, Bytes>, rehearsal::DerPlusPlus,
                               rehearsal::DerPlusPlusFrom<UniformSelection, Bytes>, rehearsal::AGem,
                               rehearsal::AGemFrom<UniformSelection, Bytes>, rehearsal::Gem,
                               rehearsal::GemFrom<LastOfTask, Bytes>, rehearsal::Distillation>;

/// A policy with the memory that the options ask for, after `set` has set the rest.
template <class Policy, class Set>
Rehearsal remembering(const Trial& trial, Policy policy, const Set& set) {
  policy.capacity = trial.options.memory;
  policy.batch_size = trial.options.memory_batch.value_or(trial.options.batch_size);
  policy.seed = trial.seed;
  set(policy);
  return {policy};
}

/// The one of two policies that stores pixels of 8 bits as such; but rotations make values between them.
template <class Real, class InBytes, class Set>
Rehearsal stored(const Trial& trial, const Set& set) {
  return trial.options.stream == StreamKind::rotated ? remembering(trial, Real{}, set)
                                                     : remembering(trial, InBytes{}, set);
}

Rehearsal replay(const Trial& trial) {
  return stored<rehearsal::Replay, rehearsal::ReplayFrom<UniformSelection, Bytes>>(trial, [](auto&) {});
}
Rehearsal dark(const Trial& trial) {
  return stored<rehearsal::Der, rehearsal::DerFrom<UniformSelection, Bytes>>(
      trial, [&](auto& policy) { policy.alpha = trial["alpha"]; });
}
Rehearsal dark_and_labelled(const Trial& trial) {
  return stored<rehearsal::DerPlusPlus, rehearsal::DerPlusPlusFrom<UniformSelection, Bytes>>(trial, [&](auto& policy) {
    policy.alpha = trial["alpha"];
    policy.beta = trial["beta"];
  });
}
Rehearsal averaged_gem(const Trial& trial) {
  return stored<rehearsal::AGem, rehearsal::AGemFrom<UniformSelection, Bytes>>(trial, [](auto&) {});
}
Rehearsal gem(const Trial& trial) {
  return stored<rehearsal::Gem, rehearsal::GemFrom<LastOfTask, Bytes>>(trial, [&](auto& policy) {
    policy.capacity = trial.options.memory / trial.stream.size();
    policy.batch_size = trial.options.memory_batch.value_or(policy.capacity);
    policy.margin = trial["margin"];
  });
}
Rehearsal distillation(const Trial& trial, const char* strength, rehearsal::NewOutputs new_outputs) {
  return {rehearsal::Distillation{
      .temperature = trial["temperature"], .strength = trial[strength], .new_outputs = new_outputs}};
}

Outcome train(const Trial& trial, const Rehearsal& rehearsal) {
  return train_in_sequence<OnProcessor>(trial, Constant{}, None{}, rehearsal);
}
Outcome train_with_ewc(const Trial& trial, Anchor anchor, const Rehearsal& rehearsal) {
  return train_in_sequence<OnProcessor>(trial, Fisher{.merge = Merge::decay(1), .seed = trial.seed},
                                        Quadratic{.strength = trial["strength"], .anchor = anchor}, rehearsal);
}
Outcome train_with_kfac(const Trial& trial, const Rehearsal& rehearsal) {
  return train_in_sequence<OnProcessor>(trial, KroneckerFisher{.labels = Labels::sampled, .seed = trial.seed},
                                        KroneckerPenalty{.strength = trial["strength"], .sum = KroneckerSum::nearest},
                                        rehearsal);
}

}  // namespace

std::vector<Method> methods_with_memory() {
  return {
      {"er",
       {},
       "experience replay: every step learns from a sample of the memory too, which is a sample of all examples",
       [](const Trial& trial) { return train(trial, replay(trial)); },
       {.memory = true}},

      {"der",
       {{"alpha", everywhere(0.1)}},
       "dark experience replay: outputs for examples of the memory stay what they were when they came",
       [](const Trial& trial) { return train(trial, dark(trial)); },
       {.memory = true}},

      {"der++",
       {{"alpha", everywhere(0.1)}, {"beta", everywhere(0.5)}},
       "der, and er on a sample of its own",
       [](const Trial& trial) { return train(trial, dark_and_labelled(trial)); },
       {.memory = true}},

      {"gem",
       {{"margin", everywhere(rehearsal::Gem{}.margin)}},
       "gradient episodic memory: no step goes against the gradient of a task, on its last examples",
       [](const Trial& trial) { return train(trial, gem(trial)); },
       {.memory = true, .memory_per_task = true}},

      {"a-gem",
       {},
       "averaged GEM: no step goes against the gradient of a sample of all tasks that have ended",
       [](const Trial& trial) { return train(trial, averaged_gem(trial)); },
       {.memory = true}},

      {"lwf",
       {{"strength", everywhere(rehearsal::Distillation{}.strength)},
        {"temperature", everywhere(rehearsal::Distillation{}.temperature)}},
       "learning without forgetting: the network of the last task teaches its answers to the images of the new one",
       [](const Trial& trial) {
         return train(trial, distillation(trial, "strength", rehearsal::NewOutputs::untaught));
       }},

      {"lwf-zero",
       {{"strength", {.rotated = 1, .permuted = 1, .split = 4}},
        {"temperature", everywhere(rehearsal::Distillation{}.temperature)}},
       "lwf whose teacher gives new classes the probability 0 where the task is not known",
       [](const Trial& trial) {
         return train(trial, distillation(trial, "strength", rehearsal::NewOutputs::improbable));
       }},

      {"ewc+er",
       {{"strength", {.rotated = 100, .permuted = 1, .split = 100}}},
       "ewc and er together",
       [](const Trial& trial) { return train_with_ewc(trial, Anchor::per_task, replay(trial)); },
       {.memory = true}},

      {"online-ewc+er",
       {{"strength", {.rotated = 100, .permuted = 1, .split = 100}}},
       "online-ewc and er together",
       [](const Trial& trial) { return train_with_ewc(trial, Anchor::last, replay(trial)); },
       {.memory = true}},

      {"kfac+er",
       {{"strength", {.rotated = 3, .permuted = 1, .split = 3}}},
       "kfac and er together",
       [](const Trial& trial) { return train_with_kfac(trial, replay(trial)); },
       {.memory = true}},

      {"kfac+lwf",
       {{"strength", {.rotated = 10, .permuted = 4, .split = 10}},
        {"distillation", everywhere(rehearsal::Distillation{}.strength)},
        {"temperature", everywhere(rehearsal::Distillation{}.temperature)}},
       "kfac and lwf together, without stored examples",
       [](const Trial& trial) {
         return train_with_kfac(trial, distillation(trial, "distillation", rehearsal::NewOutputs::untaught));
       }},
  };
}

}  // namespace lab
