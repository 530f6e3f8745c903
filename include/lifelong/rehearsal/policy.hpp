// SPDX-License-Identifier: MIT
// What computes the gradient of a step. Methods that keep or generate examples belong here.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/policy/arrays.hpp>
#include <lifelong/policy/state.hpp>

namespace lifelong {

/// A policy that computes the gradient of a step: `gradient(state, backend, model, batch, out)` overwrites `out`, which
/// lies where the backend has its arrays, with the gradient that the step takes, and returns the loss; `end_task(state,
/// model)` is called when a task has ended. The learner owns the `State<Model>`, a default-constructed `PolicyState`.
/// An importance that is gathered during training sees this gradient.
/// `end_task` does not throw. A step may be refused after `gradient`, so what a policy remembers of a batch it takes in
/// `keep(state, model, batch)`, if it has that, which is called after a step that was taken and does not throw.
template <class R, class Model>
concept RehearsalPolicy = std::copyable<R> && detail::has_validate<R> && requires {
  typename R::template State<Model>;
  requires PolicyState<typename R::template State<Model>>;
} && requires(const R& rehearsal, typename R::template State<Model>& state, Model& model,
              const Batch<typename Model::value_type>& batch, std::span<typename Model::value_type> out) {
  { rehearsal.gradient(state, backend::Serial{}, model, batch, out) } -> std::convertible_to<double>;
  rehearsal.end_task(state, model);
};

namespace rehearsal {

/// No rehearsal: the model's own gradient of the batch.
struct None {
  /// Nothing is kept.
  template <class Model>
  struct State {
    void resize(std::size_t) {}
    [[nodiscard]] std::size_t bytes() const { return 0; }
    template <class Array, class Number>
    void visit(const Array&, const Number&) {}
  };

  void validate() const {}

  template <class Model, class Backend, class B>
  double gradient(State<Model>&, const Backend&, Model& model, const B& batch,
                  std::span<typename Model::value_type> out) const {
    return static_cast<double>(model.gradient(batch, out));
  }
  template <class Model>
  void end_task(State<Model>&, Model&) const {}
};

/// The same, for programs in which `None` is a macro, as X11's headers define it.
using Nothing = None;

}  // namespace rehearsal
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
