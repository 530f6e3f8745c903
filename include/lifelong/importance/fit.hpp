// SPDX-License-Identifier: MIT
// Whether an importance fits a model: its likelihood the model's loss, and both the number of outputs.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>

#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/importance/likelihood.hpp>

namespace lifelong::detail {

/// True for the likelihoods that a loss of the library can have. What a likelihood of the user's fits is for the user
/// to know.
template <class L>
inline constexpr bool is_known_likelihood =
    std::same_as<L, importance::Categorical> || std::same_as<L, importance::Gaussian> ||
    std::same_as<L, importance::Bernoulli>;

template <class Loss>
std::string name_of_loss() {
  if constexpr (requires { std::string(Loss::name); })
    return Loss::name;
  else
    return "a loss of another likelihood";
}

/// Whether the model may still get outputs: it has `grow`, unless a function `can_grow(model)` of its own knows better.
template <class Model>
bool may_grow(Model& model) {
  if constexpr (requires {
                  { can_grow(model) } -> std::convertible_to<bool>;
                })
    return can_grow(model);
  else
    return GrowingModel<Model>;
}

/// True unless a known likelihood L is another than that of the model's loss.
template <class L, class Model>
constexpr bool agrees_with_loss() {
  return !is_known_likelihood<L> || !says_likelihood<Model> || std::same_as<L, typename LikelihoodOfModel<Model>::type>;
}

/// Checks an importance called `name`, which takes the derivative of a likelihood L of the model's outputs. It does not
/// compile if the model's loss says that it is another likelihood. \throws InvalidArgument for a softmax of one output
/// that will stay the only one.
template <class L, class Model>
void require_likelihood_of(const char* name, Model& model) {
  static_assert(agrees_with_loss<L, Model>(),
                "the likelihood of this importance is not that of the model's loss: take Fisher, BatchFisher or "
                "KroneckerFisher, which ask the loss, or GaussNewton, which takes the loss's own curvature");
  if constexpr (std::same_as<L, importance::Categorical>)
    if (model.outputs() == 1 && !may_grow(model))
      raise<InvalidArgument>(std::string(name) +
                             ": softmax of one output is always 1, so every importance would be 0: use "
                             "BernoulliFisher for yes-or-no answers, GaussianFisher for a regression");
}

/// Checks that an importance fits a model, if it has `validate_for(model)`. An importance of other importances has one
/// that asks each. \throws InvalidArgument.
template <class I, class Model>
void require_fit(const I& importance, Model& model) {
  if constexpr (requires { importance.validate_for(model); }) importance.validate_for(model);
}

/// \throws InvalidArgument for a model whose loss is that of a softmax of one output: it is 0 whatever the output, and
/// so is its gradient.
template <class Model>
void require_trainable(Model& model) {
  if constexpr (says_likelihood<Model>) {
    using Loss = std::remove_cvref_t<decltype(model.loss_function())>;
    if constexpr (std::same_as<typename Loss::Likelihood, importance::Categorical>)
      if (model.outputs() == 1 && !may_grow(model))
        raise<InvalidArgument>(
            "softmax of one output is always 1, so " + name_of_loss<Loss>() +
            " and its gradient are always 0: give the network one output per class, or another loss");
  }
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
