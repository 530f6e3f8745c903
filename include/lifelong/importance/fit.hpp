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
#include <lifelong/importance/gauss_newton.hpp>
#include <lifelong/importance/likelihood.hpp>

namespace lifelong::detail {

/// What a message calls a likelihood, and what the outputs are to it. A likelihood of the user's has no name.
template <class L>
struct LikelihoodNames {
  static constexpr const char* name = nullptr;
};
template <>
struct LikelihoodNames<importance::Categorical> {
  static constexpr const char *name = "Categorical", *prefix = "", *outputs = "logits of classes";
};
template <>
struct LikelihoodNames<importance::Gaussian> {
  static constexpr const char *name = "Gaussian", *prefix = "Gaussian", *outputs = "means of real targets";
};
template <>
struct LikelihoodNames<importance::Bernoulli> {
  static constexpr const char *name = "Bernoulli", *prefix = "Bernoulli", *outputs = "logits of yes-or-no answers";
};

/// True if the model has a loss that says which likelihood it is the logarithm of, by a type `Likelihood`.
template <class Model>
concept says_likelihood = requires(Model& model) {
  typename std::remove_cvref_t<decltype(model.loss_function())>::Likelihood;
};

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

/// Checks an importance called `name`, which takes the derivative of a likelihood L of the model's outputs; `form` is
/// the name of its template, if it is another than that of FisherInformation. \throws InvalidArgument if the model's
/// loss says that it is another likelihood, or for a softmax of one output that will stay the only one.
template <class L, class Model>
void require_likelihood_of(const std::string& name, Model& model, const std::string& form = "") {
  using Names = LikelihoodNames<L>;
  if constexpr (Names::name != nullptr) {
    if constexpr (says_likelihood<Model>) {
      using Loss = std::remove_cvref_t<decltype(model.loss_function())>;
      using Own = LikelihoodNames<typename Loss::Likelihood>;
      if constexpr (!std::same_as<typename Loss::Likelihood, L>) {
        std::string advice = "an importance of its likelihood";
        if constexpr (Own::name != nullptr) {
          advice = Own::prefix + std::string("Fisher");
          if (!form.empty()) advice = form + "<importance::" + Own::name + ">";
        }
        if constexpr (importance::CurvedLoss<Loss>) advice += ", or GaussNewton, which takes the loss's own curvature";
        raise<InvalidArgument>(Names::prefix + name + " takes the outputs as " + Names::outputs +
                               ", but the network is trained with " + name_of_loss<Loss>() + ": use " + advice);
      }
    }
    if (std::same_as<L, importance::Categorical> && model.outputs() == 1 && !may_grow(model))
      raise<InvalidArgument>(name +
                             ": softmax of one output is always 1, so every importance would be 0: use "
                             "BernoulliFisher for yes-or-no answers, GaussianFisher for a regression");
  }
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
