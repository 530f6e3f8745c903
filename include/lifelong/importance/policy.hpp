// SPDX-License-Identifier: MIT
// What an importance must provide.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <concepts>
#include <cstddef>
#include <span>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/importance/estimation.hpp>
#include <lifelong/policy/arrays.hpp>

namespace lifelong {
namespace detail {

// What an importance's kernel has is asked here, outside of functions that run on a device: inside one, nvcc answers
// no.

template <class Kernel, class T>
concept kernel_observes = requires(const Kernel& kernel, T v) {
  kernel.observe(std::size_t{}, v, v, v, v);
};
template <class Kernel, class T>
concept kernel_contributes = requires(const Kernel& kernel, T v) {
  kernel.contribution(std::size_t{}, v, v);
};
template <class Kernel, class T>
concept kernel_restarts = requires(const Kernel& kernel, T v) {
  kernel.restart(std::size_t{}, v, v);
};

template <class I>
concept has_contribution = requires(const I& importance, ArrayPointers<I, float> arrays, float v) {
  {
    importance.template kernel<float>(arrays, Clock{}).contribution(std::size_t{}, v, v)
    } -> std::convertible_to<float>;
};

template <class I>
concept has_observe = requires(const I& importance, ArrayPointers<I, float> arrays, float v) {
  importance.template kernel<float>(arrays, Clock{}).observe(std::size_t{}, v, v, v, v);
};

template <class I, class T>
struct EstimateType {
  using type = std::span<T>;
};
template <class I, class T>
requires estimates_its_own<I, T>
struct EstimateType<I, T> {
  using type = typename I::template Estimate<T>;
};
/// What an importance estimates: one value per parameter, or something of its own.
template <class I, class T>
using EstimateOf = typename EstimateType<I, T>::type;

template <class I, class Model, class T = typename Model::value_type>
concept begins_its_own = requires(const I& importance, Model& model, const Loop<T, backend::Serial>& loop,
                                  std::span<T> values) {
  importance.begin(model, loop, values);
};

/// True if the importance looks at data when a task ends.
template <class I, class Model, class T = typename Model::value_type>
concept is_estimated = begins_its_own<I, Model> || requires(const I& importance, Model& model, const Batch<T>& batch,
                                                            importance::Estimation<T, backend::Serial>& estimation) {
  importance.estimate(model, batch, estimation);
};

/// The kernel of an importance for the end of a task: `final_kernel<T>(arrays, clock, loop)`, which may look at all
/// parameters, or that of every step.
template <class T, class I, class Backend>
auto final_kernel_of(const I& importance, ArrayPointers<I, T> arrays, const Clock& clock,
                     const Loop<T, Backend>& loop) {
  if constexpr (requires { importance.template final_kernel<T>(arrays, clock, loop); })
    return importance.template final_kernel<T>(arrays, clock, loop);
  else
    return importance.template kernel<T>(arrays, clock);
}

}  // namespace detail

/// How much a parameter matters. Either estimated from data, or gathered along the way, or both.
///
/// Estimated: `estimate(model, batch, estimation)` adds one batch of the task to an `importance::Estimation`. The mean
/// over samples is made of it at the end, or what `finish(estimation)` makes, if there is one. An importance that sums
/// up something else has `begin(model, loop, values)`, which returns its own kind of estimation, and `finish`, which
/// writes the estimates to those `values`.
///
/// Gathered: `kernel<T>(arrays, clock)` returns a kernel with `contribution(i, θ, estimate)`, what the task adds, and
/// if it likes `observe(i, gradient, penalty_gradient, before, after)` for every step and `restart(i, θ, contribution)`
/// for the start of the next task. `final_kernel<T>(arrays, clock, loop)`, if there, is the kernel for the end of a
/// task and may run loops over all parameters.
///
/// `merge` says how tasks add up; `least()` and `most()` bound Ω, if there.
template <class I>
concept ImportancePolicy = std::copyable<I> && detail::has_validate<I> && requires(const I& importance) {
  importance.merge.weights(std::size_t{});
};

/// An importance whose kernel looks at every step, such as Synaptic Intelligence.
template <class I>
concept PathImportance = ImportancePolicy<I> && detail::has_contribution<I> && detail::has_observe<I>;

namespace detail {

template <class I>
consteval bool require_importance() {
  static_assert(
      !requires { typename I::template State<float>; },
      "ImportancePolicy: the importance names its arrays and numbers; State<T> is for structured penalties");
  static_assert(std::copyable<I>, "ImportancePolicy: the importance must be copyable");
  static_assert(has_validate<I>,
                "ImportancePolicy: the importance needs validate() const, which throws if a setting is wrong");
  static_assert(ImportancePolicy<I>, "ImportancePolicy: the importance needs merge, an importance::Merge");
  return true;
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
