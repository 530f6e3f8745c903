// SPDX-License-Identifier: MIT
// What a penalty must provide, in either of its two forms.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <span>

#include <lifelong/backend/serial.hpp>
#include <lifelong/penalty/term.hpp>
#include <lifelong/policy/arrays.hpp>
#include <lifelong/policy/state.hpp>

namespace lifelong {
namespace detail {

template <class P>
concept has_term = requires(const P& penalty, ArrayPointers<P, float> arrays, float v) {
  { penalty.template kernel<float>(arrays).term(std::size_t{}, v).gradient } -> std::convertible_to<float>;
  { penalty.template kernel<float>(arrays).term(std::size_t{}, v).value } -> std::convertible_to<float>;
};

template <class P>
concept has_absorb = requires(const P& penalty, ArrayPointers<P, float> arrays, float v) {
  {
    penalty.template kernel<float>(arrays).absorb(std::size_t{}, v, v, penalty::Absorption<float>{})
    } -> std::convertible_to<float>;
};

template <class P>
concept has_proximal = requires(const P& penalty, ArrayPointers<P, float> arrays, float v) {
  { penalty.template kernel<float>(arrays).proximal(std::size_t{}, v, v, v) } -> std::convertible_to<float>;
};

/// True if the penalty is not a sum over single parameters and keeps a state of its own kind.
template <class P, class T = float>
concept is_structured = has_own_state<P, T>;

template <class P, class T = float>
concept has_structured_gradient = is_structured<P, T> &&
    requires(const P& penalty, typename P::template State<T>& state, std::span<const T> theta, std::span<T> out) {
  { penalty.gradient(state, backend::Serial{}, theta, out) } -> std::convertible_to<double>;
};

/// True if the penalty says which of its arrays are Ω and θ*.
template <class P>
concept is_anchored = requires {
  { P::anchored.importance } -> std::convertible_to<std::size_t>;
  { P::anchored.anchor } -> std::convertible_to<std::size_t>;
};

}  // namespace detail

/// A penalty that is a sum over parameters: `kernel<T>(arrays)` returns a kernel with `term(i, θ)`, the penalty's
/// `value` and `gradient`, and `absorb(i, θ, contribution, absorption)`, which merges a task's importance. What
/// `absorb` returns is summed up and passed to `absorbed(numbers, weights, sum)`, if the penalty keeps `numbers`; what
/// they add to its value is `constant(numbers)`. The kernel may have two more functions:
/// - `settle(i, θ, task)`, called after `absorb` when task number `task` has ended: the parameter with which the next
///   task begins, θ if nothing is to change;
/// - `parameter(i, θ, task)`: the parameter to use for task number `task`, which has ended, see
///   `Learner::copy_parameters`.
/// A task number is counted from 0. The penalty may have `require_end(numbers, task)`, which throws if the task cannot
/// end yet; then nothing has changed.
template <class P>
concept ElementwisePenalty = detail::has_term<P> && detail::has_absorb<P>;

/// A penalty that is not part of the gradient but is solved for after the optimizer's step. Its kernel has `proximal(i,
/// before, stepped, rate)` too, which returns the final θ from θ before the step and the step taken. It needs an
/// optimizer with `rate`.
template <class P>
concept ImplicitPenalty = ElementwisePenalty<P> && detail::has_proximal<P>;

/// A penalty that keeps an importance Ω and an anchor θ*: `static constexpr AnchoredArrays anchored` says which of its
/// arrays they are. A learner then gives access to both, and lets Ω be set by hand.
template <class P>
concept AnchoredPenalty = ElementwisePenalty<P> && detail::is_anchored<P>;

/// A penalty that couples parameters, such as a Kronecker-factored one. The learner owns its `State<T>`, a
/// default-constructed `PolicyState`; `gradient(state, backend, θ, out)` overwrites `out` with the penalty's gradient
/// and returns its value; `absorb(state, estimate, θ, weights)` merges what the importance estimated, an
/// `Importance::Estimate<T>`, or throws and changes nothing. Its arrays are host memory: for a `DeviceBackend` the
/// learner copies θ out and the gradient in.
template <class P>
concept StructuredPenalty = detail::has_structured_gradient<P>;

/// A penalty for moving the parameters, in either form.
template <class P>
concept PenaltyPolicy = std::copyable<P> && detail::has_validate<P> &&(ElementwisePenalty<P> || StructuredPenalty<P>);

namespace detail {

template <class P>
consteval bool require_penalty() {
  static_assert(std::copyable<P>, "PenaltyPolicy: the penalty must be copyable");
  static_assert(has_validate<P>,
                "PenaltyPolicy: the penalty needs validate() const, which throws if a setting is wrong");
  static_assert(
      !requires { typename P::template State<float>; } || is_structured<P>,
      "PolicyState: State<T> needs resize(count), bytes() const and visit(array, number)");
  static_assert(!is_structured<P> || StructuredPenalty<P>,
                "StructuredPenalty: a penalty with State<T> needs gradient(state, backend, theta, out) const, which "
                "returns its value");
  static_assert(is_structured<P> || has_term<P>,
                "ElementwisePenalty: the penalty needs kernel<T>(arrays) const with as many arrays as it names, which "
                "returns a kernel with term(i, theta), a penalty::Term");
  static_assert(is_structured<P> || has_absorb<P>,
                "ElementwisePenalty: the penalty's kernel needs absorb(i, theta, contribution, absorption)");
  return true;
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
