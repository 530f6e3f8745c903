// SPDX-License-Identifier: MIT
// What a learner is made of: its parts, their settings, and one line about them.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <lifelong/core/memory.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/importance/policy.hpp>
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

 protected:
  LearnerParts(Model model, Importance importance, Penalty penalty, Optimizer optimizer, Backend backend,
               Rehearsal rehearsal, MemoryLimit limit)
      : model_(std::move(model)),
        importance_(std::move(importance)),
        penalty_(std::move(penalty)),
        optimizer_(std::move(optimizer)),
        backend_(std::move(backend)),
        rehearsal_(std::move(rehearsal)),
        limit_(limit) {
    importance_.validate();
    penalty_.validate();
    optimizer_.validate();
    rehearsal_.validate();
  }

  [[nodiscard]] std::string recipe_of_parts() const {
    return detail::recipe_of(importance_, "an importance without a recipe") + "; " +
           detail::recipe_of(penalty_, "a penalty without a recipe") + "; " +
           detail::recipe_of(optimizer_, "an optimizer without a recipe") +
           (std::is_same_v<Rehearsal, rehearsal::None>
                ? ""
                : "; " + detail::recipe_of(rehearsal_, "a rehearsal without a recipe"));
  }

  Model model_;
  Importance importance_;
  Penalty penalty_;
  Optimizer optimizer_;
  Backend backend_;
  Rehearsal rehearsal_;
  MemoryLimit limit_;
};

}  // namespace lifelong
