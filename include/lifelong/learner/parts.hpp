// SPDX-License-Identifier: MIT
// What a learner is made of: its parts, their settings, and one line about them.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <lifelong/backend/reachable.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/importance/fit.hpp>
#include <lifelong/importance/policy.hpp>
#include <lifelong/learner/not_copied.hpp>
#include <lifelong/learner/roles.hpp>
#include <lifelong/optimizer/policy.hpp>
#include <lifelong/penalty/policy.hpp>
#include <lifelong/rehearsal/policy.hpp>

namespace lifelong {

namespace detail {

/// One line about a policy.
template <class Policy>
std::string recipe_of(const Policy& policy, const char* otherwise) {
  if constexpr (requires {
                  { policy.recipe() } -> std::convertible_to<std::string>;
                })
    return policy.recipe();
  else
    return otherwise;
}

}  // namespace detail

/// The parts of a learner, which owns them. Base of `Learner`; its members are the learner's.
template <class ModelPart, class ImportancePart, class PenaltyPart, class OptimizerPart, class... Further>
class LearnerParts {
  static_assert(detail::require_parameter_model<ModelPart>());
  static_assert(detail::require_importance<ImportancePart>());
  static_assert(detail::require_penalty<PenaltyPart>());
  static_assert(detail::require_optimizer<OptimizerPart>());
  using Roles = detail::Roles<ModelPart, Further...>;

 public:
  using Model = ModelPart;
  using Importance = ImportancePart;
  using Penalty = PenaltyPart;
  using Optimizer = OptimizerPart;
  using Backend = typename Roles::Backend;
  using Rehearsal = typename Roles::Rehearsal;
  static_assert(detail::require_backend<Backend>());

  /// The model; with a `DeviceBackend` its parameters lie on the device.
  [[nodiscard]] Model& model() { return model_; }
  [[nodiscard]] const Model& model() const { return model_; }
  /// θ. With a `DeviceBackend` its elements are not for the host to read.
  [[nodiscard]] std::span<typename Model::value_type> parameters() { return model_.parameters(); }
  /// Where the arrays lie, and how loops over them run.
  [[nodiscard]] const Backend& backend() const { return backend_; }

  /// The settings; they may be changed between steps and are used as they are.
  [[nodiscard]] Importance& importance_policy() { return importance_; }
  [[nodiscard]] Penalty& penalty_policy() { return penalty_; }
  [[nodiscard]] Optimizer& optimizer_policy() { return optimizer_; }
  [[nodiscard]] Rehearsal& rehearsal_policy() { return rehearsal_; }

  /// Calls `visit("penalty", recipe)` for importance, penalty, optimizer, rehearsal and model: the settings of each in
  /// a line, from its `recipe()` if it has one. A learning rate is shown as it is without a schedule.
  template <class Visit>
  void visit_recipes(const Visit& visit) const {
    visit(std::string("importance"), detail::recipe_of(importance_, "an importance without a recipe"));
    visit(std::string("penalty"), detail::recipe_of(penalty_, "a penalty without a recipe"));
    visit(std::string("optimizer"), detail::recipe_of(unscheduled_optimizer(), "an optimizer without a recipe"));
    visit(std::string("rehearsal"), std::is_same_v<Rehearsal, rehearsal::None>
                                        ? no_rehearsal
                                        : detail::recipe_of(rehearsal_, "a rehearsal without a recipe"));
    visit(std::string("model"), detail::recipe_of(model_, "a model without a recipe"));
  }

 protected:
  static constexpr const char* no_rehearsal = "no rehearsal";

  LearnerParts(Model model, Importance importance, Penalty penalty, Optimizer optimizer, Backend backend,
               Rehearsal rehearsal, MemoryLimit limit)
      : model_(std::move(model)),
        importance_(std::move(importance)),
        penalty_(std::move(penalty)),
        optimizer_(std::move(optimizer)),
        backend_(std::move(backend)),
        rehearsal_(std::move(rehearsal)),
        limit_(limit) {
    validate(importance_);
    validate(penalty_);
    validate(optimizer_);
    validate(rehearsal_);
    detail::require_fit(importance_, model_);
    detail::require_trainable(model_);
    detail::require_reachable(model_, backend_);
  }

  template <class Policy>
  static void validate(const Policy& policy) {
    policy.validate();
    detail::validate_settings_as<typename Model::value_type>(policy);
  }

  /// The optimizer's settings, with the learning rate as it is without a schedule.
  [[nodiscard]] Optimizer unscheduled_optimizer() const {
    Optimizer settings = optimizer_;
    if constexpr (requires { settings.learning_rate; })
      if (unscheduled_rate_.value) settings.learning_rate = *unscheduled_rate_.value;
    return settings;
  }

  /// The recipes of all parts but the model.
  [[nodiscard]] std::string recipe_of_parts() const {
    std::string line;
    visit_recipes([&](const std::string& part, const std::string& recipe) {
      if (part == "model" || recipe == no_rehearsal) return;
      line += (line.empty() ? "" : "; ") + recipe;
    });
    return line;
  }

  Model model_;
  Importance importance_;
  Penalty penalty_;
  Optimizer optimizer_;
  detail::NotCopied<std::optional<double>> unscheduled_rate_;  // while a schedule changes the learning rate
  Backend backend_;
  Rehearsal rehearsal_;
  MemoryLimit limit_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
